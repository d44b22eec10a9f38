package handlers

import "github.com/golwan/golwan/lwan"

// Named is middleware that puts the user of a session into UserKey, where the access log,
// RequireUser, limits by user and conditions look for it. name says who it is; "": nobody. It goes
// inside of Middleware.
//
//	srv.Use(sessions.Middleware, sessions.Named(func(l login) string { return l.User }))
func (s *Sessions[T]) Named(name func(T) string) lwan.Middleware {
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if v, ok := s.Get(req); ok {
				if who := name(v); who != "" {
					UserKey.Set(req, who)
				}
			}
			return next(req, resp)
		}
	}
}

// RequireUser lets in requests with a user in UserKey, and answers all others with 401, before
// their body is read. It goes inside of what finds out who the user is, as Sessions.Named does.
func RequireUser(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if who, _ := UserKey.Get(req); who == "" {
			return resp.Error(lwan.StatusUnauthorized, "sign in first")
		}
		return next(req, resp)
	}
}
