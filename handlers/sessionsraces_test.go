package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// endingStore ends each session behind the back of the request that has just found it, as a
// sign-out in another window does.
type endingStore struct {
	handlers.SessionStore
	ends bool
}

func (s *endingStore) Load(ctx context.Context, name string) ([]byte, error) {
	data, err := s.SessionStore.Load(ctx, name)
	if s.ends && err == nil {
		err = s.Delete(ctx, name)
	}
	return data, err
}

// TestSessionEndedMeanwhile: what was ended while a request had it is not brought back by that
// request, neither by a new value nor because it was time to renew it.
func TestSessionEndedMeanwhile(t *testing.T) {
	store := &endingStore{SessionStore: handlers.NewMemorySessions(0)}
	h := lwantest.Build(t, sessionSite(t, handlers.SessionsConfig{Store: store}))
	synctest.Test(t, func(t *testing.T) {
		for _, late := range []time.Duration{0, 2 * time.Hour} {
			v := &visitor{t: t, h: h}
			v.ask("POST", "/start?user=ann")
			ended := v.cookie
			time.Sleep(late)
			store.ends = true
			path, want := "/count", 409
			if late > 0 { // renewing finds it out, and the request goes on without a session
				path, want = "/static", 204
			}
			method := map[string]string{"/count": "POST", "/static": "GET"}[path]
			if got := v.ask(method, path); int(got.Status) != want ||
				got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d %v", path, got.Status, got.Header)
			}
			store.ends = false
			(&visitor{t: t, h: h, cookie: ended}).is(" 0 false")
		}
	})
}

// TestSessionStartFails: a sign-in that fails leaves the session that was there, and its cookie.
func TestSessionStartFails(t *testing.T) {
	b := &brokenStore{SessionStore: handlers.NewMemorySessions(0)}
	v := &visitor{t: t, h: lwantest.Build(t, sessionSite(t, handlers.SessionsConfig{Store: b}))}
	v.ask("POST", "/start?user=ann")
	was := v.cookie
	for _, c := range []struct {
		which *error
		path  string
	}{{&b.save, "/start?user=bob"}, {&b.remove, "/start?user=bob"}, {nil, "/late"}} {
		if c.which != nil {
			*c.which = errors.New("the store is away")
		}
		v.ask("POST", c.path)
		b.save, b.remove = nil, nil
		if v.cookie != was {
			t.Errorf("%s: another cookie", c.path)
		}
		v.is("ann 0 true")
	}
}

// TestSessionRerouted: the page that a request is rerouted to after a sign-in, on a loop or
// Blocking, has the new session, and the answer sets one cookie.
func TestSessionRerouted(t *testing.T) {
	for name, c := range sessionKinds() {
		s, err := handlers.NewSessions[sessionUser](c)
		if err != nil {
			t.Fatal(err)
		}
		srv := &lwan.Server{}
		srv.Use(s.Middleware)
		srv.Handle("POST /start", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if err := s.Start(req, resp, sessionUser{User: req.Query("user")}); err != nil {
				return resp.Fail(err)
			}
			return req.Reroute(resp, req.Query("to"))
		})
		who := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			v, ok := s.Get(req)
			v.Count++
			if err := s.Set(req, resp, v); err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, fmt.Sprint(v.User, " ", ok))
		}
		srv.Handle("/inline", who)
		srv.Handle("/blocking", who, lwan.Blocking, s.Middleware)
		site := lwantest.Start(t, srv)
		cookie := ""
		for _, to := range []string{"/inline", "/blocking"} {
			for _, user := range []string{"ann", "bob"} {
				r := httptest.NewRequest("POST", site.URL+"/start?user="+user+"&to="+to, nil)
				r.RequestURI = ""
				r.Header.Set("Cookie", cookie)
				resp, err := site.Client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				var b strings.Builder
				if err := resp.Write(&b); err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				_, body, _ := strings.Cut(b.String(), "\r\n\r\n")
				set := resp.Header.Values("Set-Cookie")
				if body != user+" true" || len(set) != 1 {
					t.Fatalf("%s %s: %q %q", name, to, body, set)
				}
				cookie, _, _ = strings.Cut(set[0], ";")
			}
		}
	}
}

// TestSessionRenewedTooLarge: a cookie that a program with shorter attributes has made, and that
// does not fit any more, is a session until it is too old, and fails no request.
func TestSessionRenewedTooLarge(t *testing.T) {
	before := handlers.SessionsConfig{Keys: [][]byte{sessionKey}, Cookie: "s", Path: "/"}
	after := before
	after.Path = "/" + strings.Repeat("x", 900)
	from := lwantest.Build(t, sessionSite(t, before))
	to := lwantest.Build(t, sessionSite(t, after))
	synctest.Test(t, func(t *testing.T) {
		v := &visitor{t: t, h: from}
		user := strings.Repeat("u", 2400)
		v.ask("POST", "/start?user="+user)
		v.h = to
		time.Sleep(2 * time.Hour)
		v.is(user + " 0 true")
		if got := v.ask("POST", "/count"); got.Status != 500 {
			t.Errorf("a new value: %d", got.Status)
		}
	})
}
