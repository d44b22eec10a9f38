//go:build linux && lwandebug

package lwan

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/remains"
)

const debugBuild = true

// panicOf is what fn panics with, as text; "" if it does not.
func panicOf(fn func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	fn()
	return ""
}

// neverUsedAgain reports whether handlers behind mw have a Request and a Response of their own:
// those of Blocking handlers on loops, in every build. Waiting methods return ErrOver then, and
// what they hold stays as it was.
func neverUsedAgain(mw []Middleware) bool { return onLoops && len(mw) > 0 }

// TestKeptRequestPanics: using a Request or Response after its handler's end panics and names the
// handler, also while the same worker serves the next one.
func TestKeptRequestPanics(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Loops: 1}
		var req *Request
		var resp *Response
		var events *Events
		srv.Handle("GET /keep/{id}", func(rq *Request, rs *Response) Status {
			req, resp, events = rq, rs, rs.Events()
			return 200
		}, mw...)
		srv.Handle("GET /use", func(rq *Request, rs *Response) Status {
			for name, use := range map[string]func(){
				"Header": func() { req.Header("Host") }, "Param": func() { req.Param("id") },
				"Path": func() { _ = req.Path() }, "Context": func() { req.Context() },
				"Body": func() { req.Body() }, "Sleep": func() { _ = req.Sleep(0) },
				"Await": func() { _ = req.Await(func(context.Context) error { return nil }) },
				"Query": func() { req.Query("a") }, "Defer": func() { req.Defer(nil) },
				"Log": func() { req.Log() }, "SetHeader": func() { resp.SetHeader("A", "b") },
				"Write": func() { _, _ = resp.Write(nil) }, "Text": func() { resp.Text(200, "") },
				"Fail": func() { resp.Fail(nil) }, "Flush": func() { _ = resp.Flush() },
				"Status":      func() { resp.Status() },
				"Events.Send": func() { _ = events.Send(Event{Data: "late"}) },
			} {
				got := panicOf(use)
				if neverUsedAgain(mw) {
					if got != "" {
						t.Errorf("%s of a Blocking handler: panic %q", name, got)
					}
				} else if !strings.Contains(got, `"GET /keep/{id}"`) {
					t.Errorf("%s: panic %q", name, got)
				}
			}
			if neverUsedAgain(mw) {
				_, write := resp.Write([]byte("late"))
				for name, err := range map[string]error{
					"Write": write, "Flush": resp.Flush(), "Sleep": req.Sleep(0),
				} {
					if err != ErrOver {
						t.Errorf("%s of a Blocking handler: %v", name, err)
					}
				}
			}
			if got := panicOf(func() { rq.Header("Host"); rs.Status() }); got != "" {
				t.Errorf("those under way: %s", got)
			}
			return rs.Text(200, "used")
		}, mw...)
		w := dial(t, serveTest(t, srv))
		w.send("GET /keep/1 HTTP/1.1\r\nHost: x\r\n\r\n")
		w.answer("GET")
		w.send("GET /use HTTP/1.1\r\nHost: x\r\n\r\n")
		w.want("GET", 200, "used")
	})
}

// TestKeptBytesAreOverwritten: a view that outlives its handler shows it, and cannot be taken for
// what it was.
func TestKeptBytesAreOverwritten(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Loops: 1}
		kept := map[string][]byte{}
		var texts []string
		srv.Handle("POST /keep/{rest...}", func(req *Request, resp *Response) Status {
			body, err := req.BodyBytes()
			if err != nil {
				return resp.Fail(err)
			}
			resp.WriteString(fill(100))
			kept = map[string][]byte{
				"header": req.HeaderBytes("X-Kept"), "rest": req.RestBytes(), "body": body,
				"response": resp.BodyBytes(),
			}
			texts = []string{req.Header("X-Kept"), req.Rest(), req.Path(), req.Query("q"),
				req.Cookie("c"), string(body), req.Target(), req.Host()}
			return 200
		}, mw...)
		srv.Handle("GET /look", func(req *Request, resp *Response) Status {
			for name, b := range kept {
				if neverUsedAgain(mw) {
					if len(b) == 0 || strings.Contains(string(b), "lwan:") {
						t.Errorf("%s of a Blocking handler: %q", name, b)
					}
				} else if !strings.HasPrefix(remains.Text+remains.Text,
					string(b[:min(len(b), 20)])) &&
					!strings.Contains(remains.Text+remains.Text, string(b[:min(len(b), 20)])) {
					t.Errorf("%s: %q", name, b)
				}
			}
			return resp.Text(200, strings.Join(texts, " "))
		}, mw...)
		w := dial(t, serveTest(t, srv))
		w.send("POST /keep/a%20name/that-is-long?q=%61b HTTP/1.1\r\nHost: example\r\nX-Kept: " +
			fill(50) + "\r\nCookie: c=d\r\nContent-Length: 60\r\n\r\n" + fill(60))
		w.want("POST", 200, fill(100))
		w.send("GET /look HTTP/1.1\r\nHost: x\r\n\r\n")
		w.want("GET", 200, strings.Join([]string{
			fill(50), "a name/that-is-long", "/keep/a name/that-is-long", "ab", "d", fill(60),
			"/keep/a%20name/that-is-long?q=%61b", "example",
		}, " "))
	})
}
