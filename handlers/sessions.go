package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// SessionsConfig says how sessions are kept.
type SessionsConfig struct {
	// Keys are secrets of 32 bytes or more. The first one seals; all open, so that a new one can be
	// put before the old one, and that be taken out after MaxAge. With none there is one that is
	// made at the start: sessions end with the process then, and a second process knows none of
	// them. With a Store there is nothing to seal.
	Keys [][]byte

	// Store keeps values on the server: the cookie has a random name of the session alone, and a
	// session can be ended from the server. nil: the cookie has the value itself, encrypted.
	Store SessionStore

	// Cookie is its name: __Host-session, or session if Insecure or with a Domain or Path.
	Cookie   string
	Domain   string        // for subdomains, too; "": this host alone
	Path     string        // "/"
	SameSite http.SameSite // 0: Lax
	Insecure bool          // the cookie is sent without TLS, too: only for development

	Idle   time.Duration // a session that is not used for so long ends: 24 h
	MaxAge time.Duration // and any after so long: 30 days
}

// SessionStore keeps sessions on a server. Its methods may block: they are called on goroutines, by
// many at the same time, and ctx ends with the request. A name has 43 letters and is no secret: it
// is a hash of what the cookie has.
type SessionStore interface {
	// Load finds a session. nil, nil: there is none.
	Load(ctx context.Context, name string) (data []byte, err error)
	// Save keeps a new one.
	Save(ctx context.Context, name string, data []byte, until time.Time) error
	// Update changes one that is there, in one step, and reports false if there is none: a request
	// that was under way when the session was ended must not bring it back.
	Update(ctx context.Context, name string, data []byte, until time.Time) (there bool, err error)
	// Delete ends one. It is no error if there is none.
	Delete(ctx context.Context, name string) error
}

// Sessions keeps a value of type T, which encoding/json can write and read, for each user who is
// signed in. Make it with NewSessions, put Middleware around the routes that need it, and call
//
//   - Get for the value of this request's session,
//   - Start at each sign-in: it makes a session of a new name, so that nobody can have prepared it
//     (session fixation), and ends the one before,
//   - Set to change the value,
//   - End at a sign-out.
//
// The cookie is HttpOnly, Secure, SameSite=Lax and of this host alone, and is renewed while the
// session is used. Without a Store a session is what the cookie says until it is too old: a copy of
// a cookie outlives a sign-out, also that which a request sets that was under way then, and a T has
// to fit into 4 KiB with all around it. Who has to end sessions needs a Store, as NewMemorySessions
// is one. Two requests that change the value of a session at the same time: the last one counts;
// but what another request has ended meanwhile stays ended, and Set returns ErrSessionEnded.
//
// A request that is rerouted keeps what it has made of its session.
//
// Answers of requests whose session was asked for get Vary: Cookie, and those that set the cookie
// Cache-Control: private, if they have none.
type Sessions[T any] struct {
	c     SessionsConfig
	seals *seals
	key   lwan.Key[*session[T]]
	now   func() time.Time
}

// session is that of a request.
type session[T any] struct {
	value   T
	there   bool
	token   string // of the cookie, with a Store
	begun   time.Time
	cookie  *http.Cookie // to be set; nil: none
	touched bool         // a handler has asked
}

// kept is what is sealed, or stored.
type kept[T any] struct {
	Value T     `json:"v"`
	Begun int64 `json:"b"` // Unix seconds
	Seen  int64 `json:"s"`
}

const (
	defaultSessionIdle = 24 * time.Hour
	defaultSessionAge  = 30 * 24 * time.Hour

	// maxSessionCookie is what browsers take at least, with name and attributes (RFC 6265 section
	// 6.1).
	maxSessionCookie = 4096
)

// NewSessions checks c. The error names what is wrong.
func NewSessions[T any](c SessionsConfig) (*Sessions[T], error) {
	host := !c.Insecure && c.Domain == "" && (c.Path == "" || c.Path == "/")
	switch {
	case c.Cookie == "" && host:
		c.Cookie = "__Host-session"
	case c.Cookie == "":
		c.Cookie = "session"
	}
	if c.Path == "" {
		c.Path = "/"
	}
	if c.SameSite == 0 {
		c.SameSite = http.SameSiteLaxMode
	}
	c.Idle = cmpDuration(c.Idle, defaultSessionIdle)
	c.MaxAge = cmpDuration(c.MaxAge, defaultSessionAge)
	s := &Sessions[T]{c: c, key: lwan.NewKey[*session[T]]("a session"), now: time.Now}
	if err := s.check(host); err != nil {
		return nil, fmt.Errorf("SessionsConfig: %w", err)
	}
	seals, err := newSeals(c.Keys, c.Cookie)
	if err != nil {
		return nil, fmt.Errorf("SessionsConfig.Keys: %w", err)
	}
	s.seals = seals
	return s, nil
}

