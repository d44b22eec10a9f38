package gateway_test

import (
	"log"
	"net/http"
	"time"

	"github.com/golwan/golwan/handlers/gateway"
	"github.com/golwan/golwan/lwan"
)

// Everything below /app goes to one backend, WebSockets too.
func Example() {
	srv := &lwan.Server{Addr: ":8080"}
	backend := gateway.Backend{Address: "127.0.0.1:3000"}
	srv.Mount("/app", gateway.Proxy.With(gateway.ProxyConfig{
		Common:  gateway.Common{To: &gateway.Group{Backends: []gateway.Backend{backend}}},
		Upgrade: []string{"websocket"},
	}))
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// A group of three and a spare, looked after, limited, with a page of figures.
func ExampleGroup() {
	api := &gateway.Group{
		Name: "api",
		Backends: []gateway.Backend{
			{Address: "10.0.0.1:8000", Weight: 2, MaxConns: 200},
			{Address: "10.0.0.2:8000", MaxConns: 100},
			{Address: "api.internal:8000", MaxConns: 100}, // each of its addresses
			{Address: "10.0.1.1:8000", Backup: true},
		},
		Cookie:    "node",
		SlowStart: 30 * time.Second,
		Health:    &gateway.Health{Path: "/healthz"},
		Retry:     gateway.Retry{On: []lwan.Status{502, 503}},
		Queue:     gateway.Queue{Max: 500, Wait: 2 * time.Second},
	}
	srv := &lwan.Server{Addr: ":8080"}
	srv.Mount("/", gateway.Proxy.With(gateway.ProxyConfig{
		Common: gateway.Common{
			To:        api,
			Timeouts:  gateway.Timeouts{Head: 15 * time.Second},
			Intercept: []lwan.Status{500, 502, 503, 504},
		},
	}))
	metrics := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetContentType("text/plain; version=0.0.4")
		if err := api.WriteMetrics(resp); err != nil {
			return resp.Fail(err)
		}
		return http.StatusOK
	}
	srv.Handle("GET /metrics", metrics)
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// A site of PHP: all paths go to one script of php-fpm.
func ExampleScriptConfig() {
	php := &gateway.Group{Backends: []gateway.Backend{
		{Address: "unix:/run/php/php-fpm.sock", MaxConns: 32},
	}}
	srv := &lwan.Server{Addr: ":8080", Limits: lwan.Limits{Body: 64 << 20}}
	srv.Mount("/", gateway.FastCGI.With(gateway.ScriptConfig{
		Common: gateway.Common{To: php}, Root: "/srv/www", Front: "/index.php",
	}))
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// The server starts the application: two processes, up to eight while they are busy, each started
// anew when it dies.
func ExampleProcess() {
	app := &gateway.Process{
		Command:  []string{"/usr/bin/php-cgi"},
		Env:      map[string]string{"PHP_FCGI_MAX_REQUESTS": "10000", "PHP_FCGI_CHILDREN": "0"},
		Min:      2,
		Max:      8,
		IdleTime: time.Minute,
	}
	srv := &lwan.Server{Addr: ":8080"}
	srv.Mount("/", gateway.FastCGI.With(gateway.ScriptConfig{
		Common: gateway.Common{
			To: &gateway.Group{Backends: []gateway.Backend{{Process: app}}},
		},
		Root: "/srv/www",
	}))
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
