package files

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/golwan/golwan/lwan"
)

var someFiles = map[string]string{
	"index.html":          "<!DOCTYPE html><p>root",
	"a.txt":               "hello",
	"empty.css":           "",
	"large.txt":           largeText,
	"edge.bin":            strings.Repeat("e", defaultSmallFile),
	"edge1.bin":           strings.Repeat("f", defaultSmallFile+1),
	"sub/index.html":      "<p>sub",
	"sub/deep/x.json":     `{"x":1}`,
	"noindex/y.svg":       "<svg/>",
	"with space & ü.txt":  "odd",
	"noindex/a:b/z.txt":   "colon",
	".secret/key.pem":     "private",
	"sub/.htaccess":       "deny",
	".well-known/acme/t1": "token",
}

// sources are all the ways in which someFiles can be served.
func sources(t *testing.T) map[string]Config {
	dir := writeTree(t, someFiles)
	mem := fstest.MapFS{}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for name, content := range someFiles {
		// without a time, as embed.FS
		mem[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
		w, err := z.CreateHeader(&zip.FileHeader{
			Name: name, Method: zip.Deflate, Modified: time.Unix(1e9, 0),
		})
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	zipped, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Config{
		"Dir":          {Dir: dir},
		"Dir, no link": {Dir: dir, Symlinks: SymlinksNever},
		"os.DirFS":     {FS: os.DirFS(dir)},
		"MapFS":        {FS: mem},
		"zip":          {FS: zipped},
	}
}

// Every source, below a prefix and at the root, cold and from the cache.
func TestServe(t *testing.T) {
	for name, c := range sources(t) {
		for _, prefix := range []string{"", "/static/here"} {
			t.Run(name+" at "+prefix, func(t *testing.T) {
				for _, young := range []time.Duration{0, youngAge} {
					s := mountedAs(t, prefix, c, young)
					for range 2 {
						serveSome(t, s, prefix, c)
					}
				}
			})
		}
	}
}

func serveSome(t *testing.T, s *testSite, prefix string, c Config) {
	t.Helper()
	for _, tt := range []struct {
		path, file, ctype string
	}{
		{"/", "index.html", "text/html; charset=utf-8"},
		{"/index.html", "index.html", "text/html; charset=utf-8"},
		{"/a.txt", "a.txt", "text/plain; charset=utf-8"},
		{"/empty.css", "empty.css", "text/css; charset=utf-8"},
		{"/large.txt", "large.txt", "text/plain; charset=utf-8"},
		{"/edge.bin", "edge.bin", "application/octet-stream"},
		{"/edge1.bin", "edge1.bin", "application/octet-stream"},
		{"/sub/", "sub/index.html", "text/html; charset=utf-8"},
		{"/sub/deep/x.json", "sub/deep/x.json", "application/json"},
		{"/noindex/y.svg", "noindex/y.svg", "image/svg+xml"},
		{"/with%20space%20&%20%C3%BC.txt", "with space & ü.txt", "text/plain; charset=utf-8"},
		{"/noindex/a:b/z.txt", "noindex/a:b/z.txt", "text/plain; charset=utf-8"},
		{"/.well-known/acme/t1", ".well-known/acme/t1", "application/octet-stream"},
	} {
		r := s.want(prefix+tt.path, 200, someFiles[tt.file])
		if got := r.field("Content-Type"); got != tt.ctype {
			t.Errorf("%s: Content-Type %q, want %q", tt.path, got, tt.ctype)
		}
		if r.length != int64(len(someFiles[tt.file])) || r.field("Accept-Ranges") != "bytes" {
			t.Errorf("%s: length %d, fields %v", tt.path, r.length, r.header)
		}
		serveHead(t, s, prefix+tt.path, r)
	}
	for _, path := range []string{
		"/none", "/a.txt/", "/a.txt/b", "/sub/none.html", "/.secret/key.pem", "/sub/.htaccess",
		"/.secret/",
	} {
		s.want(prefix+path, 404, "")
	}
	s.want(prefix+"/noindex/", 403, "")
	for path, location := range map[string]string{
		"/sub": "sub/", "/sub/deep?a=b": "deep/?a=b", "/noindex/a:b": "./a:b/",
		"/noindex": "noindex/",
	} {
		if r := s.want(prefix+path, 301, ""); r.field("Location") != location {
			t.Errorf("%s: Location %q, want %q", path, r.field("Location"), location)
		}
	}
}

// serveHead compares a HEAD with the GET before it: all fields are the same (RFC 9110 section
// 9.3.2).
func serveHead(t *testing.T, s *testSite, path string, get *reply) {
	t.Helper()
	h := s.ask("HEAD", path)
	if h.status != get.status || h.body != "" || h.length != get.length {
		t.Errorf("HEAD %s: %d, length %d, body %q", path, h.status, h.length, h.body)
	}
	get.header.Del("Date")
	h.header.Del("Date")
	for name := range get.header {
		if h.field(name) != get.field(name) {
			t.Errorf("HEAD %s: %s is %q, and %q for GET",
				path, name, h.field(name), get.field(name))
		}
	}
}

func TestMethods(t *testing.T) {
	s := mounted(t, "/", Config{Dir: writeTree(t, someFiles)})
	for method, status := range map[string]int{
		"POST": 405, "PUT": 405, "DELETE": 405, "PATCH": 405, "OPTIONS": 204,
	} {
		for _, path := range []string{"/a.txt", "/sub/", "/none"} {
			r := s.ask(method, path)
			if r.status != status || r.field("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("%s %s: %d, Allow %q", method, path, r.status, r.field("Allow"))
			}
		}
	}
}

// Other routes of the site go before the files, whatever the order.
func TestBesideRoutes(t *testing.T) {
	srv := &lwan.Server{Loops: 1}
	api := srv.Group("/api")
	api.Handle("GET /version", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "1")
	})
	api.Handle("/", lwan.NotFound)
	srv.Mount("/", Module.With(Config{Dir: writeTree(t, someFiles), Fallback: "index.html"}))
	srv.Mount("/more", Module.With(Config{FS: fstest.MapFS{"m.txt": {Data: []byte("more")}}}))
	s := started(t, srv)
	s.want("/api/version", 200, "1")
	s.want("/api/typo", 404, "")
	s.want("/more/m.txt", 200, "more")
	s.want("/more/typo", 404, "")
	s.want("/some/route", 200, someFiles["index.html"])
	if r := s.get("/more"); r.status != 307 || r.field("Location") != "/more/" {
		t.Error(r.status, r.header)
	}
}

