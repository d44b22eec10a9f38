package files

import (
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"
)

// manyRanges makes the value of a Range field with n ranges; spec gets their numbers.
func manyRanges(n int, spec func(i int) string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = spec(i)
	}
	return "bytes=" + strings.Join(list, ",")
}

// TestAbusiveRanges: a Range that asks for a little gets that, one that asks for the same again and
// again gets it once, and one that asks for too much is ignored: the client gets the file (RFC 9110
// section 14.2).
func TestAbusiveRanges(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 64<<10)
	mem := fstest.MapFS{"large": {Data: []byte(content)}, "small": {Data: []byte(content[:10_000])}}
	dir := writeTree(t, map[string]string{"large": content, "small": content[:10_000]})
	for name, c := range map[string]Config{"FS": {FS: mem}, "Dir": {Dir: dir}} {
		s := mounted(t, "/", c)
		for _, file := range []string{"small", "large"} {
			size := len(s.get("/" + file).body)
			for _, a := range []struct {
				name, value string
				status      int
				parts       int
				most        int // bytes of the body
			}{
				{"16 of nearly everything",
					manyRanges(16, func(i int) string { return fmt.Sprintf("%d-", i) }),
					206, 1, size},
				{"16 times all", manyRanges(16, func(int) string { return "0-" }), 206, 1, size},
				{"16 suffixes",
					manyRanges(16, func(i int) string { return fmt.Sprintf("-%d", i+1) }),
					206, 1, 16},
				{"16 of a byte",
					manyRanges(16, func(i int) string { return fmt.Sprintf("%d-%d", 2*i, 2*i) }),
					206, 16, 16 * 200},
				{"16 of a byte, backwards",
					manyRanges(16, func(i int) string {
						return fmt.Sprintf("%d-%d", 5000-2*i, 5000-2*i)
					}), 206, 16, 16 * 200},
				{"16 that overlap in pairs",
					manyRanges(16, func(i int) string {
						return fmt.Sprintf("%d-%d", 100*(i/2)+i%2, 100*(i/2)+9)
					}), 206, 8, 8 * 210},
				{"17", manyRanges(17, func(i int) string { return fmt.Sprintf("%d-%d", 2*i, 2*i) }),
					200, 0, size},
				{"1000 of nearly everything",
					manyRanges(1000, func(i int) string { return fmt.Sprintf("%d-", i) }),
					200, 0, size},
				{"1000 of nothing",
					manyRanges(1000, func(i int) string { return fmt.Sprintf("%d-", 1<<30+i) }),
					200, 0, size},
				{"10,000 empty elements", "bytes=" + strings.Repeat(",", 10_000) + "0-0",
					206, 1, 1},
			} {
				r := s.get("/"+file, "Range", a.value)
				parts := strings.Count(r.body, "Content-Range: bytes ")
				if r.field("Content-Range") != "" {
					parts = 1
				}
				if r.err != nil || r.status != a.status || parts != a.parts ||
					len(r.body) > a.most || r.length != int64(len(r.body)) {
					t.Errorf("%s, %s, %s: %d, %d parts, %d bytes, %v",
						name, file, a.name, r.status, parts, len(r.body), r.err)
				}
			}
		}
	}
}

// streamFS has files that can only be read from their beginning, and counts what is read of them.
type streamFS struct {
	fstest.MapFS
	read *atomic.Int64
}

func (s streamFS) Open(name string) (fs.File, error) {
	f, err := s.MapFS.Open(name)
	return &streamFile{f, s.read}, err
}

type streamFile struct {
	fs.File
	total *atomic.Int64
}

func (f *streamFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.total.Add(int64(n))
	return n, err
}

// TestBackwardRangesReadAFileOften: sixteen ranges from the last byte to the first made the server
// read a file sixteen times that can only be read from its beginning: a few bytes cost the
// decompression of gigabytes.
func TestBackwardRangesReadAFileOften(t *testing.T) {
	const size = 1 << 20
	src := streamFS{fstest.MapFS{"x.bin": {Data: make([]byte, size), ModTime: time.Unix(1e9, 0)}},
		new(atomic.Int64)}
	s := mounted(t, "/", Config{FS: src})
	if r := s.get("/x.bin"); r.status != 200 || len(r.body) != size {
		t.Fatalf("%d, %d bytes", r.status, len(r.body))
	}
	before := src.read.Load()
	backwards := manyRanges(16, func(i int) string {
		at := size - 1 - i*(size/16)
		return fmt.Sprintf("%d-%d", at, at)
	})
	r := s.get("/x.bin", "Range", backwards)
	if parts := strings.Count(r.body, "Content-Range: bytes "); r.status != 206 || parts != 16 {
		t.Errorf("%d, %d parts", r.status, parts)
	}
	if n := src.read.Load() - before; n > 2*size {
		t.Errorf("%d bytes of a file of %d were read", n, size)
	}
}

