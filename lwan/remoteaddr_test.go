package lwan_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// addresses is an observer of RemoteAddr.
type addresses chan netip.AddrPort

func (a addresses) Done(req *lwan.Request, _ *lwan.Response, _ time.Duration) {
	a <- req.RemoteAddr()
}
func (a addresses) Close() error { return nil }

// TestSetRemoteAddr: what middleware says of the client counts for all that comes later, also in
// Blocking handlers and subscriptions, and for this request alone.
func TestSetRemoteAddr(t *testing.T) {
	want := netip.MustParseAddrPort("192.0.2.7:7")
	seen := make(addresses, 1)
	srv := &lwan.Server{}
	srv.Observe(seen)
	srv.Use(func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if req.Query("set") != "" {
				req.SetRemoteAddr(want)
			}
			return next(req, resp)
		}
	})
	show := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.RemoteAddr().Addr().String())
	}
	topic := &lwan.Topic{}
	srv.Handle("/inline", show)
	srv.Handle("/blocking", show, lwan.Blocking)
	srv.Handle("/topic", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return topic.Subscribe(resp, lwan.Subscription{})
	})
	s := lwantest.Start(t, srv)
	get := func(target string) string {
		resp, err := s.Client.Get(s.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() // it was read
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, path := range []string{"/inline", "/blocking"} {
		if got := get(path + "?set=1"); got != "192.0.2.7" {
			t.Errorf("%s: %s", path, got)
		}
		if got := <-seen; got != want {
			t.Errorf("the observer of %s sees %v", path, got)
		}
		if got := get(path); got != "127.0.0.1" {
			t.Errorf("the next request, of %s: %s", path, got)
		}
		<-seen
	}
	ctx, leave := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/topic?set=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	leave()
	resp.Body.Close()
	if got := <-seen; got != want {
		t.Errorf("the observer of a subscription sees %v", got)
	}
}

func ExampleRequest_SetRemoteAddr() {
	t := new(testing.B) // an example has no test of its own
	signed := func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			// A program of one's own checks here that the field is genuine.
			if a, err := netip.ParseAddr(req.Header("CDN-Client")); err == nil {
				req.SetRemoteAddr(netip.AddrPortFrom(a, 0))
			}
			return next(req, resp)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("CDN-Client", "192.0.2.7")
	got := lwantest.Do(t, signed(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.RemoteAddr().Addr().String())
	}), r)
	fmt.Println(got.Body)
	// Output: 192.0.2.7
}
