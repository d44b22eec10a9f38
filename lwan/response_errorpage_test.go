package lwan

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

const browserAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// errorAnswer is the response with the error page for st, to a GET of target; prepare is what a
// handler did before.
func errorAnswer(
	t testing.TB, accept, target string, st Status, prepare func(resp *Response),
) *Response {
	t.Helper()
	head := "GET " + target + " HTTP/1.1\nHost: h"
	if accept != "" {
		head += "\nAccept: " + accept
	}
	req, _ := memoryRequest(t, head, nil)
	resp := new(Response)
	resp.begin(req)
	if req.cleanPath(resp) < 0 {
		t.Fatalf("%s is no path", target)
	}
	if prepare != nil {
		prepare(resp)
	}
	req.table.core.errorPage(req, resp, st)
	return resp
}

func TestErrorPageForms(t *testing.T) {
	failure := func(resp *Response) {
		resp.Fail(&Error{
			Status: 422, Message: "invalid item",
			Fields: map[string]string{"price": "is negative", "name": "is missing"},
			Err:    errors.New("secret"),
		})
	}
	text := "422 Unprocessable Content\ninvalid item\nname: is missing\nprice: is negative\n"
	tests := []struct{ accept, contentType, body string }{
		{"", typeText, text},
		{"*/*", typeText, text},
		{"image/png", typeText, text}, // nothing that we have
		{"application/json", typeJSON,
			`{"status":422,"error":"Unprocessable Content","message":"invalid item","fields":{"name":"is missing","price":"is negative"}}`},
		{browserAccept, typeHTML, ""},
	}
	for _, tt := range tests {
		resp := errorAnswer(t, tt.accept, "/items", 422, failure)
		if resp.ctype != tt.contentType || tt.body != "" && string(resp.body) != tt.body {
			t.Errorf("%s: %s\n%s", tt.accept, resp.ctype, resp.body)
		}
		if strings.Contains(string(resp.body), "secret") {
			t.Errorf("%s: the cause is shown: %s", tt.accept, resp.body)
		}
		if resp.Header("Vary") != "Accept" {
			t.Errorf("%s: Vary: %s", tt.accept, resp.Header("Vary"))
		}
	}
}