// TestLongLists: in a list of thousands what counts is found, wherever it stands.
func TestLongLists(t *testing.T) {
	s := mounted(t, "/", Config{
		FS: fstest.MapFS{
			"x.txt": {
				Data: []byte(strings.Repeat("compressible ", 100)), ModTime: time.Unix(1e9, 0),
			},
		},
	})
	tag := s.get("/x.txt").field("ETag")
	codings, tags := strings.Repeat("x-none;q=0.5, ", 2000),
		strings.Repeat(`"none", W/"none", `, 1500)
	r := s.get("/x.txt", "Accept-Encoding", codings+"gzip")
	if r.status != 200 || r.field("Content-Encoding") != "gzip" {
		t.Errorf("%d %v", r.status, r.header)
	}
	r = s.get("/x.txt", "Accept-Encoding", strings.Repeat("identity;q=0, *;q=0, ", 1000))
	if r.status != 406 {
		t.Errorf("%d %v", r.status, r.header)
	}
	if r := s.get("/x.txt", "If-None-Match", tags+tag); r.status != 304 {
		t.Errorf("%d %v", r.status, r.header)
	}
	if r := s.get("/x.txt", "If-None-Match", tags+`"none"`); r.status != 200 {
		t.Errorf("%d %v", r.status, r.header)
	}
	if r := s.get("/x.txt", "If-Match", tags); r.status != 412 {
		t.Errorf("%d %v", r.status, r.header)
	}
	if r := s.get("/x.txt", "Cookie", strings.Repeat("c=v; ", 6000)+"d=e"); r.status != 200 {
		t.Errorf("%d %v", r.status, r.header)
	}
}

// TestListsCostTheirLength: 1 MiB of each of these lists is read in a moment. In time that grows
// with the square of its length it would take hours.
func TestListsCostTheirLength(t *testing.T) {
	const size = 1 << 20
	v := validators{`"tag"`, &dates{}}
	fill := func(text string) []byte { return []byte(strings.Repeat(text, size/len(text))) }
	for name, look := range map[string]func(){
		"tags":      func() { v.matches(fill(`"x",`), weak) },
		"tag":       func() { v.matches(fill(`x`), weak) },
		"open tag":  func() { v.matches([]byte(`"`+string(fill(`x`))), weak) },
		"ranges":    func() { parseRange([]byte("bytes="+string(fill("0-0,"))), 100, size) },
		"no ranges": func() { parseRange([]byte("bytes="+string(fill(","))), 100, 16) },
		"digits":    func() { parseRange([]byte("bytes="+string(fill("9"))+"-"), 100, 16) },
	} {
		done := make(chan struct{})
		began := time.Now()
		go func() {
			defer close(done)
			look()
		}()
		select {
		case <-done:
			t.Logf("%s: %.1f ns a byte", name, float64(time.Since(began).Nanoseconds())/size)
		case <-time.After(time.Minute):
			t.Fatalf("%s takes more than linear time", name)
		}
	}
}

// TestMissingFilesDriveOutNothing: a flood of names that do not exist is remembered up to a bound,
// and drives out no entry that is asked for.
func TestMissingFilesDriveOutNothing(t *testing.T) {
	t.Parallel()
	const entries = 32
	mem := fstest.MapFS{}
	for i := range entries / 2 {
		mem[fmt.Sprintf("good/%d", i)] = &fstest.MapFile{
			Data: []byte("good"), ModTime: time.Unix(1e9, 0),
		}
	}
	site, err := newSite(Config{FS: mem, Entries: entries, TTL: -1, ErrorTTL: time.Hour}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := site.close(); err != nil {
			t.Error(err)
		}
	}()
	for name := range mem {
		ref, err := site.entries.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		ref.Release()
	}
	long := strings.Repeat("d/", 2000)
	for i := range 2000 {
		_, err := site.entries.Get(t.Context(), fmt.Sprintf("%s%d", long, i))
		if err != error(errNotFound) {
			t.Fatal(err)
		}
	}
	st := site.entries.Stats()
	if st.Entries > entries {
		t.Errorf("%d entries, at most %d are allowed", st.Entries, entries)
	}
	for name := range mem {
		ref, ok := site.entries.Peek(name)
		if !ok {
			t.Errorf("%s was driven out", name)
			continue
		}
		ref.Release()
	}
	if got := site.entries.Failure(long + "1999"); got != error(errNotFound) {
		t.Errorf("the last one that was missing is not remembered: %v", got)
	}
}
