package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestGroupErrors(t *testing.T) {
	for _, tt := range []struct {
		g    *Group
		want string
	}{
		{nil, "To is not set"},
		{&Group{}, "no backend"},
		{&Group{Backends: []Backend{{Address: "nonsense"}}}, "nonsense"},
		{&Group{Backends: []Backend{{Address: "unix:"}}}, "no path"},
		{&Group{Backends: []Backend{{Address: "host.invalid:80"}}}, "host.invalid"},
	} {
		srv := new(lwan.Server)
		srv.Mount("/", Proxy.With(ProxyConfig{Common: Common{To: tt.g}}))
		_, err := srv.Build()
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// TestGroupShared: several modules of a server may use a group, and it may be used again later.
func TestGroupShared(t *testing.T) {
	b := answering(t, func(r *http.Request, _ string) string { return plain(r.URL.Path) })
	g := groupOf(b)
	for range 2 {
		t.Run("", func(t *testing.T) {
			srv := &lwan.Server{Loops: 1}
			srv.Mount("/a", Proxy.With(ProxyConfig{Common: Common{To: g}}))
			srv.Mount("/b", Proxy.With(ProxyConfig{Common: Common{To: g}, Path: "/x"}))
			s := &site{Server: lwantest.Start(t, srv)}
			for from, want := range map[string]string{"/a/1": "/1", "/b/2": "/x/2"} {
				if _, body, _ := s.get(t, from); body != want {
					t.Errorf("%s: %q", from, body)
				}
			}
			other := new(lwan.Server)
			other.Mount("/", Proxy.With(ProxyConfig{Common: Common{To: g}}))
			if _, err := other.Build(); err == nil {
				t.Error("two servers have the group")
			}
		})
		if g.Stats() != nil {
			t.Error("it is still open")
		}
	}
}

// TestCookie: a client stays with the member that it has got first.
func TestCookie(t *testing.T) {
	one := answering(t, func(*http.Request, string) string { return plain("one") })
	two := answering(t, func(*http.Request, string) string { return plain("two") })
	g := groupOf(one, two)
	g.Balance, g.Cookie, g.CookieKey = RoundRobin, "node", []byte("secret")
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	ask := func(cookie string) (body, set string) {
		r, _ := http.NewRequest("GET", s.URL+"/", nil)
		if cookie != "" {
			r.Header.Set("Cookie", "node="+cookie)
		}
		resp, err := s.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for _, c := range resp.Cookies() {
			if c.Name == "node" && c.HttpOnly {
				set = c.Value
			}
		}
		return readAll(resp.Body), set
	}
	for range 4 {
		body, mark := ask("")
		if mark == "" {
			t.Fatal("no cookie")
		}
		for range 3 {
			if again, set := ask(mark); again != body || set != "" {
				t.Errorf("%q, then %q and the cookie %q", body, again, set)
			}
		}
	}
	if body, set := ask("0123456789abcdef"); set == "" || body == "" {
		t.Errorf("a forged one: %q %q", body, set)
	}
}

// TestNames: all addresses of a name are members; it is looked up again, and what is gone finishes.
func TestNames(t *testing.T) {
	var answer atomic.Value
	answer.Store([]string{"127.0.0.1", "127.0.0.2"})
	g := &Group{Backends: []Backend{{Address: "app.internal:8000", Weight: 3}}}
	p := &pool{group: g, start: time.Now(), life: t.Context(),
		look: func(_ context.Context, host string) ([]string, error) {
			if host != "app.internal" {
				t.Errorf("looked up %s", host)
			}
			if a := answer.Load().([]string); a[0] != "" {
				return a, nil
			}
			return nil, errors.New("no answer")
		}}
	check := func(want ...string) {
		t.Helper()
		var got []string
		for _, m := range p.roster.Load().members {
			got = append(got, m.address)
			if m.weight != 3 || m.name != "app.internal:8000" || m.load().shown() != Up {
				t.Errorf("%+v", m)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("members %q, want %q", got, want)
		}
	}
	if err := p.enlist(true); err != nil {
		t.Fatal(err)
	}
	check("127.0.0.1:8000", "127.0.0.2:8000")
	first := p.roster.Load().members[0]
	answer.Store([]string{"127.0.0.2", "::1", "127.0.0.2"}) // one of them is there twice
	if err := p.enlist(false); err != nil {
		t.Fatal(err)
	}
	check("127.0.0.2:8000", "[::1]:8000")
	if first.load().shown() != Leaving {
		t.Errorf("the one that is gone is %v", first.load().shown())
	}
	answer.Store([]string{""})
	if err := p.enlist(false); err != nil {
		t.Fatal(err)
	}
	check("127.0.0.2:8000", "[::1]:8000")
	if err := p.enlist(true); err == nil {
		t.Error("at the start, a look-up that fails is an error")
	}
}

// TestHealthPanics: a panic of Good is a check that says no.
func TestHealthPanics(t *testing.T) {
	h := &Health{Good: func(lwan.Status, []byte) bool { panic("oh") }}
	if err := h.judge(200, nil); err == nil {
		t.Error("it says yes")
	}
}

func TestPulse(t *testing.T) {
	var p pulse
	for i, tt := range []struct{ good, down, up bool }{
		{false, false, false}, {false, false, false}, {false, true, false}, {false, true, false},
		{true, false, false}, {false, false, false}, {true, false, false}, {true, false, true},
		{false, false, false}, {false, false, false}, {true, false, false},
	} {
		if down, up := p.beat(tt.good, 3, 2); down != tt.down || up != tt.up {
			t.Errorf("check %d: down %v, up %v", i, down, up)
		}
	}
}

// TestHealth: one that is not well gets no requests, and comes back.
func TestHealth(t *testing.T) {
	var sick atomic.Bool
	var asked atomic.Int64
	b1 := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			asked.Add(1)
		} else if r.Host != "app" {
			t.Errorf("Host %q", r.Host)
		}
		if sick.Load() {
			w.WriteHeader(500)
		}
	})
	b2 := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {})
	g := &Group{Backends: []Backend{{Address: b1.address}, {Address: b2.address}},
		Health: &Health{Path: "/health", Host: "app", Every: 5 * time.Millisecond}}
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	sick.Store(true)
	until(t, "it is down", func() bool { return g.Stats()[0].State == Down })
	before := asked.Load()
	if got := s.many(t, 50, 5, "GET", "/"); got[200] != 50 {
		t.Errorf("%v", got)
	}
	if asked.Load() != before {
		t.Error("it was asked while it was down")
	}
	sick.Store(false)
	until(t, "it is up", func() bool { return g.Stats()[0].State == Up })
}

