// Routes shows patterns and their parameters, groups, middleware, and a module of one's own. GET / lists what there is.
//
//	go run ./examples/routes -addr :8080
package main

import (
	"flag"
	"fmt"
	"log"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan"
)

func index(req *lwan.Request, resp *lwan.Response) lwan.Status {
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

var user = lwan.NewKey[string]("user")

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

func timed(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		start := time.Now()
		resp.BeforeHead(func(lwan.Status) {
			resp.SetHeader("Server-Timing", fmt.Sprintf("app;dur=%.3f", time.Since(start).Seconds()*1000))
		})
		return next(req, resp)
	}
}

type CounterConfig struct{ Start int64 }

var Counter = lwan.Module[CounterConfig]{Name: "counter", Open: func(s *lwan.Scope, c CounterConfig) error {
	n := new(atomic.Int64)
	n.Store(c.Start)
	s.Handle("POST /", func(req *lwan.Request, resp *lwan.Response) lwan.Status { return resp.JSON(200, n.Add(1)) })
	return nil
}}

func main() {
	srv := new(lwan.Server)
	flag.StringVar(&srv.Addr, "addr", ":8080", "where to listen")
	flag.IntVar(&srv.Loops, "loops", 0, "event loops; 0: one per CPU")
	flag.Parse()

	srv.Use(timed)
	srv.Handle("GET /{$}", index)
	api := srv.Group("/api", signedIn)
	api.Handle("GET /items/{id}", show)
	api.Handle("/", lwan.NotFound)
	srv.Mount("/hits", Counter.With(CounterConfig{Start: 10}))
	go func() { <-srv.Ready(); fmt.Println("listening on", srv.Addrs()[0]) }()
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
