//go:build linux

package lwan

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// page is a Renderable.
type page struct {
	text string
	err  error
}

func (p page) ContentType() string { return "text/page" }

func (p page) RenderTo(w io.Writer) error {
	if _, err := io.WriteString(w, p.text); err != nil {
		return err
	}
	return p.err
}

var errSecret = errors.New("secret: the password is 1234")

// TestFinishing: every way to end a handler.
func TestFinishing(t *testing.T) {
	srv := &Server{}
	ways := map[string]struct {
		h      Handler
		status int
		ctype  string
		body   string
	}{
		"text": {func(q *Request, r *Response) Status { return r.Text(201, "é") },
			201, typeText, "é"},
		"own-type": {
			func(q *Request, r *Response) Status {
				r.SetContentType("text/css")
				return r.Text(200, "a{}")
			}, 200, "text/css", "a{}",
		},
		"data": {
			func(q *Request, r *Response) Status { return r.Data(202, "image/png", []byte("png")) },
			202, "image/png", "png",
		},
		"json": {
			func(q *Request, r *Response) Status { return r.JSON(200, map[string]int{"a": 1}) },
			200, typeJSON, `{"a":1}`,
		},
		"json-fails": {func(q *Request, r *Response) Status { return r.JSON(200, func() {}) },
			500, typeText, "500 Internal Server Error\n"},
		"render": {
			func(q *Request, r *Response) Status { return r.Render(200, page{"p", nil}) },
			200, "text/page", "p",
		},
		"render-fails": {
			func(q *Request, r *Response) Status { return r.Render(200, page{"half", errSecret}) },
			500, typeText, "500 Internal Server Error\n",
		},
		"redirect": {
			func(q *Request, r *Response) Status { return r.Redirect(303, "/a?b=\"c\"") }, 303,
			typeHTML, "<a href=\"/a?b=%22c%22\">See Other</a>.\n",
		},
		"error": {func(q *Request, r *Response) Status { return r.Error(409, "taken") }, 409,
			typeText, "409 Conflict\ntaken\n"},
		"status-only": {func(q *Request, r *Response) Status { return 404 }, 404,
			typeText, "404 Not Found\n"},
		"empty": {func(q *Request, r *Response) Status { return 200 }, 200, "", ""},
		"write": {func(q *Request, r *Response) Status {
			r.WriteString("a")
			r.Write([]byte("b"))
			r.Printf("%d", 3)
			return 200
		}, 200, "", "ab3"},
		"set-body": {
			func(q *Request, r *Response) Status {
				r.WriteString("dropped")
				r.SetBody("kept")
				return 200
			}, 200, "", "kept",
		},
		"set-and-write": {
			func(q *Request, r *Response) Status { r.SetBody("a"); r.WriteString("b"); return 200 },
			200, "", "ab",
		},
		"error-body": {func(q *Request, r *Response) Status { return r.Text(400, "mine") },
			400, typeText, "mine"},
		"two-ends": {
			func(q *Request, r *Response) Status {
				r.Text(200, "first")
				return r.Text(200, "second")
			}, 200, typeText, "second",
		},
		"readfrom": {
			func(q *Request, r *Response) Status {
				r.ReadFrom(strings.NewReader("from"))
				return 200
			}, 200, "", "from",
		},
		"fail": {
			func(q *Request, r *Response) Status {
				r.WriteString("half")
				return r.Fail(errSecret)
			}, 500, typeText, "500 Internal Server Error\n",
		},
		"fail-known": {
			func(q *Request, r *Response) Status {
				return r.Fail(fmt.Errorf("x: %w", os.ErrNotExist))
			}, 404, typeText, "404 Not Found\n",
		},
		"fail-message": {func(q *Request, r *Response) Status {
			return r.Fail(&Error{Status: 422, Message: "no", Err: errSecret})
		}, 422, typeText, "422 Unprocessable Content\nno\n"},
		"fail-nil": {func(q *Request, r *Response) Status { return r.Fail(nil) }, 500, typeText,
			"500 Internal Server Error\n"},
		"panic": {
			func(q *Request, r *Response) Status { r.WriteString("half"); panic(errSecret) }, 500,
			typeText, "500 Internal Server Error\n",
		},
		"zero": {func(q *Request, r *Response) Status { return 0 }, 500, typeText,
			"500 Internal Server Error\n"},
		"interim": {func(q *Request, r *Response) Status { return 103 }, 500, typeText,
			"500 Internal Server Error\n"},
		"four-digits": {func(q *Request, r *Response) Status { return 1000 }, 500, typeText,
			"500 Internal Server Error\n"},
		"unregistered": {func(q *Request, r *Response) Status { return r.Text(599, "odd") },
			599, typeText, "odd"},
		"wrong-length": {
			func(q *Request, r *Response) Status {
				r.SetHeader("Content-Length", "3")
				return r.Text(200, "longer")
			}, 500, typeText, "500 Internal Server Error\n",
		},
	}
	for name, w := range ways {
		srv.Handle("GET /"+name, w.h)
	}
	book := logged(srv)
	addr := serveTest(t, srv)
	for name, w := range ways {
		t.Run(name, func(t *testing.T) {
			a := get(t, addr, "/"+name)
			if a.status != w.status || a.header.Get("Content-Type") != w.ctype ||
				strings.TrimSuffix(a.body, "\n") != strings.TrimSuffix(w.body, "\n") ||
				a.err != nil {
				t.Errorf("%v\nwant %d %q %q", a, w.status, w.ctype, w.body)
			}
			if a.length != int64(len(a.body)) {
				t.Errorf("Content-Length %d, body of %d", a.length, len(a.body))
			}
		})
	}
	for _, name := range []string{
		"fail", "panic", "zero", "interim", "four-digits", "json-fails", "render-fails",
	} {
		if n := book.lines("level=ERROR", "request failed", `route="GET /`+name+`"`); n != 1 {
			t.Errorf("%s: %d log lines\n%s", name, n, book)
		}
	}
}

