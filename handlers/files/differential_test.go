package files

import (
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/lwantest"
)

// The same random requests to this module and to net/http.FileServer, over the same tree. Where
// they answer differently on purpose, difference says why; everything else must be equal.
func TestAgainstFileServer(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	dir, paths := randomTree(t, rng)
	ours := mounted(t, "/", Config{
		Dir: dir, List: true, Hidden: true, Sniff: true, NoCompression: true,
	})
	oracle := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer oracle.Close()
	seen := map[string]int{}
	for range 3000 {
		q := randomRequest(rng, dir, paths)
		a := ours.ask(q.method, q.path, q.fields...)
		b := q.to(t, ours.Client, oracle.URL)
		if why := difference(q, a, b); why != "" {
			seen[why]++
			continue
		}
		if err := compareReplies(q, a, b); err != nil {
			t.Errorf("%s %s %q: %v\nours   %d %v %.80q\noracle %d %v %.80q", q.method, q.path,
				q.fields, err, a.status, a.header, a.body, b.status, b.header, b.body)
		}
		seen[fmt.Sprint("equal, ", a.status)]++
	}
	t.Log(seen)
	for _, status := range []int{200, 206, 301, 304, 404, 412, 416} {
		if seen[fmt.Sprint("equal, ", status)] < 10 {
			t.Errorf("only %d of status %d were compared",
				seen[fmt.Sprint("equal, ", status)], status)
		}
	}
}

// difference says why two answers need not be equal.
func difference(q randomAsk, ours, oracle *reply) string {
	value := q.field("Range")
	conditional := ours.status == 304 || ours.status == 412
	switch {
	case q.listing && ours.status != oracle.status && (conditional || oracle.status == 304):
		return "FileServer compares a listing with its directory's time, and gives it no tag; " +
			"here it has a tag, and no time"
	case strings.HasSuffix(q.pathOnly(), "/index.html") &&
		oracle.status == 301 && ours.status != 404:
		return "FileServer redirects an index to its directory; both are paths of it here"
	case strings.HasSuffix(q.pathOnly(), "/") && oracle.status == 301 && ours.status == 404:
		return "FileServer redirects a file with a slash to itself; here it is not there"
	case len(filepath.Base(q.pathOnly())) > 255 && ours.status == 404 && oracle.status == 500:
		return "FileServer calls a name that is too long an internal error"
	case value != "" && q.method == "HEAD" && !conditional && ours.status == 200 &&
		(oracle.status == 206 || oracle.status == 416):
		return "FileServer answers HEAD with a part; Range is defined for GET only (RFC 9110 " +
			"section 14.2)"
	case value != "" && ours.length == 0 && oracle.status == 206:
		return "FileServer finds a range in an empty file"
	case (strings.Contains(value, "=-0") || strings.Contains(value, " -0")) && oracle.status == 206:
		return "FileServer finds a range in the last 0 bytes"
	case oracle.status == 416 && ours.status == 200 && q.badRange:
		return "FileServer refuses a malformed Range; it may be ignored (RFC 9110 section 14.2)"
	case oracle.status == 206 && ours.status == 200 && q.badRange:
		return "FileServer does not notice 5-2 in a file that is shorter"
	case value != "" && q.overlap && ours.status == 206 &&
		(oracle.status == 206 || oracle.status == 200):
		return "FileServer sends bytes twice that were asked for twice; here such ranges are " +
			"joined (RFC 9110 section 15.3.7.2)"
	}
	return ""
}

func compareReplies(q randomAsk, a, b *reply) error {
	if a.status != b.status {
		return fmt.Errorf("status %d and %d", a.status, b.status)
	}
	names := []string{"Location", "Content-Range"}
	listing := q.listing && a.status == 200
	if !listing && (a.status == 200 || a.status == 206) {
		names = append(names, "Last-Modified")
		if !strings.HasPrefix(a.field("Content-Type"), "multipart/") {
			names = append(names, "Content-Type")
		}
	}
	for _, name := range names {
		x, y := a.field(name), b.field(name)
		if name == "Location" { // FileServer does not escape it
			x, _ = url.PathUnescape(x)
		}
		if x != y {
			return fmt.Errorf("%s: %q and %q", name, x, y)
		}
	}
	switch {
	case listing && q.method == "GET":
		return compareListings(a.body, b.body)
	case listing:
		return nil
	case a.status == 206 && strings.HasPrefix(a.field("Content-Type"), "multipart/"):
		return compareParts(a, b)
	case (a.status == 200 || a.status == 206) && (a.body != b.body || a.length != b.length):
		return fmt.Errorf("bodies of %d (%d) and %d (%d) bytes",
			len(a.body), a.length, len(b.body), b.length)
	}
	return nil
}

// compareParts compares multiparts but for their boundaries and the order of fields.
func compareParts(a, b *reply) error {
	var read [2][]string
	for i, r := range []*reply{a, b} {
		_, params, err := mime.ParseMediaType(r.field("Content-Type"))
		if err != nil {
			return err
		}
		parts := multipart.NewReader(strings.NewReader(r.body), params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			body, err := io.ReadAll(p)
			if err != nil {
				return err
			}
			read[i] = append(read[i], fmt.Sprint(p.Header), string(body))
		}
	}
	if !slices.Equal(read[0], read[1]) {
		return fmt.Errorf("multiparts differ:\n%q\n%q", read[0], read[1])
	}
	return nil
}