func TestFallback(t *testing.T) {
	s := mounted(t, "/", Config{Dir: writeTree(t, someFiles), Fallback: "sub/index.html"})
	for range 2 { // the second time "not there" is remembered
		for path, status := range map[string]int{
			"/users": 200, "/users/17/edit": 200, "/users/": 200, "/a.txt": 200, "/noindex/": 403,
			"/app.js": 404, "/users/x.map": 404, "/.git": 404,
		} {
			s.want(path, status,
				map[bool]string{
					true: someFiles["sub/index.html"],
				}[status == 200 && path != "/a.txt"])
		}
	}
	r := s.ask("HEAD", "/users")
	if r.status != 200 || r.length != int64(len(someFiles["sub/index.html"])) {
		t.Error(r)
	}
}

func TestIndex(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"default.htm": "second", "sub/index.html/": "",
		"sub/default.htm": "beside a directory", "none/x": "",
	})
	s := mounted(t, "/", Config{Dir: dir, Index: []string{"index.html", "default.htm"}})
	s.want("/", 200, "second")
	s.want("/sub/", 200, "beside a directory")
	s.want("/none/", 403, "")
	off := mounted(t, "/", Config{Dir: dir, Index: []string{}})
	off.want("/", 403, "")
	off.want("/default.htm", 200, "second")
}

// A change is seen once the entry is too old, and not before.
func TestTTL(t *testing.T) {
	mem := fstest.MapFS{"x": {Data: []byte("old")}}
	site, err := newSite(Config{FS: mem, TTL: -1}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer site.close()
	get := func(key string) string {
		ref, err := site.entries.Get(t.Context(), key)
		if err != nil {
			return err.Error()
		}
		defer ref.Release()
		return ref.Value().file.plain.text
	}
	if get("x") != "old" {
		t.Fatal(get("x"))
	}
	mem["x"] = &fstest.MapFile{Data: []byte("new")}
	if got := get("x"); got != "old" {
		t.Errorf("%q: the entry was not kept", got)
	}
	site.entries.Purge(nil)
	if got := get("x"); got != "new" {
		t.Errorf("%q after Purge", got)
	}
}

// What the source reports in an entry that is being made becomes the answer.
func TestFailures(t *testing.T) {
	denied := &brokenFS{fstest.MapFS{"x": {Data: []byte("x")}, "d/y": {}}, map[string]error{
		"x": fs.ErrPermission, "d": fs.ErrPermission, "io": errBroken,
	}}
	s := mounted(t, "/", Config{FS: denied, List: true, ErrorTTL: -1})
	for path, status := range map[string]int{
		"/x": 403, "/d/": 403, "/d": 403, "/io": 500, "/none": 404,
		"/" + strings.Repeat("n", 300): 404, "/" + strings.Repeat("n/", 3000): 404,
	} {
		s.want(path, status, "")
	}
}

// TestReroute: what is not there is asked for elsewhere, with its query and method, and what is
// there is not.
func TestReroute(t *testing.T) {
	srv := &lwan.Server{Loops: 1, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	srv.Mount("/", Module.With(Config{Dir: writeTree(t, someFiles), Reroute: "/front"}))
	srv.Handle("* /front", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.Method()+" "+req.RoutedTarget())
	})
	s := started(t, srv)
	for range 2 { // the second time "not there" is remembered
		for path, body := range map[string]string{
			"/a.txt": "hello", "/": someFiles["index.html"], "/sub/": someFiles["sub/index.html"],
			"/users/17?x=1": "GET /front?x=1", "/noindex/": "GET /front",
			"/.git/config": "GET /front", "/a.txt/": "GET /front", "/a%2ftxt": "GET /front",
		} {
			s.want(path, 200, body)
		}
	}
	for path, status := range map[string]int{"/a.txt": 405, "/users": 200} {
		if r := s.ask("POST", path); r.status != status ||
			status == 200 && string(r.body) != "POST /front" {
			t.Errorf("POST %s: %v", path, r)
		}
	}
	lost := mounted(t, "/", Config{Dir: writeTree(t, someFiles), Reroute: "/none.php?a=b"})
	lost.want("/users", 404, "") // and does not go round
	lost.want("/none.php", 404, "")
	if r := lost.ask("POST", "/users"); r.status != 405 {
		t.Error(r)
	}
}
