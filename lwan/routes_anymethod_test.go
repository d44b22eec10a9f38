//go:build linux

package lwan

import (
	"fmt"
	"strings"
	"testing"
)

// TestAnyMethod: a pattern for any method gets those that nobody has registered; others do not, and
// what is more specific goes first.
func TestAnyMethod(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		show := func(who string) Handler {
			return func(req *Request, resp *Response) Status {
				return resp.Text(200, who+" "+req.Method()+" "+req.Pattern())
			}
		}
		srv.Handle("* /any/", show("any"), mw...)
		srv.Handle("GET /any/get", show("get"), mw...)
		srv.Handle("/known/", show("known"), mw...)
		srv.Group("/group").Handle("* /{x}", show("group"), mw...)
		addr := serveTest(t, srv)
		for _, tt := range []struct{ line, want string }{
			{"PURGE /any/x", "200 any PURGE /any/"},
			{"GET /any/x", "200 any GET /any/"},
			{"PROPFIND /any/x", "200 any PROPFIND /any/"},
			{"x-odd /any/x", "200 any x-odd /any/"},
			{"* /any/x", "200 any * /any/"},
			{"GET /any/get", "200 get GET GET /any/get"},
			{"PURGE /any/get", "200 any PURGE /any/"},
			{"PURGE /group/x", "200 group PURGE /group/{x}"},
			{"PURGE /known/x", "501"},
			{"PROPFIND /known/x", "200 known PROPFIND /known/"},
			{"PURGE /none", "501"},
			{"PURGE /any/../known/x", "501"},
		} {
			w := dial(t, addr)
			w.send(tt.line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			a := w.answer("GET")
			if got := fmt.Sprint(a.status, " ", string(a.body)); !strings.HasPrefix(got, tt.want) {
				t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
			}
		}
	})
}
