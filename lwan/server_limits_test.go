//go:build linux && !golwan_nethttp

package lwan

import (
	"fmt"
	"mime/multipart"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// limitCase is one limit. Its requests use up n of it exactly, are answered "200 ok" as long as
// that is allowed, and otherwise as past says.
type limitCase struct {
	name   string
	set    func(s *Server, n int)
	small  int // a limit to set
	normal int // what zero means
	ask    func(n int) string
	past   string // status and body
	keeps  bool   // the connection goes on when the limit was passed
	unread bool   // unless it is too much then that is left to be read
	never  bool   // negative does not take the limit away: something else bounds it at normal
}

// limitCases are the limits that one request can pass.
var limitCases = []limitCase{
	{
		name: "request line", set: func(s *Server, n int) { s.MaxLineBytes = n },
		small: 100, normal: 8 << 10,
		ask: func(n int) string {
			return "GET /" + fill(n-len("GET / HTTP/1.1")) + " HTTP/1.1\r\nHost: x\r\n\r\n"
		},
		past: "414",
	},
	{
		name: "field bytes", set: func(s *Server, n int) { s.MaxHeaderBytes = n },
		small: 200, normal: 32 << 10,
		ask: func(n int) string {
			return "GET /a HTTP/1.1\r\nHost: x\r\na: " +
				fill(n-len("Host: x\r\na: \r\n")) + "\r\n\r\n"
		},
		past: "431",
	},
	{
		name: "fields", set: func(s *Server, n int) { s.MaxFields = n }, small: 3, normal: 128,
		ask: func(n int) string {
			return "GET /a HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("a: b\r\n", n-1) + "\r\n"
		},
		past: "431",
	},
	{
		name: "chunk extensions", set: func(s *Server, n int) { s.MaxChunkExtensions = n },
		small: 10, normal: 4 << 10,
		ask: func(n int) string {
			return head("/read", "Transfer-Encoding: chunked") + "1;" + fill(n-1) +
				"\r\nx\r\n0\r\n\r\n"
		},
		past: "400",
	},
	{
		name: "trailer bytes", set: func(s *Server, n int) { s.MaxHeaderBytes = n },
		small: 200, normal: 32 << 10,
		ask: func(n int) string {
			return head("/read", "Transfer-Encoding: chunked") + "0\r\na: " +
				fill(n-len("a: \r\n")) + "\r\n\r\n"
		},
		past: "431",
	},
	{
		name: "trailer fields", set: func(s *Server, n int) { s.MaxFields = n },
		small: 5, normal: 128,
		ask: func(n int) string {
			return head("/read", "Transfer-Encoding: chunked") + "0\r\n" +
				strings.Repeat("a: b\r\n", n) + "\r\n"
		},
		past: "431",
	},
	{
		name: "body", set: func(s *Server, n int) { s.Limits.Body = int64(n) },
		small: 10, normal: 1 << 20,
		ask:  func(n int) string { return post("/read", fill(n)) },
		past: "413", keeps: true, unread: true,
	},
	{
		name: "chunked body", set: func(s *Server, n int) { s.Limits.Body = int64(n) },
		small: 10, normal: 1 << 20,
		ask:  func(n int) string { return chunked("/read", []string{fill(n)}, "") },
		past: "413", keeps: true,
	},
	{
		name: "form pairs", set: func(s *Server, n int) { s.Limits.FormPairs = n },
		small: 3, normal: 1000,
		ask: func(n int) string {
			return postForm(typeEncodedForm, strings.Repeat("a=b&", n-1)+"last=ok")
		},
		past: "413", keeps: true,
	},
	{
		name: "form parts", set: func(s *Server, n int) { s.Limits.FormParts = n }, small: 3,
		normal: 1000, never: true,
		ask: func(n int) string {
			return postForm(testFormType,
				multipartBody("xyz", repeat(formPart{name: "last", content: "ok"}, n)...))
		},
		past: "413", keeps: true,
	},
	{
		name: "parts", set: func(s *Server, n int) { s.Limits.FormParts = n },
		small: 3, normal: 1000,
		ask: func(n int) string {
			body := multipartBody("xyz", repeat(formPart{name: "a"}, n)...)
			return head("/parts", "Content-Type: "+testFormType,
				fmt.Sprint("Content-Length: ", len(body))) + body
		},
		past: "413", keeps: true,
	},
	{
		name: "form memory", set: func(s *Server, n int) { s.Limits.FormMemory = int64(n) },
		small: 10, normal: 64 << 10,
		ask: func(n int) string {
			return postForm(testFormType, multipartBody("xyz", formPart{"file", "f", fill(n)}))
		},
		past: "200 on disk", keeps: true,
	},
	{
		name: "query pairs", set: func(s *Server, n int) { s.Limits.QueryPairs = n },
		small: 3, normal: 1000,
		ask: func(n int) string {
			return "GET /query?" + strings.Repeat("a=b&", n-1) +
				"last=ok HTTP/1.1\r\nHost: x\r\n\r\n"
		},
		past: "200 ", keeps: true,
	},
	{
		name: "cookies", set: func(s *Server, n int) { s.Limits.Cookies = n },
		small: 3, normal: 200,
		ask: func(n int) string {
			return "GET /cookies HTTP/1.1\r\nHost: x\r\nCookie: " +
				strings.Repeat("a=b; ", n-1) + "last=ok\r\n\r\n"
		},
		past: "200 ", keeps: true,
	},
	{
		name: "buffer", set: func(s *Server, n int) { s.Limits.Buffer = int64(n) },
		small: 100, normal: 1 << 20,
		ask: func(n int) string {
			return fmt.Sprintf("GET /buffer/%d HTTP/1.1\r\nHost: x\r\n\r\n", n)
		},
		past: "200 streamed", keeps: true,
	},
}

// head is the head of a POST.
func head(path string, fields ...string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: x\r\n" + lines(fields) + "\r\n"
}

func postForm(contentType, body string) string {
	return head("/form", "Content-Type: "+contentType, fmt.Sprint("Content-Length: ", len(body))) +
		body
}

// limited answers what limitCases ask.
func limited(s *Server) {
	s.Handle("GET /", text("ok"))
	s.Handle("GET /query", func(req *Request, resp *Response) Status {
		return resp.Text(200, req.Query("last"))
	})
	s.Handle("GET /cookies", func(req *Request, resp *Response) Status {
		return resp.Text(200, req.Cookie("last"))
	})
	s.Handle("POST /read", func(req *Request, resp *Response) Status {
		if _, err := req.BodyBytes(); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "ok")
	})
	s.Handle("POST /parts", func(req *Request, resp *Response) Status {
		for _, err := range req.Parts() {
			if err != nil {
				return resp.Fail(err)
			}
		}
		return resp.Text(200, "ok")
	})
	s.Handle("GET /buffer/{n}", func(req *Request, resp *Response) Status {
		n, err := Param[int](req, "n")
		if err != nil {
			return resp.Fail(err)
		}
		resp.WriteString(fill(n))
		return 200
	})
	s.Handle("POST /form", func(req *Request, resp *Response) Status {
		f, err := req.Form()
		if err != nil {
			return resp.Fail(err)
		}
		file, ok := f.File("file")
		if !ok {
			return resp.Text(200, f.Get("last"))
		}
		return whereIs(file, resp)
	})
}

