package handlers_test

import (
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

// Errors of all handlers get a page of the site.
func ExampleErrorPages() {
	t := new(testing.B)
	pages, err := handlers.ErrorPages(map[string]string{"404": "/errors/404.html"})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{}
	srv.Use(pages)
	srv.Handle("GET /errors/404.html", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "nothing here\n")
	})
	got := lwantest.Get(t, lwantest.Build(t, srv), "/none")
	fmt.Print(got.Status, " ", got.Body)
	// Output: 404 nothing here
}

// What is inside believes this field, so that nobody else may set it.
func ExampleRequestHeaders() {
	t := new(testing.B)
	mw, err := handlers.RequestHeaders(handlers.RequestHeadersConfig{
		Remove: []string{"X-User"}, Set: map[string]string{"X-Via": "golwan"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := mw(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, fmt.Sprintf("%q %q", req.Header("X-User"), req.Header("X-Via")))
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-User", "root")
	fmt.Println(lwantest.Do(t, h, r).Body)
	// Output: "" "golwan"
}

// Downloads take 64 KiB a second behind their first MiB, and 256 KiB for each client.
func ExampleLimitRate() {
	srv := &lwan.Server{}
	srv.Group("/downloads", handlers.LimitRate(handlers.LimitRateConfig{
		Rate: 64 << 10, After: 1 << 20, PerAddr: 256 << 10,
	})).Handle("GET /", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "here should be a file")
	})
}

func TestErrorPages(t *testing.T) {
	pages, err := handlers.ErrorPages(map[string]string{
		"404": "/p/404.html", "4xx": "/p/4xx.html", "503": "/p/gone.html", "default": "/p/page?x=1",
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := &lwan.Server{}
	srv.Use(pages)
	for path, text := range map[string]string{
		"/p/404.html": "four hundred and four", "/p/4xx.html": "class",
	} {
		srv.Handle("GET "+path, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if req.Header("Range") != "" {
				return resp.Text(206, "a part")
			}
			return resp.Text(200, text)
		})
	}
	srv.Handle("GET /p/page", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "page "+req.Query("x"))
	})
	for _, st := range []lwan.Status{403, 500, 503} {
		srv.Handle(fmt.Sprintf("/is%d", st),
			func(*lwan.Request, *lwan.Response) lwan.Status { return st })
	}
	srv.Handle("/own", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(404, "own")
	})
	h := lwantest.Build(t, srv)
	for path, want := range map[string]string{
		"/none": "404 four hundred and four", "/is403": "403 class", "/is500": "500 page 1",
		"/own": "404 own", "/p/404.html": "200 four hundred and four",
		"/is503": "503 503 Service Unavailable\n",
	} {
		for _, method := range []string{"GET", "POST"} {
			r := httptest.NewRequest(method, path, nil)
			r.Header.Set("Range", "bytes=0-1")
			if strings.HasPrefix(want, "200") {
				continue
			}
			got := lwantest.Do(t, h, r)
			if s := fmt.Sprint(got.Status, " ", got.Body); s != want {
				t.Errorf("%s %s: %q, want %q", method, path, s, want)
			}
		}
	}
	for key, page := range map[string]string{
		"200": "/x", "600": "/x", "x": "/x", "499": "/x", "404": "x", "5XX": "/x",
	} {
		if _, err := handlers.ErrorPages(map[string]string{key: page}); err == nil {
			t.Errorf("%s = %s is taken", key, page)
		}
	}
	if _, err := handlers.ErrorPages(nil); err == nil {
		t.Error("no pages are taken")
	}
}

func TestRequestHeadersRefuses(t *testing.T) {
	for _, c := range []handlers.RequestHeadersConfig{
		{Remove: []string{"a b"}}, {Remove: []string{"host"}}, {Remove: []string{"Connection"}},
		{Set: map[string]string{"Content-Length": "1"}}, {Set: map[string]string{"X": "a\nb"}},
		{Set: map[string]string{"Expect": "1"}},
	} {
		if _, err := handlers.RequestHeaders(c); err == nil {
			t.Errorf("%v is taken", c)
		}
	}
}

// TestLimitRate: two answers share what an address has, and all share what the site has.
func TestLimitRate(t *testing.T) {
	body := strings.Repeat("x", 40<<10)
	for _, tt := range []struct {
		c        handlers.LimitRateConfig
		a, b     string
		together time.Duration // at least, in a bubble's time
	}{
		{handlers.LimitRateConfig{Rate: 40 << 10}, "192.0.2.1:1", "192.0.2.1:2",
			800 * time.Millisecond},
		{handlers.LimitRateConfig{PerAddr: 40 << 10}, "192.0.2.1:1", "192.0.2.1:2",
			1800 * time.Millisecond},
		{handlers.LimitRateConfig{PerAddr: 40 << 10}, "192.0.2.1:1", "192.0.2.2:2",
			800 * time.Millisecond},
		{handlers.LimitRateConfig{PerAddr: 40 << 10}, "[2001:db8::1]:1", "[2001:db8::2]:2",
			1800 * time.Millisecond},
		{handlers.LimitRateConfig{Total: 40 << 10}, "192.0.2.1:1", "192.0.2.2:2",
			1800 * time.Millisecond},
		{handlers.LimitRateConfig{Rate: 40 << 10, After: 40 << 10}, "192.0.2.1:1", "192.0.2.2:1",
			0},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := handlers.LimitRate(tt.c)(func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
				return resp.Text(200, body)
			})
			begin := time.Now()
			done := make(chan struct{})
			go func() {
				defer close(done)
				r := httptest.NewRequest("GET", "/", nil)
				r.RemoteAddr = tt.a
				if got := lwantest.Do(t, h, r); got.Body != body {
					t.Errorf("%v: %d bytes", tt.c, len(got.Body))
				}
			}()
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tt.b
			if got := lwantest.Do(t, h, r); got.Body != body {
				t.Errorf("%v: %d bytes", tt.c, len(got.Body))
			}
			<-done
			took := time.Since(begin)
			if took < tt.together || took > tt.together+300*time.Millisecond {
				t.Errorf("%v: took %v, want %v", tt.c, took, tt.together)
			}
		})
	}
}