// TestLargeFinish: answers over Limits.Buffer begin to stream; status, content type and body are
// those of the method all the same.
func TestLargeFinish(t *testing.T) {
	big := strings.Repeat("0123456789", 1_000)
	srv := &Server{Limits: Limits{Buffer: 4_096}}
	srv.Handle("GET /data", func(q *Request, r *Response) Status {
		return r.Data(404, "text/x", []byte(big))
	})
	srv.Handle("GET /json", func(q *Request, r *Response) Status { return r.JSON(201, big) })
	srv.Handle("GET /render", func(q *Request, r *Response) Status {
		return r.Render(202, page{big, nil})
	})
	srv.Handle("GET /text", func(q *Request, r *Response) Status { return r.Text(203, big) })
	srv.Handle("GET /body", func(q *Request, r *Response) Status { r.SetBody(big); return 206 })
	srv.Handle("GET /body-more", func(q *Request, r *Response) Status {
		r.SetBody(big)
		r.WriteString(big)
		return 200
	})
	srv.Handle("GET /body-flush", func(q *Request, r *Response) Status {
		r.SetBody(big)
		if err := r.Flush(); err != nil {
			return r.Fail(err)
		}
		r.WriteString("more")
		return 200
	})
	srv.Handle("GET /body-gone", func(q *Request, r *Response) Status {
		r.SetBody(big)
		return r.Text(200, "")
	})
	addr := serveTest(t, srv)
	for path, want := range map[string]struct {
		status int
		ctype  string
		body   string
	}{
		"/data": {404, "text/x", big}, "/json": {201, typeJSON, `"` + big + `"`},
		"/render": {202, "text/page", big}, "/text": {203, typeText, big}, "/body": {206, "", big},
		"/body-more": {200, "", big + big}, "/body-flush": {200, "", big + "more"},
		"/body-gone": {200, typeText, ""},
	} {
		w := dial(t, addr)
		w.send("GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n",
			"HEAD "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		a := w.answer("GET")
		if a.status != want.status || a.header.Get("Content-Type") != want.ctype ||
			strings.TrimSpace(a.body) != want.body || a.err != nil {
			t.Errorf("%s: %v (%d bytes), want %d %q and %d bytes",
				path, a, len(a.body), want.status, want.ctype, len(want.body))
		}
		b := w.answer("HEAD")
		if b.status != a.status || b.length != a.length && (b.length >= 0 || a.body != "") {
			t.Errorf("%s: HEAD %v", path, b)
		}
	}
}

// TestInvalidFields: no field with CR, LF or NUL is ever sent; the log names route and field (RFC
// 9110 section 5.5).
func TestInvalidFields(t *testing.T) {
	srv := &Server{}
	evil := "x\r\nSet-Cookie: stolen=1\r\n\r\n<html>"
	ways := map[string]struct {
		h     Handler
		field string
	}{
		"set": {func(q *Request, r *Response) Status { r.SetHeader("X-A", evil); return 200 },
			"X-A"},
		"add": {
			func(q *Request, r *Response) Status {
				r.AddHeader("X-A", "a\nb")
				return r.Text(200, "x")
			}, "X-A",
		},
		"nul": {
			func(q *Request, r *Response) Status { r.AddHeader("X-A", "a\x00b"); return 200 },
			"X-A",
		},
		"cr": {
			func(q *Request, r *Response) Status { r.AddHeader("X-A", "a\rb"); return 200 }, "X-A",
		},
		"name": {func(q *Request, r *Response) Status { r.SetHeader("X A", "b"); return 200 },
			"X A"},
		"no-name": {func(q *Request, r *Response) Status { r.SetHeader("", "b"); return 200 },
			`\"\"`},
		"colon": {func(q *Request, r *Response) Status { r.SetHeader("X:", "b"); return 200 },
			"X:"},
		"type": {func(q *Request, r *Response) Status { return r.Data(200, evil, nil) },
			"Content-Type"},
		"type2": {
			func(q *Request, r *Response) Status { r.SetHeader("content-type", evil); return 200 },
			"content-type",
		},
		"location": {func(q *Request, r *Response) Status { return r.Redirect(302, evil) }, ""},
		"te": {
			func(q *Request, r *Response) Status {
				r.SetHeader("Transfer-Encoding", "chunked")
				return 200
			}, "Transfer-Encoding",
		},
		"length": {
			func(q *Request, r *Response) Status {
				r.SetHeader("Content-Length", "-1")
				return 200
			}, "Content-Length",
		},
		"upgrade": {
			func(q *Request, r *Response) Status {
				r.SetHeader("Connection", "Upgrade")
				return 200
			}, "Connection",
		},
		"cookie": {
			func(q *Request, r *Response) Status {
				r.SetCookie(&http.Cookie{
					Name: "a b", Value: "c",
				})
				return 200
			}, "Set-Cookie",
		},
		"before": {func(q *Request, r *Response) Status {
			r.BeforeHead(func(Status) { r.SetHeader("X-A", evil) })
			return 200
		}, "X-A"},
		"stream": {
			func(q *Request, r *Response) Status {
				r.SetHeader("X-A", evil)
				return r.Fail(r.Flush())
			}, "X-A",
		},
		"forgets": {
			func(q *Request, r *Response) Status {
				r.SetHeader("X-A", evil)
				r.Flush()
				r.Write(nil)
				return 200
			}, "X-A",
		},
	}
	for name, w := range ways {
		srv.Handle("GET /"+name, w.h)
	}
	srv.Handle("GET /ok", text("ok"))
	book := logged(srv)
	addr := serveTest(t, srv)
	for name, w := range ways {
		c := dial(t, addr)
		c.send("GET /" + name +
			" HTTP/1.1\r\nHost: x\r\n\r\nGET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		all, err := io.ReadAll(c.r)
		if err != nil || strings.Contains(string(all), "stolen=1\r\n") ||
			strings.ContainsAny(string(all), "\x00") {
			t.Errorf("%s: %q %v", name, all, err)
		}
		if name == "location" { // what a URI may not contain is escaped
			if !strings.Contains(string(all),
				"Location: x%0D%0ASet-Cookie:%20stolen=1%0D%0A%0D%0A%3Chtml%3E\r\n") {
				t.Errorf("%q", all)
			}
			continue
		}
		if !strings.HasPrefix(string(all), "HTTP/1.1 500 ") ||
			!strings.HasSuffix(string(all), "\r\n\r\nok") {
			t.Errorf("%s: %q", name, all)
		}
		if n := book.lines("level=ERROR", `route="GET /`+name+`"`, w.field); n != 1 {
			t.Errorf("%s: %d log lines name route and field", name, n)
		}
	}
}

// TestCookiesAndFields: order, several of a name, and those of the server.
func TestCookiesAndFields(t *testing.T) {
	srv := &Server{Header: http.Header{"X-Frame-Options": {"DENY"}, "Server": {"golwan"}}}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		resp.SetCookie(&http.Cookie{Name: "a", Value: "1", HttpOnly: true})
		resp.SetCookie(&http.Cookie{Name: "b", Value: "2"})
		resp.AddHeader("X-Many", "1")
		resp.AddHeader("x-many", "2")
		resp.SetHeader("X-Once", "1")
		resp.SetHeader("x-once", "2")
		resp.SetHeader("X-Gone", "1")
		resp.DelHeader("x-gone")
		resp.SetHeader("server", "mine")
		return resp.Text(200, resp.Header("X-MANY")+resp.Header("X-Once")+resp.Header("X-Gone"))
	})
	addr := serveTest(t, srv)
	a := get(t, addr, "/")
	for name, want := range map[string]string{
		"Set-Cookie": "[a=1; HttpOnly b=2]", "X-Many": "[1 2]", "X-Once": "[2]", "X-Gone": "[]",
		"Server": "[mine]", "X-Frame-Options": "[DENY]",
	} {
		if got := fmt.Sprint(a.header.Values(name)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if a.body != "12" {
		t.Errorf("%q", a.body)
	}
	for _, raw := range []string{get1("/none"), "GET / HTTP/1.1\r\n\r\n"} {
		if !onLoops && raw != get1("/none") {
			continue // net/http refuses it by itself
		}
		if got := once(t, addr, "GET", raw).header.Get("X-Frame-Options"); got != "DENY" {
			t.Errorf("%q: %q", raw, got)
		}
	}
}

// TestServerHeaderIsChecked: a field that must not be sent is found at the start.
func TestServerHeaderIsChecked(t *testing.T) {
	for _, h := range []http.Header{
		{"A": {"b\r\n"}}, {"A B": {"c"}}, {"Content-Length": {"1"}}, {"Connection": {"close"}},
		{"Date": {"x"}}, {"Transfer-Encoding": {"x"}},
	} {
		_, err := (&Server{Header: h}).Build()
		if err == nil || !strings.Contains(err.Error(), "Server.Header") {
			t.Errorf("%v: %v", h, err)
		}
	}
}

// TestSendFile: whole and in part, with a head of its own, and one that turns out to be too short.
func TestSendFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	content := strings.Repeat("file ", 50_000)
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	send := func(off, n int64, before func(*Response)) Handler {
		return func(req *Request, resp *Response) Status {
			f, err := os.Open(name)
			if err != nil {
				return resp.Fail(err)
			}
			defer f.Close()
			before(resp)
			if err := resp.SendFile(f, off, n); err != nil {
				return resp.Fail(err)
			}
			return 200
		}
	}
	nothing := func(*Response) {}
	srv := &Server{}
	srv.Handle("GET /whole", send(0, int64(len(content)), nothing))
	srv.Handle("GET /part", send(5, 10, nothing))
	srv.Handle("GET /none", send(5, 0, nothing))
	srv.Handle("GET /after", send(0, 5, func(r *Response) { r.WriteString("before ") }))
	srv.Handle("GET /after-set", send(0, 5, func(r *Response) { r.SetBody("before ") }))
	srv.Handle("GET /filtered", send(0, 5, func(r *Response) { r.Filter(upperFilter) }))
	srv.Handle("GET /blocking", send(0, int64(len(content)), nothing), Blocking)
	srv.Handle("GET /short", send(int64(len(content))-5, 10, nothing))
	srv.Handle("GET /short-chunked",
		send(int64(len(content))-5, 10, func(r *Response) { r.WriteString("before") }))
	addr := serveTest(t, srv)
	for path, want := range map[string]string{
		"/whole": content, "/part": "file file ", "/none": "", "/after": "before file ",
		"/after-set": "before file ", "/filtered": "FILE !", "/blocking": content,
	} {
		w := dial(t, addr)
		w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\nHEAD " + path +
			" HTTP/1.1\r\nHost: x\r\n\r\n")
		a := w.want("GET", 200, want)
		// net/http knows the length of what is short
		known := path == "/whole" || path == "/part" || path == "/none" ||
			path == "/blocking" || path == "/filtered"
		if onLoops && known != (a.length >= 0) {
			t.Errorf("%s: Content-Length %d", path, a.length)
		}
		if b := w.want("HEAD", 200, ""); b.length != a.length {
			t.Errorf("%s: HEAD says %d, GET %d", path, b.length, a.length)
		}
	}
	for _, path := range []string{"/short", "/short-chunked"} {
		if a := get(t, addr, path); a.err == nil {
			t.Errorf("%s: %v: the client cannot see that it was cut", path, a)
		}
	}
}

// upperFilter makes capitals of ASCII text.
func upperFilter(w io.Writer) io.WriteCloser { return &upper{w: w} }

type upper struct {
	w      io.Writer
	closed bool
}

func (u *upper) Write(p []byte) (int, error) {
	return u.w.Write([]byte(strings.ToUpper(string(p))))
}

func (u *upper) Close() error {
	if u.closed {
		return errors.New("closed twice")
	}
	u.closed = true
	_, err := io.WriteString(u.w, "!")
	return err
}
