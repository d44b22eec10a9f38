// Routes shows patterns, parameters, groups, middleware and a module. GET / lists the routes.
//
//	go run ./examples/routes -addr :8080
package main

import (
	"flag"
	"log"
	"strings"
	"sync/atomic"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

func index(req *lwan.Request, resp *lwan.Response) lwan.Status {
	resp.SetContentType("text/plain; charset=utf-8")
	for route := range req.Server().List() {
		resp.Printf("%s\n", route.Pattern)
	}
	return 200
}

func show(req *lwan.Request, resp *lwan.Response) lwan.Status {
	id, err := lwan.Param[int](req, "id") // what is no number is not found
	if err != nil {
		return resp.Fail(err)
	}
	return resp.JSON(200, map[string]any{"id": id, "user": user.Must(req)})
}

var user = lwan.NewKey[string]("user") // set by signedIn, which lets nobody in without

func signedIn(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		name, ok := strings.CutPrefix(req.Header("Authorization"), "Bearer ")
		if !ok {
			resp.SetHeader("WWW-Authenticate", "Bearer")
			return lwan.StatusUnauthorized
		}
		user.Set(req, name)
		return next(req, resp)
	}
}

func uncached(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetHeader("Cache-Control", "no-store")
		return next(req, resp)
	}
}

type CounterConfig struct{ Start int64 }

// Counter is a module: it can be mounted at any prefix, any number of times.
var Counter = lwan.Module[CounterConfig]{Open: func(s *lwan.Scope, c CounterConfig) error {
	s.Handle("POST /", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.JSON(200, atomic.AddInt64(&c.Start, 1))
	})
	return nil
}, Name: "counter"}

func main() {
	srv := new(lwan.Server)
	flag.StringVar(&srv.Addr, "addr", ":8080", "where to listen")
	flag.IntVar(&srv.Loops, "loops", 0, "event loops; 0: one per CPU")
	flag.Parse()
	srv.Use(handlers.RequestID, uncached)
	srv.Handle("GET /{$}", index)
	api := srv.Group("/api", signedIn)
	api.Handle("GET /items/{id}", show)
	api.Handle("/", lwan.NotFound)
	srv.Mount("/hits", Counter.With(CounterConfig{Start: 10}))
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
