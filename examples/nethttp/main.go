// Nethttp joins both worlds: pprof's ServeMux in a server, and the same routes behind net/http.
//
//	go run ./examples/nethttp -addr :8080 -http :8081
package main

import (
	"context"
	"errors"
	"expvar"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/golwan/golwan/lwan"
)

// hello does not know which of the two serves it.
func hello(req *lwan.Request, resp *lwan.Response) lwan.Status {
	if err := req.Sleep(10 * time.Millisecond); err != nil {
		return resp.Fail(err)
	}
	return resp.Text(200, "Hello, "+req.Param("name")+"!\n")
}

// debug is any program that was written for net/http.
func debug() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.Handle("/debug/vars", expvar.Handler())
	return mux
}

// routes is what both serve.
func routes(r *lwan.Routes) {
	r.Handle("GET /hello/{name}", hello)
	r.Handle("/debug/", lwan.FromHTTP(debug())) // on goroutines, with full paths
}

// serve is the life of the net/http server: it ends when ctx does.
func serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })() // Serve returns, whatever Close says
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func main() {
	srv, inner := new(lwan.Server), new(lwan.Server)
	flag.StringVar(&srv.Addr, "addr", ":8080", "where to listen")
	flag.IntVar(&srv.Loops, "loops", 0, "event loops; 0: one per CPU")
	second := flag.String("http", "127.0.0.1:0", "where net/http listens; port 0: any that is free")
	flag.Parse()
	routes(&srv.Routes)
	routes(&inner.Routes)
	h, err := inner.Build() // in place of Run
	if err != nil {
		log.Fatal(err)
	}
	srv.OnClose(inner.Close)
	ln, err := net.Listen("tcp", *second)
	if err != nil {
		log.Fatal(err)
	}
	expvar.Publish("server", expvar.Func(func() any { return srv.Stats() }))
	srv.Go(func(ctx context.Context) error { return serve(ctx, ln, lwan.ToHTTP(h)) })
	fmt.Println("net/http on", ln.Addr())
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
