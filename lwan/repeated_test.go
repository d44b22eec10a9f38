//go:build linux

package lwan

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

// TestFieldsOnSeveralLines: a field that is asked for by its name has the values of all its lines,
// on every engine.
func TestFieldsOnSeveralLines(t *testing.T) {
	srv := &Server{}
	srv.Handle("/", func(req *Request, resp *Response) Status {
		name := req.Query("of")
		var bytes string
		req.Borrow(func() { bytes = string(req.HeaderBytes(name)) })
		return resp.Text(200,
			fmt.Sprintf("%q %v %d",
				req.Header(name), bytes == req.Header(name), len(req.HeaderAll(name))))
	})
	addr := serveTest(t, srv)
	for _, c := range []struct {
		name, a, b string
		status     int
		want       string
	}{
		{"Accept", "text/html", "text/plain;q=0.5", 200, `"text/html, text/plain;q=0.5" true 2`},
		{"Accept-Encoding", "gzip", "", 200, `"gzip, " true 2`},
		{"Cache-Control", "no-cache", "no-store", 200, `"no-cache, no-store" true 2`},
		{"If-None-Match", `"a"`, `"b"`, 200, `"\"a\", \"b\"" true 2`},
		{"X-Forwarded-For", "192.0.2.1", "192.0.2.2", 200, `"192.0.2.1, 192.0.2.2" true 2`},
		{"Cookie", "a=1", "b=2", 200, `"a=1; b=2" true 2`},
		{"If-Range", `"a"`, `"a"`, 200, `"\"a\", \"a\"" true 2`},
		{"User-Agent", "a", "b", 200, `"a" true 2`},
		{"X-Of-Its-Own", "a", "b", 200, `"a" true 2`},
		{"Range", "bytes=0-1", "bytes=2-3", 200, `"" true 2`},
		{"If-Modified-Since", "Mon, 30 Nov 2026 09:00:00 GMT",
			"Mon, 30 Nov 2026 09:00:00 GMT", 200, `"" true 2`},
		{"Authorization", "Bearer a", "Bearer b", 400, ""},
		{"Authorization", "Bearer a", "Bearer a", 400, ""},
		{"Origin", "http://a", "null", 400, ""},
		{"Content-Type", "text/plain", "application/json", 400, ""},
		{"Sec-Fetch-Site", "cross-site", "same-origin", 400, ""},
	} {
		a := get(t, addr, "/?of="+c.name, c.name+": "+c.a, "X-Other: x",
			strings.ToLower(c.name)+": "+c.b)
		if a.status != c.status || c.status == 200 && a.body != c.want {
			t.Errorf("%s: %v, want %d %s", c.name, a, c.status, c.want)
		}
	}
}

// TestResponseHeaderAll shows all fields that were set.
func TestResponseHeaderAll(t *testing.T) {
	shown := make(chan []string, 1)
	srv := &Server{}
	srv.Handle("/", func(req *Request, resp *Response) Status {
		var got []string
		show := func(name string) {
			got = append(got,
				fmt.Sprintf("%s %q %q", name, resp.Header(name), resp.HeaderAll(name)))
		}
		show("Vary")
		resp.AddHeader("Vary", "Origin")
		resp.AddHeader("vary", "Accept")
		resp.SetContentType("text/plain")
		resp.SetHeader("Content-Length", "5")
		resp.SetHeader("Connection", "close")
		for _, name := range []string{
			"VARY", "content-type", "Content-Length", "connection", "X-None",
		} {
			show(name)
		}
		shown <- got
		return 204
	})
	get(t, serveTest(t, srv), "/")
	got := <-shown
	want := `Vary "" []|VARY "Origin" ["Origin" "Accept"]|` +
		`content-type "text/plain" ["text/plain"]|Content-Length "5" ["5"]|` +
		`connection "close" ["close"]|X-None "" []`
	if all := strings.Join(got, "|"); all != want {
		t.Errorf("got  %s\nwant %s", all, want)
	}
}

// TestDocumentedRepeatedFields: docs/fields.md says of each known field what is so.
func TestDocumentedRepeatedFields(t *testing.T) {
	text, err := os.ReadFile("docs/fields.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]message.Repeated{}
	row := message.First
	for line := range strings.Lines(string(text)) {
		cell, ok := strings.CutPrefix(line, "    ")
		if !ok {
			continue
		}
		for label, r := range map[string]message.Repeated{
			"one list": message.Joined, "refused": message.Refused, "as if there": message.Ignored,
			"the first": message.First,
		} {
			if strings.HasPrefix(cell, label) {
				row = r
			}
		}
		between := func(r rune) bool { return strings.ContainsRune(" ,;:\n", r) }
		names := cell[len("one list, joined with commas "):]
		for _, name := range strings.FieldsFunc(names, between) {
			documented[name] = row
		}
	}
	for k := message.Host; k.String() != ""; k++ {
		r, ok := documented[k.String()]
		if !ok {
			r = message.First
		}
		if want := k.WhenRepeated(); r != want {
			t.Errorf("%v: documented as %d, is %d", k, r, want)
		}
	}
}
