package files

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/lwantest"
)

// The same requests over a socket to this module and to net/http.FileServer. What the client costs
// is the same for both.
func BenchmarkServe(b *testing.B) {
	dir := writeTree(b, map[string]string{
		"1k.css":   strings.Repeat("a { color: red }", 64),
		"100k.bin": strings.Repeat("0123456789abcdef", 6400),
	})
	ours := mounted(b, "/", Config{Dir: dir, TTL: -1})
	std := httptest.NewServer(http.FileServer(http.Dir(dir)))
	b.Cleanup(std.Close)
	oracle := &testSite{&lwantest.Server{URL: std.URL, Client: std.Client()}, b}
	date := ours.get("/1k.css").field("Last-Modified")
	for _, bm := range []struct {
		name, path string
		n          int
		fields     []string
	}{
		{"1KiB", "/1k.css", 1024, nil},
		{"100KiB", "/100k.bin", 102400, nil},
		{"NotModified", "/1k.css", 0, []string{"If-Modified-Since", date}},
		{"Range", "/100k.bin", 100, []string{"Range", "bytes=1000-1099"}},
		{"Brotli", "/1k.css", 1, []string{"Accept-Encoding", "br"}},
	} {
		for _, s := range []*testSite{ours, oracle} {
			name := map[*testSite]string{ours: "golwan", oracle: "FileServer"}[s]
			if s == oracle && bm.name == "Brotli" {
				continue // it has none
			}
			b.Run(bm.name+"/"+name, func(b *testing.B) {
				w := s.newWire(bm.path, bm.n, bm.fields...)
				b.SetBytes(int64(len(w.answer)))
				b.ReportAllocs()
				for b.Loop() {
					if err := w.exchange(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// A listing of 1000 entries, and of 100,000.
func BenchmarkListing(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		d := &directory{name: "."}
		for i := range n {
			d.rows = append(d.rows, row{
				name: fmt.Sprintf("file%06d.txt", i), size: int64(i), modified: 1e9,
			})
		}
		for _, f := range []format{formatHTML, formatJSON} {
			k := pageKey{d, byName, f}
			d.sorted(byName)
			b.Run(fmt.Sprintf("%d/%s", n, formatTypes[f]), func(b *testing.B) {
				s := &site{prefix: "/"}
				b.ReportAllocs()
				for b.Loop() {
					if err := s.writeListing(io.Discard, k); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// What compressing a small file costs, once.
func BenchmarkCompress(b *testing.B) {
	text := largeText[:defaultSmallFile]
	for c := gzip; c < codings; c++ {
		b.Run(c.name(), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r, err := compress(packKey{c, text})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(r.size)/float64(len(text)), "ratio")
			}
		})
	}
}
