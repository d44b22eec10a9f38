package handlers_test

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// An address of the office may look at everything but at copies that editors leave behind.
func ExampleAccess() {
	t := new(testing.B) // an example has no test of its own
	h := handlers.Access(handlers.AccessConfig{
		Allow:        []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		DenyOthers:   true,
		DenySuffixes: []string{"~", ".bak"},
	})(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "welcome")
	})

	fmt.Println(lwantest.Get(t, h, "/").Status) // from 192.0.2.1
	fmt.Println(lwantest.Get(t, h, "/index.html~").Status)
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "198.51.100.7:4711"
	fmt.Println(lwantest.Do(t, h, r).Status)
	// Output:
	// 200
	// 403
	// 403
}

// A handler behind BasicAuth finds the user in UserKey.
func ExampleBasicAuth() {
	t := new(testing.B)
	auth, err := handlers.BasicAuth(handlers.BasicAuthConfig{
		Realm: "Administration",
		// Made with handlers.HashPassword, "golwan hash" or "htpasswd -nB joe".
		Users: map[string]string{
			"joe": "$2y$05$WRt.1BKFV5lXWjbSMxlVneZKzNgZL/E3oYYNdQZGZ4GmRyAQUjGNu",
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := auth(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "hello "+handlers.UserKey.Must(req))
	})
	got := lwantest.Get(t, h, "/")
	fmt.Println(got.Status, got.Header.Get("WWW-Authenticate"))
	// Output: 401 Basic realm="Administration", charset="UTF-8"
}

// Each client has ten requests a second, and may send twenty more at once.
func ExampleLimitRequests() {
	limit, err := handlers.LimitRequests(handlers.LimitRequestsConfig{Requests: 10, Burst: 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{}
	srv.Use(limit)
	fmt.Println("ok")
	// Output: ok
}

// An address may have four downloads at a time.
func ExampleLimitConcurrency() {
	limit, err := handlers.LimitConcurrency(handlers.LimitConcurrencyConfig{Max: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{}
	srv.Group("/downloads", limit)
	fmt.Println("ok")
	// Output: ok
}

// Pictures may be kept for a month, all else for a minute.
func ExampleExpire() {
	t := new(testing.B)
	h := handlers.Expire(handlers.ExpireConfig{
		After: time.Minute,
		Types: map[string]time.Duration{"image/*": 30 * 24 * time.Hour},
	})(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Data(200, "image/png", []byte("not really"))
	})
	fmt.Println(lwantest.Get(t, h, "/").Header.Get("Cache-Control"))
	// Output: max-age=2592000
}

func ExampleResponseHeaders() {
	t := new(testing.B)
	mw, err := handlers.ResponseHeaders(handlers.ResponseHeadersConfig{
		Default: map[string]string{"X-Content-Type-Options": "nosniff"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	got := lwantest.Get(t, mw(lwan.NotFound), "/")
	fmt.Println(got.Status, got.Header.Get("X-Content-Type-Options"))
	// Output: 404 nosniff
}

// Behind a load balancer of the network 10.0.0.0/8 the client is whom that names.
func ExampleRealIP() {
	t := new(testing.B)
	mw, err := handlers.RealIP(handlers.RealIPConfig{
		From: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:4711"
	r.Header.Set("X-Forwarded-For", "198.51.100.7")
	h := mw(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.RemoteAddr().Addr().String())
	})
	fmt.Println(lwantest.Do(t, h, r).Body)
	// Output: 198.51.100.7
}

func ExampleToHTTPS() {
	t := new(testing.B)
	h := handlers.ToHTTPS(443, "example.com")(lwan.NotFound)
	got := lwantest.Get(t, h, "http://example.com/a?b")
	fmt.Println(got.Status, got.Header.Get("Location"))
	// Output: 308 https://example.com/a?b
}

// Old addresses of a shop go on to work: some are answered by what is elsewhere now, others send
// their clients there.
func ExampleRewriter() {
	t := new(testing.B)
	rw, err := handlers.NewRewriter(
		handlers.RewriteRule{Match: regexp.MustCompile(`^/p/(\d+)$`), To: "/product?id=$1"},
		handlers.RewriteRule{Match: regexp.MustCompile(`^/blog/(.*)$`), To: "/articles/$1",
			Redirect: 301},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{}
	srv.Rewrite(rw.Target)
	srv.Use(rw.Redirects)
	srv.Handle("/product", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "product "+req.Query("id"))
	})
	h := lwantest.Build(t, srv)
	fmt.Println(lwantest.Get(t, h, "/p/7").Body)
	fmt.Println(lwantest.Get(t, h, "/blog/today").Header.Get("Location"))
	// Output:
	// product 7
	// /articles/today
}

// A page with charts for people, and numbers for machines, for clients of this machine alone.
func ExampleStatusPage() {
	t := new(testing.B)
	srv := &lwan.Server{}
	srv.Mount("/status", handlers.StatusPage.With(handlers.StatusConfig{}))
	h := lwantest.Build(t, srv)
	defer srv.Close()
	r := httptest.NewRequest("GET", "/status/health", nil)
	r.RemoteAddr = "127.0.0.1:4711"
	fmt.Print(lwantest.Do(t, h, r).Body)
	// Output:
	// ok
}

func ExampleJWTAuth() {
	auth, err := handlers.JWTAuth(handlers.JWTAuthConfig{
		Keys: "/etc/app/jwks.json", Algorithms: []string{"ES256", "EdDSA"},
		Issuer: "https://login.example.com", Audience: "app",
		Pass: map[string]string{"sub": "X-User"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{Addr: ":8080"}
	me := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		user, _ := handlers.UserKey.Get(req)
		return resp.Text(200, user)
	}
	srv.Group("/api", auth).Handle("GET /me", me)
}

func ExampleForwardAuth() {
	auth, err := handlers.ForwardAuth(handlers.ForwardAuthConfig{
		To: "http://127.0.0.1:9091/verify", Copy: []string{"Remote-User"}, User: "Remote-User",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{Addr: ":8080"}
	srv.Use(auth)
}

// Who is in the office comes in, and everybody else by a password.
func ExampleAccess_else() {
	t := new(testing.B) // an example has no test of its own
	password, err := handlers.BasicAuth(handlers.BasicAuthConfig{
		Users: map[string]string{"joe": "secret"}, Plain: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := handlers.Access(handlers.AccessConfig{
		Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, DenyOthers: true,
		Else: password,
	})(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "welcome")
	})
	for _, from := range []string{"192.0.2.7:1", "198.51.100.7:1"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = from
		fmt.Println(lwantest.Do(t, h, r).Status)
	}
	// Output:
	// 200
	// 401
}
