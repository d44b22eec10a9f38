package handlers_test

import (
	"math"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func key(t *testing.T, text string) (k handlers.RequestKey) {
	t.Helper()
	if err := k.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestLimitRequests follows one client through its burst, its refusals and its rest.
func TestLimitRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mw, err := handlers.LimitRequests(handlers.LimitRequestsConfig{Requests: 2, Burst: 2})
		if err != nil {
			t.Fatal(err)
		}
		h := mw(ok)
		for i, want := range []int{204, 204, 204, 429, 429} {
			if got := lwantest.Get(t, h, "/"); got.Status != want {
				t.Errorf("request %d: %d, want %d", i, got.Status, want)
			} else if want == 429 && got.Header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After: %q", got.Header.Get("Retry-After"))
			}
		}
		time.Sleep(500 * time.Millisecond) // in a bubble: the rate gives one back
		for i, want := range []int{204, 429} {
			if got := lwantest.Get(t, h, "/"); got.Status != want {
				t.Errorf("request %d after a rest: %d, want %d", i, got.Status, want)
			}
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "198.51.100.7:1"
		if got := lwantest.Do(t, h, r); got.Status != 204 {
			t.Errorf("another client: %d", got.Status)
		}
	})
}

// TestLimitRequestsWaits: a burst goes on at the rate, and who would wait for too long is refused.
func TestLimitRequestsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mw, err := handlers.LimitRequests(handlers.LimitRequestsConfig{
			Requests: 10, Burst: 5, Wait: 200 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		done := make(chan string, 5)
		for range 5 {
			go func() {
				got := lwantest.Get(t, mw(ok), "/")
				done <- time.Since(start).String() + " " + strconv.Itoa(got.Status)
			}()
			synctest.Wait()
		}
		want := map[string]bool{
			"0s 204": true, "100ms 204": true, "200ms 204": true, "0s 429": true,
		}
		for range 5 {
			if got := <-done; !want[got] {
				t.Errorf("an answer %s", got)
			}
		}
	})
}

func TestLimitRequestsDryRun(t *testing.T) {
	c := handlers.LimitRequestsConfig{Requests: 1, Per: time.Hour, DryRun: true}
	mw, err := handlers.LimitRequests(c)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := lwantest.Get(t, mw(ok), "/"); got.Status != 204 {
			t.Errorf("%d", got.Status)
		}
	}
}

func TestLimitsRefused(t *testing.T) {
	for _, c := range []handlers.LimitRequestsConfig{
		{}, {Requests: -1}, {Requests: 2, Per: 1}, {Requests: 1, Burst: -1},
		{Requests: 1, Wait: -1},
		{Requests: 1, Keys: -1}, {Requests: 1, Status: 200},
		{Requests: 1, Per: time.Hour, Burst: math.MaxInt},
	} {
		if _, err := handlers.LimitRequests(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	for _, c := range []handlers.LimitConcurrencyConfig{{}, {Max: 1, Status: 200}} {
		if _, err := handlers.LimitConcurrency(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

// TestLimitConcurrency: a place is taken until the answer is out.
func TestLimitConcurrency(t *testing.T) {
	c := handlers.LimitConcurrencyConfig{Max: 2, Key: key(t, "header Name")}
	mw, err := handlers.LimitConcurrency(c)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(h lwan.Handler, name string) int {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Name", name)
		return lwantest.Do(t, mw(h), r).Status
	}
	inner := func(*lwan.Request, *lwan.Response) lwan.Status {
		if st := ask(ok, "a"); st != 503 {
			t.Errorf("a third one: %d", st)
		}
		if st := ask(ok, "b"); st != 204 {
			t.Errorf("another key: %d", st)
		}
		return 204
	}
	outer := func(*lwan.Request, *lwan.Response) lwan.Status { return lwan.Status(ask(inner, "a")) }
	for range 3 {
		if st := ask(outer, "a"); st != 204 {
			t.Errorf("two at a time: %d", st)
		}
	}
}

// TestRequestKeys: what two requests share a key by.
func TestRequestKeys(t *testing.T) {
	type who struct{ remote, target, header, user string }
	for _, tt := range []struct {
		key  string
		a, b who
		same bool
	}{
		{"remote", who{remote: "10.0.0.1:1"}, who{remote: "10.0.0.1:2"}, true},
		{"remote", who{remote: "10.0.0.1:1"}, who{remote: "[::ffff:10.0.0.1]:1"}, true},
		{"remote", who{remote: "10.0.0.1:1"}, who{remote: "10.0.0.2:1"}, false},
		{"remote/24", who{remote: "10.0.0.1:1"}, who{remote: "10.0.0.2:1"}, true},
		{"remote/24", who{remote: "10.0.0.1:1"}, who{remote: "10.0.1.1:1"}, false},
		{"remote", who{remote: "[2001:db8::1]:1"}, who{remote: "[2001:db8::2]:1"}, true},
		{"remote", who{remote: "[2001:db8:0:1::1]:1"}, who{remote: "[2001:db8::2]:1"}, false},
		{"header Key", who{header: "x"}, who{header: "x", target: "/b"}, true},
		{"header Key", who{header: "x"}, who{header: "y"}, false},
		{"header Key + path", who{header: "x"}, who{header: "x", target: "/b"}, false},
		{"header Key + path", who{header: "x/", target: "/"}, who{header: "x"}, false},
		{"path", who{target: "/%61"}, who{target: "/a"}, true},
		{"cookie c", who{}, who{}, true},
		{"user", who{user: "u", remote: "10.0.0.1:1"}, who{user: "u", remote: "10.0.0.2:1"}, true},
		{"user", who{user: "u"}, who{user: "v"}, false},
		{"user", who{remote: "10.0.0.1:1"}, who{remote: "10.0.0.2:1"}, false},
	} {
		mw, err := handlers.LimitRequests(handlers.LimitRequestsConfig{
			Requests: 1, Per: time.Hour, Key: key(t, tt.key),
		})
		if err != nil {
			t.Fatal(err)
		}
		var last int
		for _, w := range []who{tt.a, tt.b} {
			r := httptest.NewRequest("GET", "/", nil)
			if w.target != "" {
				r = httptest.NewRequest("GET", "http://x"+w.target, nil)
			}
			if w.remote != "" {
				r.RemoteAddr = w.remote
			}
			r.Header.Set("Key", w.header)
			last = lwantest.Do(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				if w.user != "" {
					handlers.UserKey.Set(req, w.user)
				}
				return mw(ok)(req, resp)
			}, r).Status
		}
		if same := last == 429; same != tt.same {
			t.Errorf("%s of %+v and %+v: the same is %v", tt.key, tt.a, tt.b, same)
		}
	}
	for _, text := range []string{
		"", "remote+", "remote/0", "remote/33", "remote/x", "header", "path/3", "user x", "heder a",
		"cookie a b",
	} {
		var k handlers.RequestKey
		if err := k.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	for _, text := range []string{"remote", "remote/24", "header A + cookie b", "user + path"} {
		if k := key(t, text); k.String() != text || k.ByUser() != (text == "user + path") {
			t.Errorf("%q is %q, by user: %v", text, k, k.ByUser())
		}
	}
}
