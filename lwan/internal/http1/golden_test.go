package http1

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

var update = flag.Bool("update", false,
	"write the .golden files of testdata from what is parsed now")

// golden is a request as it went over the wire, in testdata/requests/NAME.http; what is made of it
// stands in NAME.golden.
type golden struct {
	path string // without extension
	raw  []byte
}

func goldenRequests(tb testing.TB) (requests []golden) {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "requests", "*.http"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		requests = append(requests, golden{file[:len(file)-len(".http")], raw})
	}
	if len(requests) == 0 {
		tb.Fatal("no requests in testdata")
	}
	return requests
}

// report says all about the requests in raw, one after another, and how they end.
func report(t *testing.T, raw []byte) []byte {
	var out bytes.Buffer
	for len(raw) > 0 {
		var h message.Head
		var r Resume
		verdict, err := Parse(raw, &h, nil, &r)
		switch verdict {
		case More:
			fmt.Fprintf(&out, "incomplete after %d bytes\n", len(raw))
			return out.Bytes()
		case Bad:
			fmt.Fprintf(&out, "%v\n", err)
			return out.Bytes()
		}
		fmt.Fprintf(&out, "%s, %d bytes\n", summary(&h, string(raw)), h.Size)
		for _, f := range h.Fields {
			fmt.Fprintf(&out, "  %s[%v] = %q\n", f.Name.Of(raw), f.Known, f.Value.Of(raw))
		}
		if h.PlainPath || h.Form == message.OriginForm {
			cleaned, clean, err := message.CleanPath(nil, h.Path.Of(raw))
			fmt.Fprintf(&out, "  path %q, clean %v, fault %d\n", cleaned, clean, err.Status)
		}
		size := h.Size
		if h.Chunked || h.ContentLength > 0 {
			var body []byte
			var fault message.Error
			var whole bool
			body, size, fault, whole = content(&h, raw)
			fmt.Fprintf(&out, "  content %q, fault %d, whole %v\n", body, fault.Status, whole)
			if !whole {
				return out.Bytes()
			}
		}
		raw = raw[size:]
	}
	return out.Bytes()
}

func TestGolden(t *testing.T) {
	for _, g := range goldenRequests(t) {
		got := report(t, g.raw)
		if *update {
			if err := os.WriteFile(g.path+".golden", got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(g.path + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n got\n%s\nwant\n%s", g.path, got, want)
		}
	}
}

func TestGoldenSplitInvariance(t *testing.T) {
	for _, g := range goldenRequests(t) {
		in := string(g.raw)
		want := arrive(t, in, nil, []int{len(in)})
		if got := arrive(t, in, nil, each(in)); !got.equal(want) {
			t.Errorf("%s, byte by byte:\n got %+v\nwant %+v", g.path, got, want)
		}
	}
}
