package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// A page of another origin cannot post with the user's cookies.
func ExampleCrossOrigin() {
	t := new(testing.B)
	guard, err := handlers.CrossOrigin(handlers.CrossOriginConfig{
		Origins: []string{"https://partner.example"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{}
	srv.Use(guard)
	srv.Handle("POST /pay", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "paid")
	})
	h := lwantest.Build(t, srv)
	for _, site := range []string{"same-origin", "cross-site"} {
		r := httptest.NewRequest("POST", "/pay", nil)
		r.Header.Set("Sec-Fetch-Site", site)
		fmt.Println(lwantest.Do(t, h, r).Status)
	}
	// Output:
	// 200
	// 403
}

// crossOriginTwins are the middleware, and net/http's with the same trusted origin.
func crossOriginTwins(t testing.TB) (lwan.Handler, *http.CrossOriginProtection) {
	const trusted = "https://trusted.example"
	guard, err := handlers.CrossOrigin(handlers.CrossOriginConfig{Origins: []string{trusted}})
	if err != nil {
		t.Fatal(err)
	}
	twin := http.NewCrossOriginProtection()
	if err := twin.AddTrustedOrigin(trusted); err != nil {
		t.Fatal(err)
	}
	return guard(func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "in")
	}), twin
}

// sameAsTwin compares what becomes of a request with what net/http makes of it.
func sameAsTwin(t *testing.T, h lwan.Handler, twin *http.CrossOriginProtection,
	method, host, site, origin string) {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	r.Host = host
	if site != "" {
		r.Header.Set("Sec-Fetch-Site", site)
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	want := 200
	if twin.Check(r) != nil {
		want = 403
	}
	if got := lwantest.Do(t, h, r); got.Status != want {
		t.Errorf("%s host %q site %q origin %q: %d, net/http: %d",
			method, host, site, origin, got.Status, want)
	}
}

func TestCrossOriginTwin(t *testing.T) {
	h, twin := crossOriginTwins(t)
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"} {
		for _, site := range []string{"", "same-origin", "none", "same-site", "cross-site", "x"} {
			for _, origin := range []string{
				"", "null", "https://a.example", "http://a.example", "https://a.example:8443",
				"https://trusted.example", "http://trusted.example", "https://evil.example", "%",
			} {
				for _, host := range []string{"a.example", "a.example:8443"} {
					sameAsTwin(t, h, twin, method, host, site, origin)
				}
			}
		}
	}
}

func FuzzCrossOrigin(f *testing.F) {
	f.Add("POST", "cross-site", "https://a.example")
	f.Add("PUT", "", "https://a.example:443")
	f.Fuzz(func(t *testing.T, method, site, origin string) {
		for _, v := range []string{site, origin} {
			for i := range len(v) {
				if v[i] <= ' ' || v[i] > '~' {
					return // no field that a browser sends
				}
			}
		}
		switch method {
		case "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE":
		default:
			method = "POST"
		}
		if _, err := url.Parse(origin); err != nil && site == "" {
			origin = ""
		}
		h, twin := crossOriginTwins(t)
		sameAsTwin(t, h, twin, method, "a.example", site, origin)
	})
}

func TestCrossOriginConfig(t *testing.T) {
	for _, origin := range []string{
		"", "*", "null", "example.com", "https://", "https://a.example/", "https://a.example/x",
		"https://a.example?", "https://A.example", "https://a.example:443", "https://u@a.example",
		"https://a.example#x", "::",
	} {
		c := handlers.CrossOriginConfig{Origins: []string{origin}}
		if _, err := handlers.CrossOrigin(c); err == nil {
			t.Errorf("%q is taken", origin)
		}
	}
	deny := func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Redirect(303, "/sign-in")
	}
	guard, err := handlers.CrossOrigin(handlers.CrossOriginConfig{Deny: deny})
	if err != nil {
		t.Fatal(err)
	}
	h := guard(func(*lwan.Request, *lwan.Response) lwan.Status { return 204 })
	got := lwantest.Do(t, h, newRequest(t, "POST", "/", "Sec-Fetch-Site", "cross-site"))
	if got.Status != 303 || got.Header.Get("Location") != "/sign-in" {
		t.Errorf("%+v", got)
	}
}
