//go:build linux

package lwan

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestForgottenReturns: each finishing method whose status is not that of the answer is a line of
// the log, once for each route, and no field of a redirection stays behind on another answer.
func TestForgottenReturns(t *testing.T) {
	failing := errors.New("no JSON")
	before := func(fn Handler) Middleware {
		return func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				fn(req, resp) // and not: return fn(req, resp)
				return next(req, resp)
			}
		}
	}
	cases := map[string]struct {
		h      Handler
		mw     []Middleware
		status int
		body   string
		lines  int
	}{
		"error": {func(q *Request, r *Response) Status { r.Error(403, "no"); return 200 },
			nil, 200, "", 1},
		"redirect": {func(q *Request, r *Response) Status { r.Redirect(303, "/x"); return 200 },
			nil, 200, "", 1},
		"redirect-written": {func(q *Request, r *Response) Status {
			r.Redirect(303, "/x")
			r.WriteString("page")
			return 200
		}, nil, 200, "page", 1},
		"redirect-text": {
			func(q *Request, r *Response) Status {
				r.Redirect(303, "/x")
				return r.Text(200, "page")
			}, nil, 200, "page", 1,
		},
		"redirect-none": {
			func(q *Request, r *Response) Status { r.Redirect(303, "/x"); return 404 }, nil, 404,
			"404 Not Found\n", 1,
		},
		"redirect-fail": {func(q *Request, r *Response) Status {
			r.Redirect(303, "/x")
			return r.Fail(&Error{Status: 409})
		}, nil, 409, "409 Conflict\n", 0},
		"redirect-stream": {func(q *Request, r *Response) Status {
			r.Redirect(303, "/x")
			if err := r.SendHead(200); err != nil {
				return r.Fail(err)
			}
			r.WriteString("page")
			return 200
		}, nil, 200, "page", 1},
		"text": {
			func(q *Request, r *Response) Status {
				r.Text(404, "none")
				return r.Text(200, "some")
			}, nil, 200, "some", 1,
		},
		"json": {
			func(q *Request, r *Response) Status { r.JSON(400, "bad"); return 201 },
			nil, 201, `"bad"`, 1,
		},
		"data": {
			func(q *Request, r *Response) Status {
				r.Data(404, "a/b", []byte("x"))
				return r.Error(410, "")
			}, nil, 410, "410 Gone\n", 1,
		},
		"render": {
			func(q *Request, r *Response) Status { r.Render(404, page{text: "x"}); return 200 },
			nil, 200, "x", 1,
		},
		"fail": {
			func(q *Request, r *Response) Status { r.Fail(&Error{Status: 409}); return 200 }, nil,
			409, "409 Conflict\n", 1,
		},
		"middleware": {text("secret"),
			[]Middleware{before(func(q *Request, r *Response) Status { return r.Error(401, "") })},
			200, "secret", 1},
		"middleware-redirect": {text("secret"),
			[]Middleware{
				before(func(q *Request, r *Response) Status { return r.Redirect(302, "/x") }),
			}, 200, "secret", 1},

		// These are as they should be.
		"same": {
			func(q *Request, r *Response) Status { r.Text(404, "a"); return r.Text(404, "b") },
			nil, 404, "b", 0,
		},
		"reset": {
			func(q *Request, r *Response) Status {
				r.Redirect(302, "/x")
				r.Reset()
				return r.Text(200, "b")
			}, nil, 200, "b", 0,
		},
		"failed": {
			func(q *Request, r *Response) Status {
				r.Text(200, "a")
				return r.Fail(&Error{
					Status: 409,
				})
			}, nil, 409, "409 Conflict\n", 0,
		},
		"badjson": {func(q *Request, r *Response) Status {
			if st := r.JSON(200, func() {}); st != 500 {
				return r.Fail(failing)
			}
			return r.Fail(&Error{Status: 409})
		}, nil, 409, "409 Conflict\n", 0},
		"begun": {func(q *Request, r *Response) Status {
			r.Text(202, "accepted")
			if err := r.Flush(); err != nil {
				return r.Fail(err)
			}
			return 200 // the outcome
		}, nil, 202, "accepted", 0},
		"changed": {text("a"), []Middleware{func(next Handler) Handler {
			return func(q *Request, r *Response) Status { next(q, r); return r.Text(203, "b") }
		}}, 203, "b", 0},
		"location": {func(q *Request, r *Response) Status {
			r.Redirect(302, "/x")
			r.SetHeader("Location", "/y")
			return 201
		}, nil, 201, `<a href="/x">Found</a>.` + "\n", 1},
	}
	srv := &Server{}
	for name, c := range cases {
		srv.Handle("GET /"+name, c.h, c.mw...)
	}
	book := logged(srv)
	addr := serveTest(t, srv)
	for name, c := range cases {
		for range 2 {
			a := get(t, addr, "/"+name)
			if a.status != c.status || a.body != c.body || a.err != nil {
				t.Errorf("%s: %v, want %d %q", name, a, c.status, c.body)
			}
			if got := a.header.Get("Location"); got != map[string]string{"location": "/y"}[name] {
				t.Errorf("%s: Location: %s", name, got)
			}
			html := a.header.Get("Content-Type") == typeHTML
			if html != strings.Contains(a.body, "<a") {
				t.Errorf("%s: %v", name, a)
			}
		}
		n := book.lines("level=ERROR", "is a return missing", fmt.Sprintf(`route="GET /%s"`, name))
		if n != c.lines {
			t.Errorf("%s: %d lines, want %d", name, n, c.lines)
		}
	}
	if t.Failed() {
		t.Log(book)
	}
}

// TestMessageForErrorPage: the program's own error page gets the message for the client, and no
// more.
func TestMessageForErrorPage(t *testing.T) {
	srv := &Server{ErrorPage: func(req *Request, resp *Response, st Status) Status {
		return resp.Text(st, fmt.Sprintf("%d: %s", st, resp.Message()))
	}}
	hide := func(next Handler) Handler {
		return func(req *Request, resp *Response) Status { next(req, resp); return 404 }
	}
	srv.Handle("GET /error", func(q *Request, r *Response) Status {
		return r.Error(403, "not yours")
	})
	srv.Handle("GET /fail", func(q *Request, r *Response) Status {
		return r.Fail(&Error{Status: 422, Message: "no name", Err: errSecret})
	})
	srv.Handle("GET /plain", func(q *Request, r *Response) Status { return r.Fail(errSecret) })
	srv.Handle("GET /hidden",
		func(q *Request, r *Response) Status {
			return r.Fail(&Error{
				Status: 403, Message: "secret",
			})
		}, hide)
	srv.Handle("GET /none", func(q *Request, r *Response) Status { return 410 })
	addr := serveTest(t, srv)
	for path, want := range map[string]string{
		"/error": "403: not yours", "/fail": "422: no name", "/plain": "500: ", "/hidden": "404: ",
		"/none": "410: ", "/%zz": "400: ",
	} {
		if path == "/%zz" && !onLoops {
			continue // net/http refuses it by itself
		}
		a := get(t, addr, path)
		if !strings.HasPrefix(a.body, want) || want != a.body && path != "/%zz" {
			t.Errorf("%s: %v, want %q", path, a, want)
		}
	}
	if a := get(t, addr, "/%zz"); onLoops && a.body == "400: " {
		t.Error("an invalid path is not explained")
	}
}
