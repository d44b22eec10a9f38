package files

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
	"github.com/golwan/golwan/template"
)

// listed compares the names in a listing.
func listed(t *testing.T, s *testSite, path string, want ...string) {
	t.Helper()
	got := listingJSON(t, s, path).names()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: listed %q, want %q", path, got, want)
	}
}

type jsonListing struct {
	Path    string
	Entries []struct {
		Name, Type, Href, Modified string
		Size                       *int64
	}
	More *bool
}

func (l jsonListing) names() (names []string) {
	for _, e := range l.Entries {
		names = append(names, e.Name)
	}
	return names
}

func listingJSON(t *testing.T, s *testSite, path string) (l jsonListing) {
	t.Helper()
	r := s.get(path, "Accept", "application/json")
	err := json.Unmarshal([]byte(r.body), &l)
	if err != nil || r.status != 200 || r.field("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %v %.200q: %v", path, r.status, r.header, r.body, err)
	}
	return l
}

// oddNames are names that a page must escape, in text and in references.
var oddNames = []string{"<b>&\"'.txt", "a b.txt", "a:b.txt", "c#d?e.txt", "p%41.txt", "ü.txt",
	"javascript:alert(1)", "..x", "x.", "+", "\xff.bin", "{{Name}}"}

// The page of a directory: every reference in it leads to the file that it names.
func TestListingPage(t *testing.T) {
	files := map[string]string{"sub/deep/z": "", "README.md": "# Read <me>\n"}
	for _, name := range oddNames {
		files["sub/"+name] = "content of " + name
	}
	s := mounted(t, "/f", Config{Dir: writeTree(t, files), List: true, Hidden: true})
	r := s.get("/f/sub/")
	if r.status != 200 || r.field("Content-Type") != "text/html; charset=utf-8" ||
		r.field("Vary") != "Accept, Accept-Encoding" {
		t.Fatal(r.status, r.header)
	}
	names := map[string]bool{}
	cell := regexp.MustCompile(`<td class="name"><a href="([^"]*)">.*?<span>(.*?)</span>`)
	for _, m := range cell.FindAllStringSubmatch(r.body, -1) {
		name := html.UnescapeString(m[2])
		names[name] = true
		ref, err := url.Parse(html.UnescapeString(m[1]))
		if err != nil || ref.Host != "" || ref.Scheme != "" {
			t.Errorf("%q: reference %q, %v", name, m[1], err)
			continue
		}
		base := &url.URL{Path: "/f/sub/"}
		got := s.get(base.ResolveReference(ref).EscapedPath())
		switch {
		case strings.HasSuffix(name, "/"), name == "..":
			if got.status != 200 {
				t.Errorf("%s: %d", name, got.status)
			}
		case got.status != 200 || strings.ToValidUTF8(got.body, "\uFFFD") != "content of "+name:
			t.Errorf("%s at %s: %d %q", name, m[1], got.status, got.body)
		}
	}
	if len(names) != len(oddNames)+2 || !names["deep/"] || !names[".."] {
		t.Errorf("%d names: %v", len(names), names)
	}
	root := s.get("/f/").body
	if !strings.Contains(root, "# Read &lt;me&gt;\n") || strings.Contains(root, ">..<") ||
		strings.Contains(r.body, "# Read") {
		t.Error("the README, or a way up, is in the wrong place")
	}
	for _, page := range []string{root, r.body} {
		if strings.Contains(page, "<script") || strings.Contains(page, "http://") ||
			strings.Contains(page, "https://") {
			t.Error("the page loads something or has a script")
		}
	}
}