// compareListings compares the references of two pages.
func compareListings(a, b string) error {
	refs := func(page string) (list []string) {
		for i, part := range strings.Split(page, `href="`) {
			ref, _, _ := strings.Cut(part, `"`)
			ref = strings.NewReplacer("&#39;", "'", "&amp;", "&").Replace(ref)
			if i == 0 || strings.HasPrefix(ref, "?") || strings.HasPrefix(ref, "#") ||
				strings.HasPrefix(ref, "..") {
				continue // sorting, icons and the way up, which FileServer has not
			}
			ref, _ = url.PathUnescape(strings.TrimPrefix(ref, "./"))
			list = append(list, ref)
		}
		slices.Sort(list)
		return list
	}
	if x, y := refs(a), refs(b); !slices.Equal(x, y) {
		return fmt.Errorf("listed %q and %q", x, y)
	}
	return nil
}

// randomTree makes directories and files of all sizes, and returns paths that are there, and some
// that are not.
func randomTree(t *testing.T, rng *rand.Rand) (dir string, paths []string) {
	dir = t.TempDir()
	dirs := []string{""}
	for i := range 8 {
		d := dirs[rng.IntN(len(dirs))] + fmt.Sprintf("/d%d %c", i, 'ä'+rune(i))
		dirs = append(dirs, d)
		if err := os.MkdirAll(dir+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	exts := []string{".txt", ".html", ".css", ".png", "", ".js", ".jpg"}
	for i := range 40 {
		name := dirs[rng.IntN(len(dirs))] + fmt.Sprintf("/f%d%s", i, exts[rng.IntN(len(exts))])
		if i%10 == 0 {
			name = strings.TrimSuffix(filepath.Dir(name), "/") + "/index.html"
		}
		size := []int{0, 1, 10, 1000, defaultSmallFile, defaultSmallFile + 1, 50_000}[rng.IntN(7)]
		write(t, dir+name, strings.Repeat("0123456789abcdefg\n", 3000)[:size])
		at := time.Unix(1_500_000_000+int64(rng.IntN(1e6)), 0)
		if err := os.Chtimes(dir+name, at, at); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, name)
	}
	for _, d := range dirs {
		paths = append(paths, d+"/", d+"/none.txt", d+"/none/")
		if d != "" {
			paths = append(paths, d)
		}
	}
	return dir, append(paths, "/"+strings.Repeat("n", 300), paths[0]+"/", paths[1]+"/x",
		"/..hidden", "/f%", "/~")
}

type randomAsk struct {
	method, path      string
	fields            []string
	listing           bool // of a directory without an index
	badRange, overlap bool
}

func (q *randomAsk) add(name, value string) { q.fields = append(q.fields, name, value) }

func (q *randomAsk) field(name string) string {
	if i := slices.Index(q.fields, name); i >= 0 {
		return q.fields[i+1]
	}
	return ""
}

func (q *randomAsk) pathOnly() string {
	p, _, _ := strings.Cut(q.path, "?")
	return p
}

// to sends the request to another server.
func (q *randomAsk) to(t *testing.T, client *http.Client, base string) *reply {
	s := &testSite{&lwantest.Server{URL: base, Client: client}, t}
	return s.ask(q.method, q.path, q.fields...)
}

func randomRequest(rng *rand.Rand, dir string, paths []string) randomAsk {
	name := paths[rng.IntN(len(paths))]
	if rng.IntN(3) > 0 { // mostly files
		name = paths[rng.IntN(40)]
	}
	q := randomAsk{method: "GET", path: (&url.URL{Path: name}).EscapedPath()}
	if rng.IntN(5) == 0 {
		q.method = "HEAD"
	}
	if rng.IntN(10) == 0 {
		q.path += "?a=b&c"
	}
	size, modified := int64(0), time.Unix(1_500_000_000, 0)
	if fi, err := os.Stat(dir + name); err == nil {
		size, modified = fi.Size(), fi.ModTime()
		if fi.IsDir() {
			index, err := os.Stat(dir + name + "/index.html")
			q.listing = err != nil && strings.HasSuffix(name, "/")
			if err == nil {
				size = index.Size()
			}
		}
	}
	if rng.IntN(2) == 0 {
		q.randomRange(rng, size)
	}
	date := modified.Add(time.Duration(rng.IntN(3)-1) * time.Hour).UTC().Format(http.TimeFormat)
	conditions := []string{"If-Modified-Since", date, "If-Unmodified-Since", date,
		"If-Modified-Since", "never", "If-None-Match", `"x"`, "If-None-Match", "*", "If-Match", "*",
		"If-Match", `"x", "y"`, "If-Range", date, "If-Range", `"x"`}
	for range rng.IntN(3) {
		if i := 2 * rng.IntN(len(conditions)/2); q.field(conditions[i]) == "" {
			q.add(conditions[i], conditions[i+1])
		}
	}
	return q
}

// randomRange adds a Range of up to three parts, some of them malformed, beyond the end, or
// overlapping.
func (q *randomAsk) randomRange(rng *rand.Rand, size int64) {
	var specs []string
	for range 1 + rng.IntN(3) {
		from := rng.Int64N(size + 5)
		switch rng.IntN(8) {
		case 0:
			specs = append(specs, fmt.Sprintf("-%d", from))
		case 1:
			specs = append(specs, fmt.Sprintf("%d-", from))
		case 2:
			if rng.IntN(3) == 0 {
				specs, q.badRange = append(specs, []string{"x", "-", "5-2", "1-2-3"}[rng.IntN(4)]),
					true
			}
		default:
			specs = append(specs, fmt.Sprintf("%d-%d", from, from+rng.Int64N(100)))
		}
	}
	if len(specs) == 0 {
		return
	}
	value := "bytes=" + strings.Join(specs, ", ")
	ranges, _ := parseRange([]byte(value), size, 16)
	satisfiable := 0
	for _, spec := range specs {
		if r, ok := parseSpec([]byte(spec), size); ok && r.n > 0 {
			satisfiable++
		}
	}
	q.overlap = len(ranges) > 0 && len(ranges) < satisfiable
	q.add("Range", value)
}
