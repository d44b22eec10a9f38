package handlers_test

import (
	"io"
	"testing"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// inside runs fn with a request that is over, as observers see it.
type inside func(req *lwan.Request, resp *lwan.Response, took time.Duration)

func (fn inside) Done(req *lwan.Request, resp *lwan.Response, took time.Duration) {
	fn(req, resp, took)
}
func (inside) Close() error { return nil }

func observed(t testing.TB, fn inside) {
	t.Helper()
	srv := &lwan.Server{}
	srv.Handle("GET /hello", page(200, "hello"))
	srv.Observe(fn)
	r := newRequest(t, "GET", "/hello?name=ann", "User-Agent",
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0)", "Referer", "https://a.example/")
	r.RemoteAddr = "192.0.2.1:1234"
	lwantest.Do(t, lwantest.Build(t, srv), r)
}

func BenchmarkAccessLog(b *testing.B) {
	log := handlers.AccessLog(io.Discard)
	defer log.Close()
	observed(b, func(req *lwan.Request, resp *lwan.Response, took time.Duration) {
		b.ReportAllocs()
		for b.Loop() {
			log.Done(req, resp, took)
		}
	})
}