func TestListingOrders(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"b.txt": "123", "A.txt": "1", "c.txt": "12", "d2/": "", "D1/": "",
	})
	for name, hours := range map[string]int{"b.txt": 1, "A.txt": 2, "c.txt": 3, "d2": 4, "D1": 5} {
		at := time.Unix(1e9, 0).Add(time.Duration(hours) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	s := mounted(t, "/", Config{Dir: dir, List: true})
	for query, want := range map[string]string{
		"":                      "D1 d2 A.txt b.txt c.txt",
		"?sort=name":            "D1 d2 A.txt b.txt c.txt",
		"?order=desc":           "d2 D1 c.txt b.txt A.txt",
		"?sort=name&order=desc": "d2 D1 c.txt b.txt A.txt",
		"?sort=size&order=asc":  "D1 d2 A.txt c.txt b.txt",
		"?sort=size&order=desc": "D1 d2 b.txt c.txt A.txt",
		"?sort=time&order=asc":  "d2 D1 b.txt A.txt c.txt",
		"?sort=time&order=desc": "D1 d2 c.txt A.txt b.txt",
		"?sort=none&order=up":   "D1 d2 A.txt b.txt c.txt",
	} {
		if got := strings.Join(listingJSON(t, s, "/"+query).names(), " "); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	// Each column's reference sorts by it, and turns the order if it already does.
	page := s.get("/?sort=size&order=asc").body
	for _, want := range []string{
		`class="size" aria-sort="ascending"><a href="?sort=size&amp;order=desc">Size ↑`,
		`class="name" aria-sort="none"><a href="?sort=name&amp;order=asc">Name<`,
		`class="time" aria-sort="none"><a href="?sort=time&amp;order=asc">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in the page", want)
		}
	}
	l := listingJSON(t, s, "/")
	e := l.Entries[2]
	if l.Path != "/" || e.Name != "A.txt" || e.Type != "file" || *e.Size != 1 ||
		e.Modified != "2001-09-09T03:46:40Z" || *l.More {
		t.Errorf("%+v", l)
	}
	if e := l.Entries[0]; e.Type != "directory" || e.Size != nil || e.Href != "D1/" {
		t.Errorf("%+v", e)
	}
}

func TestListingFormat(t *testing.T) {
	for accept, want := range map[string]format{
		"": formatHTML, "*/*": formatHTML, "text/html": formatHTML, "application/json": formatJSON,
		"application/json, */*;q=0.1": formatJSON, "application/*": formatJSON,
		"text/html, application/json": formatHTML, "text/html;q=0.9, application/json": formatJSON,
		"Application/JSON": formatJSON, "application/json;q=0": formatHTML,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": formatHTML,
		"application/jsonx": formatHTML, "application/json;q=0.5, text/*;q=0.4": formatJSON,
		"*/*;q=0.5, text/html;q=0.2": formatJSON, "image/png": formatHTML,
		"application/json, text/plain, */*": formatJSON, // which is named more precisely
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", accept)
		lwantest.Do(t, func(req *lwan.Request, _ *lwan.Response) lwan.Status {
			if got := preferredFormat(req); got != want {
				t.Errorf("%q: %d, want %d", accept, got, want)
			}
			return lwan.StatusOK
		}, r)
	}
}

// A listing has a tag that changes with what it shows, is compressed, and may be kept by caches as
// the patterns say.
func TestListingConditions(t *testing.T) {
	dir := writeTree(t, map[string]string{"a": "1", "b": "2"})
	s := mounted(t, "/", Config{
		Dir: dir, List: true, Cache: map[string]string{"*": "max-age=5"}, TTL: 1, ErrorTTL: -1,
	})
	first := s.get("/")
	tag := first.field("ETag")
	if tag == "" || first.field("Cache-Control") != "max-age=5" {
		t.Fatal(first.header)
	}
	r := s.get("/", "If-None-Match", tag)
	if r.status != 304 || r.field("Cache-Control") != "max-age=5" {
		t.Error(r.status, r.header)
	}
	if r := s.get("/?sort=size", "If-None-Match", tag); r.status != 200 {
		t.Error("another order has the same tag")
	}
	if r := s.get("/", "If-None-Match", tag, "Accept", "application/json"); r.status != 200 {
		t.Error("another format has the same tag")
	}
	r = s.get("/", "Accept-Encoding", "br")
	if r.field("Content-Encoding") != "br" || decode(t, "br", r.body) != first.body {
		t.Error(r.header)
	}
	write(t, filepath.Join(dir, "c"), "3")
	r = s.get("/", "If-None-Match", tag)
	if r.status != 200 || !strings.Contains(r.body, `href="c"`) {
		t.Errorf("%d: the new file is not listed", r.status)
	}
}

func TestReadme(t *testing.T) {
	s := mounted(t, "/", Config{FS: fstest.MapFS{
		"a/readme.TXT": {Data: []byte("lower <case>")},
		"b/README":     {Data: []byte("binary \x00")},
		"c/README.md":  {Data: []byte(strings.Repeat("x", maxReadme))},
		"d/README.md":  {Data: []byte(strings.Repeat("x", maxReadme+1))},
		"e/README.md":  {Mode: os.ModeDir},
		"f/README":     {Data: []byte("latin \xe4")},
		"g/x":          {},
	}, List: true})
	for dir, want := range map[string]string{
		"a": "lower &lt;case&gt;", "b": "", "c": strings.Repeat("x", maxReadme),
		"d": "", "e": "", "f": "", "g": "",
	} {
		page := s.want("/"+dir+"/", 200, "").body
		_, below, ok := strings.Cut(page, "<pre>")
		text, _, _ := strings.Cut(below, "</pre>")
		if ok != (want != "") || text != want {
			t.Errorf("%s: %.50q, want %.50q", dir, text, want)
		}
	}
}

// A template of one's own gets all that the built-in one does.
func TestListingOwnPage(t *testing.T) {
	page := template.Must(template.Compile[Listing]("mine",
		"{{Path}}|{{Directories}}|{{Files}}|{{Size}}|{{#Rows}}{{Name}},{{/Rows}}", template.Set{}))
	s := mounted(t, "/p", Config{
		FS: fstest.MapFS{"a": {Data: []byte("12")}, "b/c": {}}, List: true, Page: page,
	})
	s.want("/p/", 200, "/p/|1|1|2 B|b/,a,")
}

// manyFS is a directory with many files, which cost nothing.
func manyFS(n int) fstest.MapFS {
	m := fstest.MapFS{}
	for i := range n {
		m[fmt.Sprintf("file%06d.txt", i)] = &fstest.MapFile{
			Data: []byte("x"), ModTime: time.Unix(int64(i), 0),
		}
	}
	return m
}

// A large directory is sent row by row: the whole page is never in memory. While that is done the
// loop answers others.
func TestListingStreams(t *testing.T) {
	const n = 20_000
	s := mounted(t, "/", Config{FS: manyFS(n), List: true, TTL: -1})
	page := s.get("/?sort=time&order=desc")
	if page.status != 200 || page.length != -1 || page.err != nil ||
		strings.Count(page.body, `<tr><td class="name">`) != n {
		t.Fatalf("%d, %d bytes, %d rows, %v", page.status, len(page.body),
			strings.Count(page.body, `<tr><td class="name">`), page.err)
	}
	first, last := strings.Index(page.body, "file019999.txt"),
		strings.Index(page.body, "file000000.txt")
	if first > last || first < 0 {
		t.Error("not in order")
	}
	if r := s.get("/?sort=time&order=desc", "If-None-Match", page.field("ETag")); r.status != 304 {
		t.Error(r.status)
	}
	r := s.ask("HEAD", "/?sort=time&order=desc")
	if r.status != 200 || r.field("ETag") != page.field("ETag") || r.length > 0 {
		t.Error(r.status, r.header)
	}
	if l := listingJSON(t, s, "/"); len(l.Entries) != n || l.Entries[n-1].Name != "file019999.txt" {
		t.Error(len(l.Entries))
	}
	k := pageKey{of: &directory{name: ".", rows: make([]row, n)}}
	for i := range k.of.rows {
		k.of.rows[i].name = fmt.Sprintf("file%06d.txt", i)
	}
	site := &site{prefix: "/"}
	k.of.sorted(byName)
	var before, after runtime.MemStats
	w := &peakWriter{}
	runtime.GC()
	runtime.ReadMemStats(&before)
	if err := site.writeListing(w, k); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if w.largest > 128<<10 || w.n < 2<<20 {
		t.Errorf("%d bytes in pieces of up to %d", w.n, w.largest)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("%d bytes stay behind", grown)
	}
}

// peakWriter counts.
type peakWriter struct{ n, largest int }

func (w *peakWriter) Write(p []byte) (int, error) {
	w.n += len(p)
	w.largest = max(w.largest, len(p))
	return len(p), nil
}

// A client that leaves in the middle of a long listing leaves nothing behind.
func TestListingClientLeaves(t *testing.T) {
	s := mounted(t, "/", Config{FS: manyFS(20_000), List: true, TTL: -1})
	for range 5 {
		resp, err := s.Client.Get(s.URL + "/")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := resp.Body.Read(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close() // the rest is not read: the connection ends
	}
}
