package lwan

import (
	"net/http"

	"github.com/golwan/golwan/lwan/internal/nethttp"
)

// ToHTTP serves a Handler under net/http, streams included: one of a user's, or that which
// Server.Build returns, which brings the server's configuration along. Waiting blocks the goroutine
// of the request. It is also what a Server runs on where there is no epoll.
//
// Path and Query are those of r.URL, as http.StripPrefix has changed it, and Target is
// r.RequestURI. Fields that middleware has set on w count as if the handler had. Param and Pattern
// are those of an http.ServeMux, where no route of the Handler's own has been found; Form is what
// r.ParseForm has read. With a deadline that has passed, r's context ends the handler with
// ErrTimeout, else with ErrGone. A w that cannot flush, as that of http.TimeoutHandler, gets what
// is flushed at the end; Events fail on it.
func ToHTTP(h Handler) http.Handler {
	t := &table{core: new(Server).newCore(), handler: h}
	return toHTTP(t)
}

func toHTTP(t *table) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		newHTTPCall(w, r, t, nil).Serve()
	})
}

// newHTTPCall makes the call of one request with its exchange. Neither is used again. pass is nil
// unless w and r are those of middleware of FromHTTPMiddleware.
func newHTTPCall(w http.ResponseWriter, r *http.Request, t *table, pass *passage) *httpCall {
	x := &exchange{core: t.core.process, sites: []endpointTable{{table: t}}}
	x.unlike()
	cfg := nethttp.Config{Exchange: x, Linger: x.httpLinger, Log: t.core.log}
	x.via = &viaHTTP{r: r, w: w, pass: pass}
	var inside *insideCall
	if pass != nil {
		inside = &insideCall{pass: pass, x: x}
		cfg.Outer = inside
	}
	c := nethttp.New(w, r, cfg)
	x.via.call = c
	if inside != nil {
		inside.call = c
	}
	return &httpCall{c, x.via}
}

// httpCall is a request that net/http has read, and what it has of it.
type httpCall struct {
	*nethttp.Call
	via *viaHTTP
}

// httpLinger is how long a client may go on to send behind the last answer.
func (x *exchange) httpLinger() nethttp.Linger {
	core := x.req.table.core
	return nethttp.Linger{
		Pause:    max(orPause(core.srv.LingerTimeout, defaultLinger), 1),
		Bytes:    orDefault(core.srv.LingerBytes, defaultLingerBytes),
		Stopping: core.stopping.Err() != nil,
	}
}
