package handlers_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

type sessionUser struct {
	User  string
	Count int
}

func ExampleSessions() {
	t := new(testing.B)
	type login struct{ User string }
	sessions, err := handlers.NewSessions[login](handlers.SessionsConfig{
		Keys: [][]byte{[]byte("a secret of 32 bytes from a file")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{}
	srv.Use(sessions.Middleware)
	srv.Handle("POST /sign-in", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		// once the password is right
		if err := sessions.Start(req, resp, login{User: "ann"}); err != nil {
			return resp.Fail(err)
		}
		return resp.Redirect(303, "/")
	})
	srv.Handle("GET /{$}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		who, ok := sessions.Get(req)
		if !ok {
			return resp.Redirect(303, "/sign-in")
		}
		return resp.Text(200, "Hello, "+who.User+"!")
	})
	h := lwantest.Build(t, srv)
	in := lwantest.Do(t, h, httptest.NewRequest("POST", "/sign-in", nil))
	r := httptest.NewRequest("GET", "/", nil)
	cookie, _, _ := strings.Cut(in.Header.Get("Set-Cookie"), ";")
	r.Header.Set("Cookie", cookie)
	fmt.Println(lwantest.Do(t, h, r).Body)
	// Output: Hello, ann!
}

// sessionSite has a page for each method of Sessions.
func sessionSite(t testing.TB, c handlers.SessionsConfig) *lwan.Server {
	t.Helper()
	s, err := handlers.NewSessions[sessionUser](c)
	if err != nil {
		t.Fatal(err)
	}
	srv := &lwan.Server{}
	site := srv.Group("", s.Middleware)
	does := func(do func(req *lwan.Request, resp *lwan.Response) error) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if err := do(req, resp); err != nil {
				return resp.Fail(err)
			}
			return 204
		}
	}
	site.Handle("POST /start", does(func(req *lwan.Request, resp *lwan.Response) error {
		return s.Start(req, resp, sessionUser{User: req.Query("user")})
	}))
	site.Handle("POST /count", does(func(req *lwan.Request, resp *lwan.Response) error {
		v, _ := s.Get(req)
		v.Count++
		return s.Set(req, resp, v)
	}))
	site.Handle("POST /end", does(s.End))
	site.Handle("POST /fails", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if err := s.Start(req, resp, sessionUser{User: "failed"}); err != nil {
			return resp.Fail(err)
		}
		resp.Reset()
		return 400
	})
	site.Handle("POST /late", does(func(req *lwan.Request, resp *lwan.Response) error {
		if err := resp.Flush(); err != nil {
			return err
		}
		if err := s.Start(req, resp, sessionUser{}); !errors.Is(err, lwan.ErrHeadSent) {
			t.Errorf("Start behind the head: %v", err)
		}
		if err := s.End(req, resp); !errors.Is(err, lwan.ErrHeadSent) {
			t.Errorf("End behind the head: %v", err)
		}
		return nil
	}))
	site.Handle("GET /who", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		v, ok := s.Get(req)
		return resp.Text(200, fmt.Sprint(v.User, " ", v.Count, " ", ok))
	})
	site.Handle("GET /static", func(*lwan.Request, *lwan.Response) lwan.Status { return 204 })
	srv.Handle("GET /outside", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		s.Get(req)
		return 204
	})
	return srv
}

// visitor is a browser with one cookie.
type visitor struct {
	t      testing.TB
	h      lwan.Handler
	cookie string // "name=value"; "": none
}

// ask sends a request with the cookie, and takes the one that comes back.
func (v *visitor) ask(method, target string) *lwantest.Result {
	v.t.Helper()
	r := httptest.NewRequest(method, target, nil)
	if v.cookie != "" {
		r.Header.Set("Cookie", v.cookie)
	}
	got := lwantest.Do(v.t, v.h, r)
	if set := got.Header.Get("Set-Cookie"); strings.Contains(set, "Max-Age=0") {
		v.cookie = ""
	} else if set != "" {
		v.cookie, _, _ = strings.Cut(set, ";")
	}
	return got
}

// is fails unless /who says so.
func (v *visitor) is(want string) {
	v.t.Helper()
	if got := v.ask("GET", "/who"); got.Body != want {
		v.t.Errorf("%q, want %q", got.Body, want)
	}
}

