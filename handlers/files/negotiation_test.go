package files

import (
	"bytes"
	stdgzip "compress/gzip"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/andybalholm/brotli"
	kzstd "github.com/klauspost/compress/zstd"
)

// decode undoes a content coding.
func decode(t testing.TB, coding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = stdgzip.NewReader(r)
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		var z *kzstd.Decoder
		if z, err = kzstd.NewReader(r); err == nil {
			defer z.Close()
			r = z
		}
	}
	if err != nil {
		t.Fatal(coding, err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(coding, err)
	}
	return string(plain)
}

// RFC 9110 section 12.5.3 on a socket, for a file that is compressed in memory in all codings.
func TestNegotiation(t *testing.T) {
	css := strings.Repeat("a { color: red }\n", 100)
	s := mounted(t, "/", Config{Dir: writeTree(t, map[string]string{"x.css": css})})
	tags := map[string]string{}
	for _, tt := range []struct{ accept, coding string }{
		{"none", ""}, // no field at all
		{"", ""},
		{"gzip", "gzip"},
		{"br", "br"},
		{"zstd", "zstd"},
		{"GZip", "gzip"},
		{"x-gzip", "gzip"},
		{"gzip, deflate, br, zstd", "br"},
		{"gzip, deflate, zstd", "zstd"},
		{"gzip;q=1.0, br;q=0.5", "gzip"},
		{"gzip;q=0.501, br;q=0.5, identity;q=0.5", "gzip"},
		{"gzip ; q=0.2 , br ; q=0.7", "br"},
		{"gzip;q=0", ""},
		{"br;q=0, gzip", "gzip"},
		{"gzip;q=0.001", "gzip"},
		{"identity", ""},
		{"identity;q=0.5, gzip;q=0.4", ""},
		{"identity;q=0.5, gzip;q=0.5", "gzip"},
		{"*", "br"},
		{"*;q=0.1, identity", ""},
		{"br;q=0, *", "zstd"},
		{"deflate", ""},
		{"deflate, compress;q=0.9", ""},
		{"gzip;q=2", ""},      // no weight: left out
		{"gzip;q=abc", ""},    // too
		{"gzip;q=0.1234", ""}, // three decimals at most
		{"gzip;level=9", ""},  // a coding has no parameters
		{", ,gzip,", "gzip"},
		{"identity;q=0", "406"},
		{"*;q=0", "406"},
		{"identity;q=0, gzip", "gzip"},
		{"*;q=0, gzip;q=0.1", "gzip"},
		{"identity;q=0, *;q=0", "406"},
		{"gzip;q=0, *;q=0, identity", ""},
	} {
		fields := []string{"Accept-Encoding", tt.accept}
		if tt.accept == "none" {
			fields = nil
		}
		r := s.get("/x.css", fields...)
		if tt.coding == "406" {
			if r.status != 406 || !strings.Contains(r.field("Vary"), "Accept-Encoding") {
				t.Errorf("%q: %d %v", tt.accept, r.status, r.header)
			}
			continue
		}
		if r.status != 200 || r.field("Content-Encoding") != tt.coding ||
			r.field("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %d, %q, Vary %q; want %q",
				tt.accept, r.status, r.field("Content-Encoding"), r.field("Vary"), tt.coding)
			continue
		}
		if plain := decode(t, tt.coding, r.body); plain != css || r.length != int64(len(r.body)) {
			t.Errorf("%q: %d bytes that are not the file", tt.accept, len(plain))
		}
		tags[tt.coding] = r.field("ETag")
		h := s.ask("HEAD", "/x.css", fields...)
		if h.length != r.length || h.field("ETag") != r.field("ETag") ||
			h.field("Content-Encoding") != tt.coding {
			t.Errorf("HEAD, %q: %v", tt.accept, h.header)
		}
	}
	seen := map[string]bool{}
	for _, tag := range tags { // strong tags tell codings apart (RFC 9110 section 8.8.3.3)
		seen[tag] = true
	}
	if len(seen) != 4 || seen[""] {
		t.Errorf("tags %v", tags)
	}
	checkEncodedConditions(t, s, css, tags)
}

// checkEncodedConditions: conditions and ranges are about the representation that was chosen.
func checkEncodedConditions(t *testing.T, s *testSite, css string, tags map[string]string) {
	t.Helper()
	for _, tt := range []struct {
		accept, fields string
		status         int
	}{
		{"gzip", "If-None-Match: " + tags["gzip"], 304},
		{"gzip", "If-None-Match: " + tags[""], 200},
		{"br", "If-None-Match: " + tags["gzip"], 200},
		{"identity", "If-None-Match: " + tags[""], 304},
		{"gzip", "If-Match: " + tags[""], 412},
		{"gzip", "Range: bytes=0-3\nIf-Range: " + tags["gzip"], 206},
		{"gzip", "Range: bytes=0-3\nIf-Range: " + tags["br"], 200},
	} {
		r := s.get("/x.css", append(fieldsOf(tt.fields), "Accept-Encoding", tt.accept)...)
		if r.status != tt.status || r.field("Vary") != "Accept-Encoding" && r.status != 412 {
			t.Errorf("%s, %s: %d %v", tt.accept, tt.fields, r.status, r.header)
		}
	}
	whole := s.get("/x.css", "Accept-Encoding", "gzip").body
	first := s.get("/x.css", "Accept-Encoding", "gzip", "Range", "bytes=0-9")
	rest := s.get("/x.css", "Accept-Encoding", "gzip", "Range", "bytes=10-", "If-Range",
		first.field("ETag"))
	if first.body+rest.body != whole || rest.field("Content-Encoding") != "gzip" ||
		decode(t, "gzip", first.body+rest.body) != css {
		t.Error("a download that was taken up again is not the file")
	}
}

