//go:build linux

package lwan

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// TestRerouteContent: a handler that was rerouted to is told how much of the content is left, and
// one that is asked with GET has none.
func TestRerouteContent(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		tell := func(req *Request, resp *Response) Status {
			n := req.ContentLength()
			content, err := io.ReadAll(req.Body())
			if err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, fmt.Sprint(req.Method(), " ", n, " ", len(content)))
		}
		tellHTTP := FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			content, err := io.ReadAll(r.Body)
			fmt.Fprint(w, r.Method, " ", r.ContentLength, " ", len(content))
			if err != nil {
				t.Error(err)
			}
		}))
		read := func(req *Request) error {
			n, err := strconv.Atoi(req.Query("read"))
			if err == nil && n < 0 {
				_, err = req.BodyBytes()
			} else if err == nil {
				_, err = io.ReadFull(req.Body(), make([]byte, n))
			}
			return err
		}
		srv, inside := &Server{}, &Server{}
		for _, srv := range []*Server{srv, inside} {
			srv.Handle("/tell", tell, mw...)
			srv.Handle("/blocking", tell, Blocking)
			srv.Handle("/http", tellHTTP, mw...)
			srv.Handle("POST /go", func(req *Request, resp *Response) Status {
				if err := read(req); err != nil {
					return resp.Fail(err)
				}
				return req.Reroute(resp, req.Query("to"))
			}, mw...)
			srv.Handle("POST /get", func(req *Request, resp *Response) Status {
				if err := read(req); err != nil {
					return resp.Fail(err)
				}
				st := req.RerouteGet(resp, req.Query("to"))
				if req.Method() != "POST" {
					t.Errorf("afterwards it is a %s", req.Method())
				}
				return st
			}, mw...)
			srv.Handle("POST /error", func(req *Request, resp *Response) Status {
				if err := read(req); err != nil {
					return resp.Fail(err)
				}
				return req.RerouteError(resp, 404, req.Query("to"))
			}, mw...)
		}
		h, err := inside.Build()
		if err != nil {
			t.Fatal(err)
		}
		defer inside.Close()
		byHTTP := httptest.NewServer(ToHTTP(h))
		defer byHTTP.Close()
		for engine, url := range map[string]string{
			"loops": "http://" + serveTest(t, srv), "ToHTTP": byHTTP.URL,
		} {
			for _, size := range []int{10, 200_000} {
				for _, to := range []string{"/tell", "/blocking", "/http"} {
					for _, n := range []int{0, 4, size, -1} {
						left := size - max(n, 0)
						for path, want := range map[string]string{
							"/go": fmt.Sprint("POST ", left, " ", left), "/get": "GET 0 0",
							"/error": "GET 0 0",
						} {
							target := fmt.Sprintf("%s%s?read=%d&to=%s", url, path, n, to)
							_, got := fetchOnce(t, "POST", target, "a/b", strings.Repeat("x", size))
							if got != want {
								t.Errorf("%s: %d bytes, %s: %q, want %q", engine, size,
									target[len(url):], got, want)
							}
						}
					}
				}
			}
		}
	})
}