var sessionKey = bytes.Repeat([]byte("k"), 32)

// sessionKinds are the ways to keep sessions.
func sessionKinds() map[string]handlers.SessionsConfig {
	return map[string]handlers.SessionsConfig{
		"cookie": {Keys: [][]byte{sessionKey}},
		"random": {},
		"store":  {Store: handlers.NewMemorySessions(0)},
	}
}

func TestSessions(t *testing.T) {
	for name, c := range sessionKinds() {
		t.Run(name, func(t *testing.T) {
			v := &visitor{t: t, h: lwantest.Build(t, sessionSite(t, c))}
			v.is(" 0 false")
			if got := v.ask("GET", "/static"); got.Header.Get("Vary") != "" {
				t.Errorf("who does not ask: %v", got.Header)
			}
			got := v.ask("POST", "/start?user=ann")
			set := got.Header.Get("Set-Cookie")
			if !strings.HasPrefix(set, "__Host-session=") || !strings.HasSuffix(set,
				"; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax") {
				t.Errorf("cookie %q", set)
			}
			if got.Header.Get("Cache-Control") != "private" || got.Header.Get("Vary") != "Cookie" {
				t.Errorf("fields %v", got.Header)
			}
			if strings.Contains(set, "ann") {
				t.Errorf("%q is readable", set)
			}
			v.is("ann 0 true")
			first := v.cookie
			v.ask("POST", "/count")
			v.ask("POST", "/count")
			v.is("ann 2 true")
			v.ask("POST", "/start?user=bob")
			if v.cookie == first {
				t.Error("the cookie is the one from before the sign-in")
			}
			v.is("bob 0 true")
			if got := v.ask("POST", "/fails"); got.Status != 400 {
				t.Errorf("%+v", got)
			}
			v.is("failed 0 true") // what was begun counts, whatever the answer
			last := v.cookie
			v.ask("POST", "/end")
			if v.cookie != "" {
				t.Errorf("after the end there is %q", v.cookie)
			}
			v.is(" 0 false")
			if c.Store != nil { // a copy of the cookie opens nothing any more
				for _, copied := range []string{first, last} {
					(&visitor{t: t, h: v.h, cookie: copied}).is(" 0 false")
				}
			}
			v.ask("POST", "/late")
			if got := v.ask("GET", "/outside"); got.Status != 500 {
				t.Errorf("without the middleware: %d", got.Status)
			}
		})
	}
}

// TestSessionFixation: a name that a client has made up, or one of a session that has ended, is not
// that of a new session.
func TestSessionFixation(t *testing.T) {
	for name, c := range sessionKinds() {
		h := lwantest.Build(t, sessionSite(t, c))
		planted := "__Host-session=" + strings.Repeat("A", 43)
		v := &visitor{t: t, h: h, cookie: planted}
		v.is(" 0 false")
		v.ask("POST", "/count")
		if v.cookie == planted {
			t.Errorf("%s: the planted cookie is a session", name)
		}
		v.is(" 1 true")
	}
}

// TestSessionForgery: each byte of a sealed cookie counts, and so do its key and its name.
func TestSessionForgery(t *testing.T) {
	c := handlers.SessionsConfig{Keys: [][]byte{sessionKey}}
	v := &visitor{t: t, h: lwantest.Build(t, sessionSite(t, c))}
	v.ask("POST", "/start?user=ann")
	name, value, _ := strings.Cut(v.cookie, "=")
	for i := range len(value) - 1 { // the last one has bits that mean nothing
		forged := []byte(value)
		if forged[i]++; forged[i] == 'Z'+1 || forged[i] == 'z'+1 || forged[i] == '9'+1 {
			forged[i] = 'B'
		}
		if forged[i] == value[i] {
			continue
		}
		(&visitor{t: t, h: v.h, cookie: name + "=" + string(forged)}).is(" 0 false")
	}
	for _, cut := range []string{"", value[:1], value[:40], value[:len(value)-1], value + "A"} {
		(&visitor{t: t, h: v.h, cookie: name + "=" + cut}).is(" 0 false")
	}
	// A new key in front opens what the old one has sealed; without the old one it is gone.
	other := bytes.Repeat([]byte("n"), 32)
	for _, tt := range []struct {
		c    handlers.SessionsConfig
		want string
	}{
		{handlers.SessionsConfig{Keys: [][]byte{other, sessionKey}}, "ann 0 true"},
		{handlers.SessionsConfig{Keys: [][]byte{other}}, " 0 false"},
		{handlers.SessionsConfig{}, " 0 false"},
	} {
		h := lwantest.Build(t, sessionSite(t, tt.c))
		(&visitor{t: t, h: h, cookie: v.cookie}).is(tt.want)
	}
	c.Cookie = "other"
	h := lwantest.Build(t, sessionSite(t, c))
	(&visitor{t: t, h: h, cookie: "other=" + value}).is(" 0 false")
}