func TestErrorPageHTML(t *testing.T) {
	page := string(errorAnswer(t, browserAccept, "/items?q=1", 422, func(resp *Response) {
		resp.Fail(&Error{
			Status: 422, Message: "invalid item",
			Fields: map[string]string{"price": "is negative", "name": "is missing"},
		})
	}).body)
	for _, want := range []string{
		"<!DOCTYPE html>", "<title>422 Unprocessable Content</title>",
		"<h1>422 Unprocessable Content</h1>", "<p>invalid item</p>",
		"<dt>name</dt><dd>is missing</dd>", "<dt>price</dt><dd>is negative</dd>",
		"prefers-color-scheme: dark",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, unwanted := range []string{
		"{{", "}}", "<script", "http://", "https://", "/items", "src=", "href=",
	} {
		if strings.Contains(page, unwanted) {
			t.Errorf("there is %q", unwanted)
		}
	}
	if strings.Index(page, "is missing") > strings.Index(page, "is negative") {
		t.Error("the fields are not sorted")
	}
	page = string(errorAnswer(t, browserAccept, "/", 503, nil).body)
	if strings.Contains(page, "<p>") || strings.Contains(page, "<dl>") ||
		strings.Contains(page, "<code>") {
		t.Errorf("empty elements:\n%s", page)
	}
}

func TestErrorPagePath(t *testing.T) {
	const target = "/a%20b/%3Cscript%3E%22&x"
	page := string(errorAnswer(t, browserAccept, target, 404, nil).body)
	if want := "<code>/a b/&lt;script&gt;&quot;&amp;x</code>"; !strings.Contains(page, want) {
		t.Errorf("no %s:\n%s", want, page)
	}
	for _, accept := range []string{"", "application/json"} {
		body := string(errorAnswer(t, accept, target, 404, nil).body)
		if strings.Contains(body, "script") {
			t.Errorf("%s: %s", accept, body)
		}
	}
}

// Whatever a message holds, it is text.
func TestErrorPageEscapes(t *testing.T) {
	const evil = `</p><script>alert("1")</script>{{Title}}'&`
	message := func(resp *Response) {
		resp.Fail(&Error{Status: 400, Message: evil, Fields: map[string]string{evil: evil}})
	}
	page := string(errorAnswer(t, browserAccept, "/", 400, message).body)
	if strings.Contains(page, "<script") || strings.Count(page, "&lt;script&gt;") != 3 ||
		strings.Contains(page, "400 Bad Request&#39;") {
		t.Errorf("not escaped:\n%s", page)
	}
	var got errorInfo
	err := json.Unmarshal(errorAnswer(t, "application/json", "/", 400, message).body, &got)
	if err != nil || got.Message != evil || got.Fields[evil] != evil {
		t.Errorf("JSON: %+v, %v", got, err)
	}
}

func TestErrorPageMessage(t *testing.T) {
	own := &Error{Status: 409, Message: "taken"}
	tests := []struct {
		name    string
		st      Status
		prepare func(resp *Response)
		want    string
	}{
		{"nothing", 404, nil, "404 Not Found\n"},
		{"Error", 403, func(r *Response) { r.Error(403, "not yours") },
			"403 Forbidden\nnot yours\n"},
		{"Fail", 409, func(r *Response) { r.Fail(own) }, "409 Conflict\ntaken\n"},
		{"Fail, wrapped", 409, func(r *Response) { r.Fail(fmt.Errorf("secret: %w", own)) },
			"409 Conflict\ntaken\n"},
		{"Fail without message", 409, func(r *Response) { r.Fail(&Error{Status: 409, Err: own}) },
			"409 Conflict\n"},
		{"another error", 500, func(r *Response) { r.Fail(errors.New("secret")) },
			"500 Internal Server Error\n"},
		{"a file that is missing", 404,
			func(r *Response) {
				r.Fail(&os.PathError{
					Op: "open", Path: "/secret", Err: os.ErrNotExist,
				})
			}, "404 Not Found\n"},
		{"panic", 500,
			func(r *Response) { r.Fail(&PanicError{Value: "secret", Stack: []byte("secret")}) },
			"500 Internal Server Error\n"},
		{"hidden by middleware", 404, func(r *Response) { r.Fail(own) }, "404 Not Found\n"},
		{"unknown status", 499 + 100, nil, "599\n"},
	}
	for _, tt := range tests {
		if got := string(errorAnswer(t, "", "/", tt.st, tt.prepare).body); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What a handler has set for the body that did not come does not describe the page.
func TestErrorPageFields(t *testing.T) {
	resp := errorAnswer(t, "", "/", 404, func(resp *Response) {
		resp.SetContentType("image/png")
		resp.SetHeader("Content-Length", "7")
		resp.SetHeader("Content-Encoding", "gzip")
		resp.SetHeader("X-Kept", "1")
		resp.SetHeader("Vary", "Origin, accept")
	})
	if resp.ctype != typeText || resp.length >= 0 || resp.Header("Content-Encoding") != "" ||
		resp.Header("X-Kept") != "1" {
		t.Errorf("%s, %d, %v", resp.ctype, resp.length, resp.fields)
	}
	var vary []string
	for _, f := range resp.fields {
		if f.Name == "Vary" {
			vary = append(vary, f.Value)
		}
	}
	if !reflect.DeepEqual(vary, []string{"Origin, accept"}) {
		t.Errorf("Vary: %q", vary)
	}
	for value, want := range map[string]bool{
		"*": true, "Accept": true, "Accept-Encoding": false, "X-Accept, Origin": false,
	} {
		resp := &Response{
			response: response{fields: []transport.Field{{Name: "vary", Value: value}}},
		}
		if got := varies(resp, "Accept"); got != want {
			t.Errorf("Vary: %s: %v", value, got)
		}
	}
}

// Several fields are one list.
func TestErrorPageAcceptLines(t *testing.T) {
	resp := errorAnswer(t, "text/plain;q=0.1\nAccept: application/json", "/", 404, nil)
	if resp.ctype != typeJSON {
		t.Errorf("%s", resp.ctype)
	}
}

// A request that could not be parsed has no head, no path and no Accept.
func TestErrorPageUnparsed(t *testing.T) {
	core := new(Server).newCore()
	req, resp := &Request{head: new(message.Head), table: &table{core: core}}, new(Response)
	resp.begin(req)
	resp.message = "the field line has no colon"
	core.errorPage(req, resp, 400)
	want := "400 Bad Request\nthe field line has no colon\n"
	if string(resp.body) != want || resp.ctype != typeText {
		t.Errorf("%s: %q, want %q", resp.ctype, resp.body, want)
	}
}

// A page is never streamed, however small the buffer of the route.
func TestErrorPageIsWhole(t *testing.T) {
	srv := &Server{Limits: Limits{Buffer: 1}, Log: slog.New(slog.DiscardHandler)}
	srv.Handle("GET /", func(req *Request, resp *Response) Status { return resp.Error(403, "no") })
	h, err := srv.Build()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	r := httptest.NewRequest("GET", "/x", nil)
	r.Header.Set("Accept", browserAccept)
	rec := httptest.NewRecorder()
	ToHTTP(h).ServeHTTP(rec, r)
	if rec.Code != 403 || rec.Header().Get("Content-Length") != fmt.Sprint(rec.Body.Len()) ||
		rec.Header().Get("Content-Type") != typeHTML {
		t.Errorf("%d %v, %d bytes", rec.Code, rec.Header(), rec.Body.Len())
	}
}

func TestEscapeHTML(t *testing.T) {
	for s, want := range map[string]string{
		"a": "a", `<a href="x">'&`: "&lt;a href=&#34;x&#34;&gt;&#39;&amp;", "": "",
	} {
		if got := escapeHTML(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func BenchmarkErrorPage(b *testing.B) {
	for _, accept := range []string{"*/*", browserAccept, "application/json"} {
		req, _ := memoryRequest(b, "GET /missing HTTP/1.1\nHost: h\nAccept: "+accept, nil)
		resp := new(Response)
		b.Run(accept[:3], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resp.begin(req)
				req.table.core.errorPage(req, resp, 404)
				resp.end()
			}
		})
	}
}