// whereIs answers whether a file of a form is on disk.
func whereIs(file *multipart.FileHeader, resp *Response) Status {
	content, err := file.Open()
	if err != nil {
		return resp.Fail(err)
	}
	defer content.Close()
	if _, ok := content.(*os.File); ok {
		return resp.Text(200, "on disk")
	}
	return resp.Text(200, "ok")
}

// limitOutcome is an answer as limitCases name it.
func limitOutcome(a *reply) string {
	switch {
	case a.status >= 400:
		return strconv.Itoa(a.status)
	case a.chunked:
		return fmt.Sprint(a.status, " streamed")
	case len(a.body) > 50 && strings.Trim(a.body, "x") == "":
		return fmt.Sprint(a.status, " ok")
	}
	return fmt.Sprint(a.status, " ", a.body)
}

// TestLimits: each limit, exactly reached and passed by one; set, by default, and taken away.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range limitCases {
		t.Run(c.name, func(t *testing.T) {
			ask := func(limit, n int, want string) {
				t.Helper()
				srv := &Server{}
				limited(srv)
				c.set(srv, limit)
				w := dial(t, serveTest(t, srv))
				raw := c.ask(n)
				go w.c.Write([]byte(raw)) // of a large one the server may read a part only
				method, _, _ := strings.Cut(raw, " ")
				if got := limitOutcome(w.answer(method)); got != want {
					t.Errorf("limit %d, %d asked: %s, want %s", limit, n, got, want)
				}
				if want != c.past || c.keeps && !(c.unread && len(raw) > transport.DiscardLimit) {
					w.open("/")
				} else {
					w.ended()
				}
			}
			ask(c.small, c.small, "200 ok")
			ask(c.small, c.small+1, c.past)
			ask(0, c.normal, "200 ok")
			ask(0, c.normal+1, c.past)
			if !c.never {
				ask(-1, c.normal+1, "200 ok")
			}
		})
	}
}