func TestSessionTime(t *testing.T) {
	for name, c := range sessionKinds() {
		t.Run(name, func(t *testing.T) {
			c.Idle, c.MaxAge = time.Hour, 3*time.Hour
			site := sessionSite(t, c) // its handler is made outside of the bubble
			h := lwantest.Build(t, site)
			synctest.Test(t, func(t *testing.T) {
				v := &visitor{t: t, h: h}
				v.ask("POST", "/start?user=ann")
				first := v.cookie
				time.Sleep(time.Minute)
				if v.is("ann 0 true"); v.cookie != first {
					t.Error("renewed after a minute")
				}
				for range 3 { // used, it goes on
					time.Sleep(50 * time.Minute)
					v.is("ann 0 true")
				}
				time.Sleep(31 * time.Minute) // but not for ever
				v.is(" 0 false")
				v.ask("POST", "/start?user=bob")
				time.Sleep(time.Hour + time.Second) // not used
				v.is(" 0 false")
			})
		})
	}
}

func TestSessionTooLarge(t *testing.T) {
	v := &visitor{t: t, h: lwantest.Build(t, sessionSite(t, handlers.SessionsConfig{}))}
	got := v.ask("POST", "/start?user="+strings.Repeat("x", 4000))
	if got.Status != 500 || !errors.Is(got.Err, handlers.ErrSessionTooLarge) || v.cookie != "" {
		t.Errorf("%d %v %q", got.Status, got.Err, v.cookie)
	}
	if got := v.ask("POST", "/start?user="+strings.Repeat("x", 2500)); got.Status != 204 {
		t.Errorf("%d %v", got.Status, got.Err)
	}
}

