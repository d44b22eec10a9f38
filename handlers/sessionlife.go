package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/golwan/golwan/lwan"
)

// ErrSessionTooLarge is what Start and Set return for a value that does not fit into a cookie: 500.
var ErrSessionTooLarge = fmt.Errorf("handlers: the session does not fit into a cookie of %d bytes",
	maxSessionCookie)

// open finds the session of the request's cookie, and renews it when it is time. What is too old,
// of another key or no session at all is none.
func (s *Sessions[T]) open(req *lwan.Request, own *session[T]) error {
	cookie := req.Cookie(s.c.Cookie)
	if cookie == "" {
		return nil
	}
	data, err := s.load(req, cookie)
	if err != nil || data == nil {
		return err
	}
	var was kept[T]
	if json.Unmarshal(data, &was) != nil { // of an older program's T: sign in again
		return nil
	}
	begun, seen, now := time.Unix(was.Begun, 0), time.Unix(was.Seen, 0), s.now()
	if now.After(begun.Add(s.c.MaxAge)) || now.After(seen.Add(s.c.Idle)) {
		return nil
	}
	own.value, own.there, own.begun = was.Value, true, begun
	if s.c.Store != nil {
		own.token = cookie
	}
	if now.Sub(seen) < s.c.Idle/renewals {
		return nil
	}
	return s.keep(req, own)
}

// renewals is how often in Idle a session is written anew because it was used.
const renewals = 24

// load is what the cookie stands for; nil: nothing.
func (s *Sessions[T]) load(req *lwan.Request, cookie string) ([]byte, error) {
	if s.c.Store == nil {
		return s.seals.open(cookie), nil
	}
	if len(cookie) != tokenLength {
		return nil, nil
	}
	return lwan.Await(req, func(ctx context.Context) ([]byte, error) {
		return s.c.Store.Load(ctx, storedName(cookie))
	})
}

// save gives the session a value.
func (s *Sessions[T]) save(req *lwan.Request, resp *lwan.Response, own *session[T], v T) error {
	if resp.HeadSent() {
		return lwan.ErrHeadSent
	}
	own.value, own.there, own.touched = v, true, true
	if s.c.Store != nil && own.token == "" {
		own.token = newToken()
	}
	return s.keep(req, own)
}

// keep writes the session as it is now, into the store or into the cookie.
func (s *Sessions[T]) keep(req *lwan.Request, own *session[T]) error {
	now := s.now()
	data, err := json.Marshal(kept[T]{own.value, own.begun.Unix(), now.Unix()})
	if err != nil {
		return fmt.Errorf("handlers: a session cannot be written: %w", err)
	}
	life := max(min(s.c.Idle, own.begun.Add(s.c.MaxAge).Sub(now)), time.Second)
	value := own.token
	if s.c.Store == nil {
		value = s.seals.seal(data)
	}
	cookie := s.newCookie(value, life)
	if len(cookie.String()) > maxSessionCookie {
		return ErrSessionTooLarge
	}
	if s.c.Store != nil {
		if err := req.Await(func(ctx context.Context) error {
			return s.c.Store.Save(ctx, storedName(own.token), data, now.Add(life))
		}); err != nil {
			return err
		}
	}
	own.cookie = cookie
	return nil
}

// forget ends the session that the request has.
func (s *Sessions[T]) forget(req *lwan.Request, own *session[T]) error {
	if own.token != "" {
		if err := req.Await(func(ctx context.Context) error {
			return s.c.Store.Delete(ctx, storedName(own.token))
		}); err != nil {
			return err
		}
	}
	*own = session[T]{touched: true}
	return nil
}
