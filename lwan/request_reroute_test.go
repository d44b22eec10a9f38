//go:build linux

package lwan

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// rerouting answers with Reroute to the target in the query.
func rerouting(req *Request, resp *Response) Status {
	return req.Reroute(resp, req.Header("To"))
}

// showAsked says what a handler sees of the request.
func showAsked(req *Request, resp *Response) Status {
	path, query, asks := strings.Cut(req.RoutedTarget(), "?")
	if asks {
		query = "?" + query
	}
	if q := string(req.AppendRoutedQuery(nil)); q != query {
		return resp.Text(500, fmt.Sprintf("%s has the query %q", path, q))
	}
	return resp.Text(200, fmt.Sprintf("%s %s %q rest=%q q=%q target=%s routed=%s name=%s",
		req.Method(), req.Pattern(), req.Path(), req.Rest(), req.Query("q"), req.Target(),
		req.RoutedTarget(), req.Param("name")))
}

func naming(name string) Middleware {
	return before(func(req *Request, resp *Response, st Status) {
		resp.AddHeader("X-Through", name)
	})
}

func TestReroute(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		srv.Use(naming("root"))
		srv.Handle("/go", rerouting, append(mw, naming("go"))...)
		srv.Handle("GET /seen/{name}", showAsked, naming("seen"))
		srv.Handle("/below/", showAsked, naming("below"))
		srv.Handle("/aside/", showAsked, Blocking)
		srv.Handle("/net/", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.URL.Path, " ", r.URL.RawPath, " ", r.URL.RawQuery, " ", r.RequestURI)
		})))
		guard := func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				if req.Header("Key") == "" {
					return resp.Text(401, "who are you")
				}
				return next(req, resp)
			}
		}
		srv.Handle("/private/", showAsked, guard)
		srv.Handle("/internal/", showAsked, Internal)
		srv.Handle("/circle", func(req *Request, resp *Response) Status {
			return req.Reroute(resp, "/circle")
		}, mw...)
		addr := serveTest(t, srv)
		for _, tt := range []struct {
			to      string
			status  int
			body    string
			through string
		}{
			{"/seen/x?q=2", 200, `GET GET /seen/{name} "/seen/x" rest="" q="2" target=/go?q=1 ` +
				`routed=/seen/x?q=2 name=x`, "seen root go root"},
			{"/seen/x", 200, `GET GET /seen/{name} "/seen/x" rest="" q="1" target=/go?q=1 ` +
				`routed=/seen/x?q=1 name=x`, "seen root go root"},
			{"/seen/x?", 200, `GET GET /seen/{name} "/seen/x" rest="" q="" target=/go?q=1 ` +
				`routed=/seen/x? name=x`, "seen root go root"},
			{"/below/a%2fb%20c", 200, `GET /below/ "/below/a%2Fb c" rest="a%2Fb c" q="1" ` +
				`target=/go?q=1 routed=/below/a%2Fb%20c?q=1 name=`, "below root go root"},
			{"/aside/x", 200, `GET /aside/ "/aside/x" rest="x" q="1" target=/go?q=1 ` +
				`routed=/aside/x?q=1 name=`, "root go root"},
			{"/net/./a%2fb/../c%20d?z", 200, "/net/c d  z /go?q=1", "root go root"},
			{"/x/..//priv%61te/x", 401, "who are you", "root go root"},
			{"/below/../private", 401, "who are you", "root go root"},
			{"/internal/x?q=", 200, `GET /internal/ "/internal/x" rest="x" q="" target=/go?q=1 ` +
				`routed=/internal/x?q= name=`, "root go root"},
			{"/none", 404, "404 Not Found\n", "root go root"},
			{"", 500, "500 Internal Server Error\n", "go root"},
			{"none", 500, "500 Internal Server Error\n", "go root"},
			{"http://x/", 500, "500 Internal Server Error\n", "go root"},
			{"/a b", 500, "500 Internal Server Error\n", "go root"},
			{"/a%00", 500, "500 Internal Server Error\n", "go root"},
			{"/a%zz", 500, "500 Internal Server Error\n", "go root"},
		} {
			a := get(t, addr, "/go?q=1", "To: "+tt.to)
			through := strings.Join(a.header.Values("X-Through"), " ")
			if a.status != tt.status || a.body != tt.body || through != tt.through {
				t.Errorf("%q: %d %q through %q, want %d %q through %q", tt.to, a.status, a.body,
					through, tt.status, tt.body, tt.through)
			}
		}
		for _, path := range []string{"/internal/x", "/intern%61l/x", "/internal", "//internal/x"} {
			if a := get(t, addr, path); a.status != 404 {
				t.Errorf("%s from outside: %v", path, a)
			}
		}
		if a := get(t, addr, "/circle"); a.status != 500 {
			t.Errorf("a circle: %v", a)
		}
	})
}

// TestRerouteTimes: ten are allowed, and they are counted over all of the request's handlers.
func TestRerouteTimes(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		outcome := make(observed, 2)
		srv.Observe(outcome)
		srv.Handle("/{n}", func(req *Request, resp *Response) Status {
			if n := len(req.Param("n")); n > 1 {
				return req.Reroute(resp, "/"+strings.Repeat("x", n-1))
			}
			return resp.Text(200, "there")
		}, mw...)
		addr := serveTest(t, srv)
		if a := get(t, addr, "/"+strings.Repeat("x", 11)); a.status != 200 || a.body != "there" {
			t.Errorf("ten: %v", a)
		}
		<-outcome
		if a := get(t, addr, "/"+strings.Repeat("x", 12)); a.status != 500 {
			t.Errorf("eleven: %v", a)
		}
		if got := <-outcome; !strings.Contains(got, ErrRerouted.Error()) {
			t.Errorf("eleven: %s", got)
		}
	})
}

// TestRerouteLeavesNothing: the next request of the worker knows nothing of it, and what was
// written before is dropped.
func TestRerouteLeavesNothing(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Loops: 1}
		srv.Handle("/go", func(req *Request, resp *Response) Status {
			resp.WriteString("nobody sees this")
			resp.SetHeader("X-Kept", "yes")
			resp.Fail(io.ErrUnexpectedEOF)
			return req.Reroute(resp, "/sub?q=5")
		}, mw...)
		srv.Handle("/sub", showAsked)
		srv.Handle("/late", func(req *Request, resp *Response) Status {
			if err := resp.SendHead(200); err != nil {
				return resp.Fail(err)
			}
			return req.Reroute(resp, "/sub")
		}, mw...)
		srv.Handle("/post", func(req *Request, resp *Response) Status {
			return req.Reroute(resp, "/echo")
		}, mw...)
		srv.Handle("/echo", echo)
		addr := serveTest(t, srv)
		c := dial(t, addr)
		for range 3 {
			c.send("GET /go HTTP/1.1\r\nHost: x\r\n\r\n")
			a := c.want("GET", 200, `GET /sub "/sub" rest="" q="5" target=/go routed=/sub?q=5 name=`)
			if a.header.Get("X-Kept") != "yes" {
				t.Errorf("fields: %v", a.header)
			}
			c.send("GET /sub HTTP/1.1\r\nHost: x\r\n\r\n")
			c.want("GET", 200, `GET /sub "/sub" rest="" q="" target=/sub routed=/sub name=`)
			c.send(post("/post", "the body"))
			c.want("POST", 200, "the body")
		}
		if a := get(t, addr, "/late"); a.err == nil {
			t.Errorf("rerouted after the head: %v", a)
		}
	})
}