func TestSessionsConfig(t *testing.T) {
	for name, c := range map[string]handlers.SessionsConfig{
		"a short key":    {Keys: [][]byte{sessionKey, []byte("short")}},
		"a bad name":     {Cookie: "a b"},
		"a bad domain":   {Domain: "a;b"},
		"host domain":    {Cookie: "__Host-x", Domain: "example.com"},
		"host path":      {Cookie: "__Host-x", Path: "/x"},
		"secure prefix":  {Cookie: "__Secure-x", Insecure: true},
		"none insecure":  {SameSite: http.SameSiteNoneMode, Insecure: true},
		"no time at all": {Idle: -1},
	} {
		if _, err := handlers.NewSessions[sessionUser](c); err == nil ||
			!strings.HasPrefix(err.Error(), "SessionsConfig") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := handlers.NewSessions[chan int](handlers.SessionsConfig{}); err == nil {
		t.Error("a channel is taken")
	}
}

// brokenStore fails where it is told to.
type brokenStore struct {
	handlers.SessionStore
	load, save, remove error
}

func (b *brokenStore) Load(ctx context.Context, name string) ([]byte, error) {
	if b.load != nil {
		return nil, b.load
	}
	return b.SessionStore.Load(ctx, name)
}

func (b *brokenStore) Save(ctx context.Context, name string, d []byte, u time.Time) error {
	if b.save != nil {
		return b.save
	}
	return b.SessionStore.Save(ctx, name, d, u)
}

func (b *brokenStore) Delete(ctx context.Context, name string) error {
	if b.remove != nil {
		return b.remove
	}
	return b.SessionStore.Delete(ctx, name)
}

// TestSessionStoreFails: who cannot be known is not taken for nobody, and no cookie goes out for
// what was not stored.
func TestSessionStoreFails(t *testing.T) {
	broken := errors.New("the store is away")
	b := &brokenStore{SessionStore: handlers.NewMemorySessions(0)}
	v := &visitor{t: t, h: lwantest.Build(t, sessionSite(t, handlers.SessionsConfig{Store: b}))}
	b.save = broken
	if got := v.ask("POST", "/start?user=ann"); got.Status != 500 || v.cookie != "" {
		t.Errorf("save: %d %q", got.Status, v.cookie)
	}
	b.save = nil
	v.ask("POST", "/start?user=ann")
	b.load = broken
	if got := v.ask("GET", "/who"); got.Status != 500 || !errors.Is(got.Err, broken) {
		t.Errorf("load: %d %v", got.Status, got.Err)
	}
	b.load, b.remove = nil, broken
	was := v.cookie
	if got := v.ask("POST", "/end"); got.Status != 500 || v.cookie != was {
		t.Errorf("delete: %d %q", got.Status, v.cookie)
	}
	v.is("ann 0 true")
}

// TestMemorySessions: there are no more than asked for, and the last used ones stay.
func TestMemorySessions(t *testing.T) {
	ctx, until := t.Context(), time.Now().Add(time.Hour)
	s := handlers.NewMemorySessions(3)
	there := func(name string) bool {
		data, err := s.Load(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		return data != nil
	}
	for _, name := range []string{"a", "b", "c", "a", "d"} {
		if err := s.Save(ctx, name, []byte(name), until); err != nil {
			t.Fatal(err)
		}
	}
	if there("b") || !there("a") || !there("c") || !there("d") {
		t.Error("not the oldest one has gone")
	}
	if err := s.Save(ctx, "e", []byte("e"), time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if there("e") || there("a") {
		t.Error("one that is over is there, or took no room")
	}
	if err := errors.Join(s.Delete(ctx, "c"), s.Delete(ctx, "c")); err != nil || there("c") {
		t.Errorf("deleted: %v", err)
	}
}

// TestSessionsOnSockets: many users at a time, each with a session of its own, in the loop and in a
// store, with a real client's cookie jar.
func TestSessionsOnSockets(t *testing.T) {
	for name, c := range sessionKinds() {
		c.Insecure = true // the jar sends Secure cookies to https alone
		srv := lwantest.Start(t, sessionSite(t, c))
		var users sync.WaitGroup
		for i := range 8 {
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Transport: srv.Client.Transport, Jar: jar}
			users.Go(func() {
				post := func(path string) {
					resp, err := client.Post(srv.URL+path, "", nil)
					if err != nil {
						t.Error(err)
						return
					}
					resp.Body.Close()
				}
				post(fmt.Sprintf("/start?user=u%d", i))
				for range 5 {
					post("/count")
				}
				resp, err := client.Get(srv.URL + "/who")
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				var body bytes.Buffer
				if _, err := body.ReadFrom(resp.Body); err != nil {
					t.Error(err)
				}
				if want := fmt.Sprintf("u%d 5 true", i); body.String() != want {
					t.Errorf("%s: %q, want %q", name, body.String(), want)
				}
			})
		}
		users.Wait()
	}
}

// FuzzSession: no text is a session that was not sealed here, nor is one that was, with a byte
// changed. The key is each process's own: what another one has sealed is text, too.
func FuzzSession(f *testing.F) {
	key := make([]byte, len(sessionKey))
	rand.Read(key)
	c := handlers.SessionsConfig{Keys: [][]byte{key}}
	v := &visitor{t: f, h: lwantest.Build(f, sessionSite(f, c))}
	v.ask("POST", "/start?user=ann")
	good := strings.TrimPrefix(v.cookie, "__Host-session=")
	f.Add(good, uint(0), byte(1))
	f.Add(good[:50], uint(50), byte(3))
	f.Add("AQ", uint(90), byte(0x20))
	f.Fuzz(func(t *testing.T, value string, at uint, flip byte) {
		changed := []byte(good)
		changed[at%uint(len(good)-1)] ^= flip // the last one has bits that mean nothing
		for _, value := range []string{value, string(changed)} {
			own := strings.HasPrefix(strings.Trim(value, ` "`), good[:len(good)-1])
			if own || strings.ContainsAny(value, "\r\n\x00;") {
				continue
			}
			r := httptest.NewRequest("GET", "/who", nil)
			r.Header.Set("Cookie", "__Host-session="+value)
			if got := lwantest.Do(t, v.h, r); got.Body != " 0 false" {
				t.Fatalf("%q is a session: %q", value, got.Body)
			}
		}
	})
}