// What is not worth it stays as it is.
func TestNotPacked(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"tiny.css": strings.Repeat("a", minPack-1), "edge.css": strings.Repeat("a", minPack),
		"x.png": strings.Repeat("a", 1000), "large.css": strings.Repeat("a", 20000),
		"x.bin": strings.Repeat("a", 1000),
	})
	s := mounted(t, "/", Config{Dir: dir})
	for path, coding := range map[string]string{
		"/tiny.css": "", "/edge.css": "gzip", "/x.png": "", "/large.css": "", "/x.bin": "",
	} {
		r := s.get(path, "Accept-Encoding", "gzip")
		if r.field("Content-Encoding") != coding || (r.field("Vary") != "") != (coding != "") {
			t.Errorf("%s: %v", path, r.header)
		}
	}
	off := mounted(t, "/", Config{Dir: dir, NoCompression: true})
	if r := off.get("/edge.css", "Accept-Encoding", "gzip"); r.field("Content-Encoding") != "" ||
		r.field("Vary") != "" {
		t.Error(r.header)
	}
	// Compressed it would be larger, in any coding: then it is sent as it is, unless that was
	// refused.
	random := mounted(t, "/", Config{FS: fstest.MapFS{"r.txt": {Data: randomText(600)}}})
	for range 2 {
		r := random.get("/r.txt", "Accept-Encoding", "gzip, br, zstd")
		if r.status != 200 || r.field("Content-Encoding") != "" || len(r.body) != 600 {
			t.Error(r.status, r.header)
		}
		if r := random.get("/r.txt", "Accept-Encoding", "gzip, identity;q=0"); r.status != 406 {
			t.Error(r.status, r.header)
		}
	}
}

// randomText is bytes that cannot be compressed.
func randomText(n int) []byte {
	b := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 24)
	}
	return b
}

// Compressed files beside their original, large and small: used if they are smaller and not older.
func TestStored(t *testing.T) {
	small, large := strings.Repeat("s", 1000), largeText
	zip := func(s string) string {
		var b bytes.Buffer
		w := stdgzip.NewWriter(&b)
		io.WriteString(w, s)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	dir := writeTree(t, map[string]string{
		"s.bin": small, "s.bin.gz": zip(small), "l.txt": large, "l.txt.gz": zip(large),
		"old.bin": small, "old.bin.gz": zip(small), "larger.bin": small,
		"larger.bin.gz": small + "x", "dir.bin": small, "dir.bin.gz/": "",
		"s.bin.br": "not looked into",
	})
	now := time.Now().Add(-time.Minute)
	for name, age := range map[string]time.Duration{
		"s.bin": 0, "s.bin.gz": 0, "l.txt": 1, "l.txt.gz": 0, "old.bin": 0, "old.bin.gz": 1,
		"larger.bin": 1, "dir.bin": 1, "s.bin.br": 0,
	} {
		at := now.Add(-age * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	s := mounted(t, "/", Config{Dir: dir})
	for _, tt := range []struct{ path, accept, coding, plain string }{
		{"/s.bin", "gzip", "gzip", small},
		{"/s.bin", "identity", "", small},
		{"/l.txt", "gzip", "gzip", large},
		{"/l.txt", "br, gzip", "gzip", large},
		{"/l.txt", "br", "", large},
		{"/old.bin", "gzip", "", small},
		{"/larger.bin", "gzip", "", small},
		{"/dir.bin", "gzip", "", small},
		{"/s.bin.gz", "gzip", "", zip(small)}, // by its own name it is a file as any other
	} {
		r := s.get(tt.path, "Accept-Encoding", tt.accept)
		if r.status != 200 || r.field("Content-Encoding") != tt.coding ||
			decode(t, tt.coding, r.body) != tt.plain {
			t.Errorf("%s, %s: %d %v", tt.path, tt.accept, r.status, r.header)
		}
		part := s.get(tt.path, "Accept-Encoding", tt.accept, "Range", "bytes=5-20")
		if part.body != r.body[5:21] {
			t.Errorf("%s, %s: a range of another representation", tt.path, tt.accept)
		}
	}
	if r := s.get("/s.bin", "Accept-Encoding", "br"); r.field("Content-Encoding") != "br" ||
		r.body != "not looked into" || r.field("Content-Type") != "application/octet-stream" {
		t.Error(r.header, r.body)
	}
	if a, b := s.get("/l.txt", "Accept-Encoding", "gzip").field("ETag"),
		s.get("/l.txt").field("ETag"); a == b || !strings.HasSuffix(a, `-gzip"`) {
		t.Errorf("tags %s and %s", a, b)
	}
}

// Concurrent first requests compress once, and a copy of a file not at all.
func TestPackOnce(t *testing.T) {
	text := strings.Repeat("once ", 500)
	site, err := newSite(Config{
		FS: fstest.MapFS{"a.txt": {Data: []byte(text)}, "b.txt": {Data: []byte(text)}},
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer site.close()
	h := site.serve
	for _, path := range []string{"/a.txt", "/b.txt", "/a.txt", "/b.txt"} {
		rec := httptest.NewRecorder()
		req := httptest.NewRequest("GET", path, nil)
		req.Header.Set("Accept-Encoding", "zstd")
		handlerBelow(t, "/", h).ServeHTTP(rec, req)
		if decode(t, "zstd", rec.Body.String()) != text {
			t.Error(path)
		}
	}
	if st := site.packs.Stats(); st.Misses != 1 || st.Entries != 1 {
		t.Errorf("%+v", st)
	}
}
