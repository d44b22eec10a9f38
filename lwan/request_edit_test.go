//go:build linux

package lwan

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestSetHeader: the handler sees the fields as middleware has left them, by every way of asking,
// and what the server has read itself stays.
func TestSetHeader(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Loops: 1, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
		edit := func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				before := req.HeaderBytes("X-View")
				for name, value := range map[string]string{
					"X-New": "n", "user-agent": "other", "Cookie": "c=2", "X-Forwarded-For": "9.9.9.9",
				} {
					if err := req.SetHeader(name, value); err != nil {
						return resp.Fail(err)
					}
				}
				for _, name := range []string{"X-Gone", "X-Never", "X-Forwarded-Proto", "Accept"} {
					if err := req.DelHeader(name); err != nil {
						return resp.Fail(err)
					}
				}
				if err := req.SetHeader("X-New", "newer"); err != nil {
					return resp.Fail(err)
				}
				for _, name := range []string{
					"Host", "content-length", "Transfer-Encoding", "Upgrade", "a b", "", "TE",
				} {
					if req.SetHeader(name, "x") == nil || req.DelHeader(name) == nil {
						return resp.Fail(fmt.Errorf("%q could be changed", name))
					}
				}
				if req.SetHeader("X-Bad", "a\r\nb") == nil {
					return resp.Fail(fmt.Errorf("a line break was taken"))
				}
				if string(before) != "seen" {
					return resp.Fail(fmt.Errorf("the view has become %q", before))
				}
				return next(req, resp)
			}
		}
		srv.Handle("/at/{name}", func(req *Request, resp *Response) Status {
			var names []string
			for name := range req.Headers() {
				names = append(names, name)
			}
			slices.Sort(names)
			return resp.Text(200, fmt.Sprint(names, req.Header("X-New"), req.HeaderAll("User-Agent"),
				req.Cookie("c"), req.Header("x-gone"), req.Param("name"), req.Path(), req.Query("q"),
				req.RemoteAddr().Addr(), req.Scheme(), req.Host()))
		}, append([]Middleware{edit}, mw...)...)
		srv.Handle("/net", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Header.Get("X-New"), r.UserAgent(), len(r.Header["X-Gone"]),
				len(r.Header["X_gone"]))
		})), edit)
		addr := serveTest(t, srv)
		c := dial(t, addr)
		fields := "Host: x\r\nX-View: seen\r\nUser-Agent: a\r\nCookie: c=1\r\nX-Gone: 1\r\n" +
			"x-gone: 2\r\nX_Gone: 3\r\nx_new: 4\r\nuser_Agent: 5\r\nX-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Proto: https\r\n\r\n"
		for range 2 {
			c.send("GET /at/x?q=1 HTTP/1.1\r\n" + fields)
			c.want("GET", 200, "[Cookie Host X-Forwarded-For X-New X-View user-agent]newer[other]"+
				"2x/at/x18.8.8.8httpsx")
			c.send("GET /net HTTP/1.1\r\n" + fields)
			c.want("GET", 200, "newerother0 0")
		}
	})
}

// TestRerouteError: the page of an error keeps its status, and the request stays what it was.
func TestRerouteError(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		outcome := make(observed, 1)
		srv.Observe(outcome)
		srv.Use(func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				st := next(req, resp)
				if st < 400 || len(resp.BodyBytes()) > 0 {
					return st
				}
				st = req.RerouteError(resp, st, "/page"+fmt.Sprint(int(st)))
				resp.SetHeader("X-After", req.Method()+" "+req.Path()+" "+req.Param("x"))
				return st
			}
		})
		srv.Handle("/fail/{x}", func(req *Request, resp *Response) Status {
			resp.SetHeader("X-Kept", "yes")
			resp.SetHeader("Cache-Control", "no-store")
			return resp.Fail(io.ErrUnexpectedEOF) // 400
		}, mw...)
		for _, st := range []Status{401, 402, 403, 404, 500, 501} {
			srv.Handle(fmt.Sprintf("/is%d", st), func(*Request, *Response) Status { return st }, mw...)
		}
		srv.Handle("/own", func(req *Request, resp *Response) Status { return resp.Text(410, "own") })
		page := func(req *Request, resp *Response) Status {
			if req.Header("Range")+req.Header("If-None-Match") != "" {
				return resp.Text(206, "a part")
			}
			resp.SetHeader("ETag", `"x"`)
			resp.SetHeader("Cache-Control", "max-age=9999")
			return resp.Text(200, "<p>"+req.Method()+" "+req.Path())
		}
		srv.Handle("GET /page400", page, mw...)
		srv.Handle("GET /page404", page, Blocking)
		srv.Handle("GET /page401", func(req *Request, resp *Response) Status { // streams
			resp.WriteString("stre")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			resp.WriteString("amed")
			return 200
		}, mw...)
		srv.Handle("GET /page402", func(req *Request, resp *Response) Status { // breaks off
			resp.WriteString("stre")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			return resp.Fail(io.ErrClosedPipe)
		}, mw...)
		srv.Handle("GET /page403", func(req *Request, resp *Response) Status { panic("page") }, mw...)
		srv.Handle("GET /page500", func(req *Request, resp *Response) Status {
			return req.Reroute(resp, "/page400")
		}, mw...)
		addr := serveTest(t, srv)
		for _, tt := range []struct {
			method, path string
			status       int
			body, log    string
		}{
			{"GET", "/fail/z", 400, "<p>GET /page400", "GET /fail/{x} 400 unexpected EOF"},
			{"POST", "/fail/z", 400, "<p>GET /page400", "POST /fail/{x} 400 unexpected EOF"},
			{"HEAD", "/fail/z", 400, "", "HEAD /fail/{x} 400 unexpected EOF"},
			{"GET", "/none", 404, "<p>GET /page404", "GET  404 <nil>"},
			{"GET", "/is401", 401, "streamed", "GET /is401 401 <nil>"},
			{"GET", "/is402", 402, "stre", "GET /is402 402 io: read/write on closed pipe"},
			{"GET", "/is403", 403, "403 Forbidden\n", "GET /is403 403 <nil>"},
			{"GET", "/is500", 500, "<p>GET /page400", "GET /is500 500 <nil>"},
			{"GET", "/is501", 501, "501 Not Implemented\n", "GET /is501 501 <nil>"},
			{"GET", "/own", 410, "own", "GET /own 410 <nil>"},
			{"BREW", "/own", 501, "501 Not Implemented\n", "BREW  501 <nil>"},
		} {
			a := once(t, addr, tt.method, tt.method+" "+tt.path+" HTTP/1.1\r\nHost: x\r\n"+
				"Range: bytes=0-1\r\nIf-None-Match: \"x\"\r\nContent-Length: 0\r\n\r\n")
			if a.status != tt.status || a.body != tt.body || (a.err != nil) != (tt.path == "/is402") {
				t.Errorf("%s %s: %v", tt.method, tt.path, a)
			}
			if got := <-outcome; got != tt.log {
				t.Errorf("%s %s: observers see %s, want %s", tt.method, tt.path, got, tt.log)
			}
			if after := a.header.Get("X-After"); tt.path == "/fail/z" &&
				(after != tt.method+" /fail/z z" || a.header.Get("X-Kept") != "yes" ||
					a.header.Get("Cache-Control") != "no-store" || a.header.Get("ETag") != "") {
				t.Errorf("%s %s: %v", tt.method, tt.path, a.header)
			}
			if strings.Contains(a.body, "page404") && a.header.Get("Cache-Control") != "" {
				t.Errorf("%s %s: %v", tt.method, tt.path, a.header)
			}
		}
	})
}
