package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golwan/golwan/lwan"
)

// ErrSessionTooLarge is what Start and Set return for a value that does not fit into a cookie: 500.
var ErrSessionTooLarge = fmt.Errorf("handlers: the session does not fit into a cookie of %d bytes",
	maxSessionCookie)

// ErrSessionEnded is what Set returns when another request has ended the session since this one has
// begun: 409 (Conflict).
var ErrSessionEnded error = &lwan.Error{
	Status: lwan.StatusConflict, Message: "the session has ended meanwhile",
}

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
	switch err := s.keep(req, own); {
	case errors.Is(err, ErrSessionEnded): // by another request, in this moment
		*own = session[T]{}
	case errors.Is(err, ErrSessionTooLarge): // with the attributes of this program: it runs out
	default:
		return err
	}
	return nil
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

// save makes next, which has a value, the request's session, once it is written.
func (s *Sessions[T]) save(req *lwan.Request, resp *lwan.Response, own *session[T],
	next session[T],
) error {
	own.touched = true
	if resp.HeadSent() {
		return lwan.ErrHeadSent
	}
	next.there, next.touched = true, true
	if err := s.keep(req, &next); err != nil {
		return err
	}
	*own = next
	return nil
}

// keep writes a session as it is now, into the store or into the cookie. One without a token is
// new.
func (s *Sessions[T]) keep(req *lwan.Request, own *session[T]) error {
	now := s.now()
	data, err := json.Marshal(kept[T]{own.value, own.begun.Unix(), now.Unix()})
	if err != nil {
		return fmt.Errorf("handlers: a session cannot be written: %w", err)
	}
	life := max(min(s.c.Idle, own.begun.Add(s.c.MaxAge).Sub(now)), time.Second)
	if s.c.Store == nil {
		cookie := s.newCookie(s.seals.seal(data), life)
		if len(cookie.String()) > maxSessionCookie {
			return ErrSessionTooLarge
		}
		own.cookie = cookie
		return nil
	}
	if err := s.store(req, own, data, now.Add(life)); err != nil {
		return err
	}
	own.cookie = s.newCookie(own.token, life)
	return nil
}

// store writes a session into the store.
func (s *Sessions[T]) store(req *lwan.Request, own *session[T], data []byte,
	until time.Time,
) error {
	if own.token == "" {
		token := newToken()
		err := req.Await(func(ctx context.Context) error {
			return s.c.Store.Save(ctx, storedName(token), data, until)
		})
		if err == nil {
			own.token = token
		}
		return err
	}
	name := storedName(own.token)
	there, err := lwan.Await(req, func(ctx context.Context) (bool, error) {
		return s.c.Store.Update(ctx, name, data, until)
	})
	if err == nil && !there {
		return ErrSessionEnded
	}
	return err
}

// remove takes the session of a token out of the store.
func (s *Sessions[T]) remove(req *lwan.Request, token string) error {
	name := storedName(token)
	return req.Await(func(ctx context.Context) error { return s.c.Store.Delete(ctx, name) })
}
