//go:build linux

package lwan

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// backend answers as a backend does that is not one of ours: bytes, written down.
func backend(t *testing.T, serve func(conn net.Conn, r *bufio.Reader)) *url.URL {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn, bufio.NewReader(conn))
			}()
		}
	}()
	return &url.URL{Scheme: "http", Host: ln.Addr().String()}
}

// readHead reads up to the empty line.
func readHead(r *bufio.Reader) (head string) {
	for {
		line, err := r.ReadString('\n')
		head += line
		if err != nil || line == "\r\n" {
			return head
		}
	}
}

// proxy is a reverse proxy that keeps no connection, so that none is left when the test ends.
func proxy(to *url.URL) http.Handler {
	p := httputil.NewSingleHostReverseProxy(to)
	p.Transport = &http.Transport{DisableKeepAlives: true}
	p.ErrorLog = log.New(io.Discard, "", 0)
	return p
}

// TestFromHTTPProxyTwins: a reverse proxy of net/http gives the same answers with us, whatever its
// backend does.
func TestFromHTTPProxyTwins(t *testing.T) {
	for _, c := range []struct {
		name    string
		backend func(conn net.Conn, r *bufio.Reader)
		request string
		after   string
	}{
		{"answers", func(conn net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok")
		}, get1("/"), ""},
		{"dies-chunked", func(conn net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\n"+
				"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
		}, get1("/"), ""},
		{"dies-short", func(conn net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		}, get1("/"), ""},
		{"dies-at-once", func(conn net.Conn, r *bufio.Reader) { readHead(r) }, get1("/"), ""},
		{"uploads", func(conn net.Conn, r *bufio.Reader) {
			head := readHead(r)
			body := make([]byte, 7)
			io.ReadFull(r, body)
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n%s%v",
				body, strings.Contains(head, "X-Forwarded-For: 127.0.0.1"))
		}, post("/", "content"), ""},
		{"continues", func(conn net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
			body := make([]byte, 4)
			io.ReadFull(r, body)
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%s", body)
		}, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
			"body"},
		{"hints", func(conn net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+
				"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}, get1("/"), ""},
		{"upgrades", func(conn net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(conn,
				"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			line, _ := r.ReadString('\n')
			io.WriteString(conn, line)
		}, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", "line\n"},
		{"upgrades-early", func(conn net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(conn,
				"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			line, _ := r.ReadString('\n')
			io.WriteString(conn, line)
		}, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nbehind\n",
			"line\n"},
		{"refuses-upgrade", func(conn net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
		}, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := proxy(backend(t, c.backend))
			theirs := httptest.NewUnstartedServer(h)
			theirs.Config.ErrorLog = log.New(io.Discard, "", 0)
			theirs.Start()
			defer theirs.Close()
			srv, within := &Server{}, &Server{}
			srv.Handle("/", FromHTTP(h))
			within.Handle("/", FromHTTP(h), FromHTTPMiddleware(plainly))
			one := twin{request: c.request, after: c.after}
			want := script(t, theirs.Listener.Addr().String(), one)
			if c.name == "continues" {
				// net/http sends its own, if the proxy reads the body before the backend's 100 has
				// come, and that; one is enough (RFC 9110 section 10.1.1).
				want = want[strings.LastIndex(want, "100 "):]
			}
			for _, s := range []*Server{srv, within} {
				if got := script(t, serveTest(t, s), one); got != want {
					t.Errorf("FromHTTP:\n%s\nnet/http:\n%s", got, want)
				}
			}
		})
	}
}

// TestFromHTTPContextKeys: what net/http's server puts into the context is there, and works.
func TestFromHTTPContextKeys(t *testing.T) {
	srv := &Server{}
	shut := make(chan struct{})
	srv.Handle("GET /", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server := r.Context().Value(http.ServerContextKey).(*http.Server)
		server.RegisterOnShutdown(func() { close(shut) })
		server.ErrorLog.Print("told the log")
		fmt.Fprint(w, r.Context().Value(http.LocalAddrContextKey).(net.Addr))
	})))
	book := logged(srv)
	addr := serveTest(t, srv)
	if a := get(t, addr, "/"); a.body != addr {
		t.Errorf("%v, want %s", a, addr)
	}
	if book.lines("told the log") != 1 {
		t.Errorf("ErrorLog is another log")
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	received(t, shut)
}

// TestFromHTTPPattern: a handler of net/http knows the route.
func TestFromHTTPPattern(t *testing.T) {
	srv := &Server{}
	srv.Group("/api").Handle("GET /items/{id}/{rest...}",
		FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Pattern, " ", r.PathValue("id"), " ", r.PathValue("rest"))
		})))
	mux := http.NewServeMux()
	mux.Handle("GET /mux/{id}", ToHTTP(func(req *Request, resp *Response) Status {
		n, err := Param[int](req, "id")
		_, none := Param[int](req, "none")
		return resp.Text(200,
			fmt.Sprint(req.Pattern(), " ", req.Param("id"), " ", n, " ", srv.statusOf(err), " ",
				srv.statusOf(none)))
	}))
	srv.Handle("/mux/", FromHTTP(mux))
	addr := serveTest(t, srv)
	for path, want := range map[string]string{
		"/api/items/a%2Fb/c/d": "GET /api/items/{id}/{rest...} a/b c/d",
		"/mux/7":               "GET /mux/{id} 7 7 500 500",
		"/mux/x":               "GET /mux/{id} x 0 404 500",
	} {
		if a := get(t, addr, path); a.body != want {
			t.Errorf("%s: %v, want %s", path, a, want)
		}
	}
}