func TestMetrics(t *testing.T) {
	b := answering(t, func(*http.Request, string) string { return plain("hello") })
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}})
	s.many(t, 10, 1, "GET", "/")
	var page strings.Builder
	if err := s.group.WriteMetrics(&page); err != nil {
		t.Fatal(err)
	}
	labels := `{group="test",backend="` + b.address + `"`
	for _, want := range []string{
		"golwan_backend_requests_total" + labels + "} 10\n",
		"golwan_backend_answers_total" + labels + ",status=\"2xx\"} 10\n",
		"golwan_backend_received_bytes_total" + labels + "} 50\n",
		"golwan_backend_up" + labels + "} 1\n",
		"golwan_backend_connects_total" + labels + "} 1\n",
		"golwan_group_waiting{group=\"test\"} 0\n",
		"# TYPE golwan_backend_requests_total counter\n",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("%s is not there:\n%s", want, &page)
		}
	}
}

// TestGet is about handlers of the program's own.
func TestGet(t *testing.T) {
	b := answering(t, func(*http.Request, string) string { return plain("hello") })
	g := &Group{Backends: []Backend{{Address: refusing(t)}, {Address: b.address}}}
	srv := &lwan.Server{Loops: 1}
	srv.Mount("/gateway", Proxy.With(ProxyConfig{Common: Common{To: g}}))
	srv.Handle("GET /own", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		c, lease, err := g.Get(req)
		if err != nil {
			return resp.Fail(err)
		}
		defer lease.Done(nil)
		return resp.Text(200, c.RemoteAddr().String()+" "+lease.Address())
	})
	s := &site{Server: lwantest.Start(t, srv)}
	for range 5 {
		if status, body, _ := s.get(t, "/own"); status != 200 || body != b.address+" "+b.address {
			t.Errorf("%d %q", status, body)
		}
	}
	for _, st := range g.Stats() {
		if st.Active != 0 {
			t.Errorf("%+v", st)
		}
	}
}
