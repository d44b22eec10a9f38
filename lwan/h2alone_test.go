//go:build linux && !golwan_nethttp

package lwan

import (
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// TestH2Alone: what becomes of one stream does not end its connection: handlers that die, content
// that was not all read, a CONNECT. An answer that asks for it does.
func TestH2Alone(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Limits: Limits{Body: 10_000}}
		srv.Handle("/goexit", func(*Request, *Response) Status {
			runtime.Goexit()
			return 0
		}, mw...)
		srv.Handle("/panic", func(*Request, *Response) Status { panic("on purpose") }, mw...)
		srv.Handle("/late", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // it has passed
			if _, err := r.Body.Read(make([]byte, 10)); err == nil {
				t.Error("read behind the deadline")
			}
		})), mw...)
		srv.Handle("/echo", echo, mw...)
		srv.Handle("/close", func(req *Request, resp *Response) Status {
			resp.SetHeader("Connection", "close")
			return resp.Text(200, "bye")
		}, mw...)
		h := dialH2(t, serveH2(t, srv))
		h.send(h.headers(1, true, "GET", "/goexit"), h.headers(3, true, "GET", "/panic"),
			h.headers(5, false, "POST", "/late", "content-length: 100"),
			h.headers(7, false, "POST", "/echo", "content-length: 100000"), h2data(7, false, "some"),
			h2bytes(h2frame.Headers, h2frame.EndHeaders|h2frame.EndStream, 9,
				h.block("", "", ":method: CONNECT", ":authority: x:1")))
		for i, want := range []string{"500", "500", "200", "413", "501"} {
			id := uint32(2*i + 1)
			if a := h.answer(id); a.status != want {
				t.Errorf("stream %d: %s, want %s", id, a.status, want)
			}
		}
		h.ping()
		if h.leaves {
			t.Error("the connection leaves")
		}
		h.get(11, "/close")
		h.want(11, "200", "bye")
		if !h.leaves {
			t.Error("the connection stays, though its end was asked for")
		}
	})
}

// TestH2Padding: what is nothing but padding may be sent again, whether or not somebody reads.
func TestH2Padding(t *testing.T) {
	srv := &Server{HTTP2: HTTP2Limits{Control: -1}}
	srv.Handle("POST /", echo)
	h := dialH2(t, serveH2(t, srv))
	h.ping()
	h.send(h.headers(1, false, "POST", "/"))
	padding := h2bytes(h2frame.Data, h2frame.Padded, 1, append([]byte{255}, make([]byte, 255)...))
	for range 1000 { // four windows
		for h.room(1) < 256 || h.room(0) < 256 {
			if _, more := h.next(); !more {
				t.Fatal("the connection has ended")
			}
		}
		h.used[0] += 256
		h.used[1] += 256
		h.send(padding)
	}
	h.send(h2data(1, true, "ab"))
	h.want(1, "200", "ab")
}