func cmpDuration(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func (s *Sessions[T]) check(host bool) error {
	c := &s.c
	switch {
	case c.Idle < time.Second || c.MaxAge < time.Second:
		return errors.New("a field Idle or MaxAge is less than a second")
	case c.SameSite == http.SameSiteNoneMode && c.Insecure:
		return errors.New("browsers refuse SameSite=None of an Insecure cookie")
	case strings.HasPrefix(c.Cookie, "__Host-") && !host,
		strings.HasPrefix(c.Cookie, "__Secure-") && c.Insecure:
		return fmt.Errorf("browsers refuse a cookie %s with these attributes", c.Cookie)
	}
	if err := s.newCookie("x", time.Second).Valid(); err != nil {
		return err
	}
	if _, err := json.Marshal(kept[T]{}); err != nil {
		return err
	}
	return nil
}

// newCookie is the cookie with that value; "": the one that takes it back.
func (s *Sessions[T]) newCookie(value string, life time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: s.c.Cookie, Value: value, Path: s.c.Path, Domain: s.c.Domain,
		MaxAge: int(life / time.Second), Secure: !s.c.Insecure, HttpOnly: true,
		SameSite: s.c.SameSite,
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// Middleware finds the session of each request that has one. A store that fails fails the request.
func (s *Sessions[T]) Middleware(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if _, found := s.key.Get(req); found { // it was rerouted, or a group is inside of another
			return next(req, resp)
		}
		own := new(session[T])
		s.key.Set(req, own)
		resp.BeforeHead(func(lwan.Status) { s.finish(own, resp) }) // a Reset does not drop it
		if err := s.open(req, own); err != nil {
			return resp.Fail(err)
		}
		return next(req, resp)
	}
}

// finish sets the fields of an answer.
func (s *Sessions[T]) finish(own *session[T], resp *lwan.Response) {
	if own.touched || own.cookie != nil {
		vary(resp, "Cookie")
	}
	if own.cookie == nil {
		return
	}
	resp.SetCookie(own.cookie)
	if resp.Header("Cache-Control") == "" {
		resp.SetHeader("Cache-Control", "private")
	}
}

// Get is the value of the request's session; false: it has none. It panics, which is answered with
// 500, on a route without Middleware, as all methods do that get a request.
func (s *Sessions[T]) Get(req *lwan.Request) (v T, ok bool) {
	own := s.key.Must(req)
	own.touched = true
	return own.value, own.there
}

// Start begins a session with that value, of a new name, and ends the one that the request has.
// With a Store it parks. After an error the request has the session that it had before.
func (s *Sessions[T]) Start(req *lwan.Request, resp *lwan.Response, v T) error {
	own := s.key.Must(req)
	before := *own
	err := s.save(req, resp, own, session[T]{value: v, begun: s.now()})
	if err != nil || before.token == "" {
		return err
	}
	if err := s.remove(req, before.token); err != nil {
		*own = before // nobody has the token of the new one
		return err
	}
	return nil
}

// Set changes the value of the request's session, and begins one if there is none. With a Store it
// parks, and returns ErrSessionEnded if another request has ended the session meanwhile.
func (s *Sessions[T]) Set(req *lwan.Request, resp *lwan.Response, v T) error {
	own := s.key.Must(req)
	if !own.there {
		return s.save(req, resp, own, session[T]{value: v, begun: s.now()})
	}
	return s.save(req, resp, own, session[T]{value: v, begun: own.begun, token: own.token})
}

// End ends the request's session, if there is one. With a Store it parks.
func (s *Sessions[T]) End(req *lwan.Request, resp *lwan.Response) error {
	own := s.key.Must(req)
	if resp.HeadSent() {
		return lwan.ErrHeadSent
	}
	if own.token != "" {
		if err := s.remove(req, own.token); err != nil {
			return err
		}
	}
	*own = session[T]{touched: true, cookie: s.newCookie("", 0)}
	return nil
}
