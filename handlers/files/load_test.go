package files

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// busyFile is a file that is changed: each state lasts for some looks at it.
type busyFile struct {
	states []busyState
	looks  int
	closed bool
}

type busyState struct {
	looks   int // 0: it lasts
	content string
	changed time.Time
}

func (f *busyFile) state() busyState {
	n := 0
	for _, s := range f.states {
		if n += s.looks; f.looks < n || s.looks == 0 {
			return s
		}
	}
	return f.states[len(f.states)-1]
}

func (f *busyFile) Stat() (fs.FileInfo, error) {
	s := f.state()
	f.looks++
	return busyInfo{s}, nil
}

func (f *busyFile) ReadAt(p []byte, off int64) (int, error) {
	return strings.NewReader(f.state().content).ReadAt(p, off)
}

func (f *busyFile) Read([]byte) (int, error) { return 0, errors.New("not to be used") }

func (f *busyFile) Close() error {
	f.closed = true
	return nil
}

type busyInfo struct{ s busyState }

func (i busyInfo) Name() string       { return "busy" }
func (i busyInfo) Size() int64        { return int64(len(i.s.content)) }
func (i busyInfo) Mode() fs.FileMode  { return 0o644 }
func (i busyInfo) ModTime() time.Time { return i.s.changed }
func (i busyInfo) IsDir() bool        { return false }
func (i busyInfo) Sys() any           { return nil }

func TestLoad(t *testing.T) {
	const ms = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		at := func(ago time.Duration) time.Time { return time.Now().Add(-ago) }
		big, other := strings.Repeat("log line\n", 3000), strings.Repeat("else\n", 6000)
		for _, tt := range []struct {
			what   string
			states func() []busyState
			want   string // "": errChanging
			weak   bool
			took   time.Duration
		}{
			{"at rest", func() []busyState { return []busyState{{0, "old", at(time.Hour)}} },
				"old", false, 0},
			{"at rest, large", func() []busyState { return []busyState{{0, big, at(time.Hour)}} },
				big, false, 0},
			{"of the future", func() []busyState { return []busyState{{0, "old", at(-time.Hour)}} },
				"old", false, 0},
			{"just written", func() []busyState { return []busyState{{0, "new", at(0)}} },
				"new", false, 2 * tick},
			{"truncated, then written",
				func() []busyState { return []busyState{{2, "", at(0)}, {0, "new", at(0)}} },
				"new", false, 2 * tick},
			{"truncated, then written in pieces",
				func() []busyState {
					return []busyState{{2, "", at(0)}, {2, "n", at(0)}, {0, "new", at(0)}}
				}, "new", false, 2 * tick},
			{"changed while it is read",
				func() []busyState {
					return []busyState{{1, "old", at(time.Hour)}, {0, "new", at(0)}}
				}, "new", false, 2 * tick},
			{"a log", func() []busyState { return growing("", 20) }, "5555", false, 4 * tick},
			{"a large log", func() []busyState { return growing(big, 20) },
				big + "5555", true, 4 * tick},
			{"rewritten", func() []busyState {
				return []busyState{{2, "a", at(0)}, {2, "b", at(-10 * ms)}, {2, "c", at(-30 * ms)},
					{2, "d", at(-50 * ms)}, {0, "e", at(-80 * ms)}}
			}, "", false, 4 * tick},
			{"rewritten, large", func() []busyState {
				return []busyState{{2, big, at(0)}, {2, other, at(-10 * ms)},
					{2, big, at(-30 * ms)}, {2, other, at(-50 * ms)}, {0, big, at(-80 * ms)}}
			}, "", false, 4 * tick},
		} {
			f := &busyFile{states: tt.states()}
			l := &loader{small: defaultSmallFile}
			begin := time.Now()
			got, err := l.load(t.Context(), "busy", f, identity)
			if took := time.Since(begin); took > tt.took {
				t.Errorf("%s: took %v", tt.what, took)
			}
			if tt.want == "" {
				if !errors.Is(err, errChanging) || !f.closed {
					t.Errorf("%s: %v, closed %v", tt.what, err, f.closed)
				}
				continue
			}
			if err != nil || got.size != int64(len(tt.want)) ||
				(got.large == nil && got.text != tt.want) ||
				strings.HasPrefix(got.etag, "W/") != tt.weak {
				t.Errorf("%s: %v, %+v", tt.what, err, got.representation)
			}
			if f.closed != (got.large == nil) {
				t.Errorf("%s: closed %v", tt.what, f.closed)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		f := &busyFile{states: []busyState{{0, "new", at(0)}}}
		_, err := (&loader{small: 10}).load(ctx, "busy", f, identity)
		if !errors.Is(err, context.Canceled) || !f.closed {
			t.Errorf("after Close: %v, closed %v", err, f.closed)
		}
	})
}

// growing is a file to whose end something is written between any two looks.
func growing(begin string, looks int) (list []busyState) {
	for i := range looks {
		list = append(list,
			busyState{2, begin + strings.Repeat("5", i), time.Now().Add(time.Duration(i) * tick)})
	}
	return list
}

// A young file is copied, up to a size; its tag stays when it is old enough to be sent from the
// file.
func TestLoadYoung(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"s": "small", "m": strings.Repeat("m", defaultSmallFile+1),
		"l": strings.Repeat("l", copyable), "xl": strings.Repeat("x", copyable+1),
	})
	for name, want := range map[string]struct{ inMemory, kernel bool }{
		"s": {true, false}, "m": {true, false}, "l": {true, false}, "xl": {false, false},
	} {
		var tags []string
		for _, young := range []time.Duration{time.Hour, 0} {
			f, err := os.Open(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			got, err := (&loader{small: defaultSmallFile, young: young}).load(t.Context(),
				name, f, identity)
			if err != nil {
				t.Fatal(err)
			}
			inMemory := got.large == nil
			if young > 0 && (inMemory != want.inMemory || (!inMemory && got.large.os != nil)) {
				t.Errorf("%s, young: in memory %v", name, inMemory)
			}
			if young == 0 && (inMemory != (name == "s") || (!inMemory && got.large.os == nil)) {
				t.Errorf("%s, old: in memory %v", name, inMemory)
			}
			tags = append(tags, got.etag)
			got.close()
		}
		if tags[0] != tags[1] {
			t.Errorf("%s: tags %q", name, tags)
		}
	}
}

// answerFrom sends an entry's file in memory while change is done to the file, after the head and
// before the check.
func answerFrom(t *testing.T, l *large, change func()) *lwantest.Result {
	h := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetHeader("Content-Length", "300000")
		if err := resp.SendHead(200); err != nil {
			return resp.Fail(err)
		}
		return l.stream(req, resp, 200, func(w *reading) error {
			change()
			return w.last(byteRange{0, 300000})
		})
	}
	return lwantest.Do(t, h, httptest.NewRequest("GET", "/", nil))
}

// What happens to a file between the head and the last byte decides whether the answer is ended or
// cut.
func TestCheck(t *testing.T) {
	text := strings.Repeat("0123456789", 30000)
	path := filepath.Join(t.TempDir(), "f")
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for what, tt := range map[string]struct {
		change func()
		cut    bool
	}{
		"nothing": {func() {}, false},
		"removed": {func() { do(os.Remove(path)) }, false},
		"replaced": {
			func() {
				do(os.WriteFile(path+"2", []byte("new"), 0o644))
				do(os.Rename(path+"2", path))
			}, false,
		},
		// its ends are the same
		"touched":   {func() { do(os.Chtimes(path, time.Now(), time.Now())) }, false},
		"grown":     {func() { appendTo(t, path, "more") }, false},
		"truncated": {func() { do(os.Truncate(path, 299999)) }, true},
		"emptied":   {func() { do(os.Truncate(path, 0)) }, true},
		"rewritten": {
			func() { do(os.WriteFile(path, []byte(strings.Repeat("9876543210", 30000)), 0o644)) },
			true,
		},
		"rewritten, longer": {
			func() { do(os.WriteFile(path, []byte(strings.Repeat("9876543210", 40000)), 0o644)) },
			true,
		},
		"rewritten, shorter": {func() { do(os.WriteFile(path, []byte("short"), 0o644)) }, true},
	} {
		for _, kernel := range []bool{true, false} {
			do(os.WriteFile(path, []byte(text), 0o644))
			f, err := os.Open(path)
			do(err)
			got, err := (&loader{small: 100}).load(t.Context(), "f", f, identity)
			do(err)
			if !kernel {
				got.large.os = nil
			}
			r := answerFrom(t, got.large, tt.change)
			if r.Cut != tt.cut || (!tt.cut && r.Body != text) ||
				(tt.cut && len(r.Body) >= len(text)) {
				t.Errorf("%s: cut %v, %d bytes, %v", what, r.Cut, len(r.Body), r.Err)
			}
			if tt.cut && !errors.Is(r.Err, errChanged) {
				t.Errorf("%s: %v", what, r.Err)
			}
			got.close()
		}
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = io.WriteString(f, text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// oldSite is a site whose files all count as old, with handler.
func oldSite(t *testing.T, c Config) (*site, http.Handler) {
	s, err := newSite(c, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	s.loader.young = 0
	return s, handlerBelow(t, "/", s.serve)
}

func serveOnce(h http.Handler, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	return rec
}

type brokenReader struct{}

func (brokenReader) ReadAt([]byte, int64) (int, error) { return 0, errBroken }

// An error before anything was sent is an answer of its own, without the fields of the file.
func TestErrorFields(t *testing.T) {
	dir := writeTree(t, map[string]string{"f.bin": strings.Repeat("f", 30000)})
	s, h := oldSite(t, Config{
		Dir: dir, Cache: map[string]string{"*": "max-age=99"}, Download: []string{"*"}, TTL: -1,
	})
	ref, err := s.entries.Get(t.Context(), "f.bin")
	if err != nil {
		t.Fatal(err)
	}
	l := ref.Value().file.plain.large
	l.os, l.at = nil, brokenReader{} // what is not sent by the kernel is held back at first
	ref.Release()
	rec := serveOnce(h, "/f.bin")
	if rec.Code != 500 {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
	for _, name := range []string{
		"ETag", "Cache-Control", "Last-Modified", "Accept-Ranges", "Content-Disposition",
	} {
		if v := rec.Header().Get(name); v != "" {
			t.Errorf("%s: %q", name, v)
		}
	}
}

// A large file that has changed is looked at again at once: its entry would be wrong.
func TestLooksAgain(t *testing.T) {
	dir := writeTree(t, map[string]string{"f.bin": strings.Repeat("f", 30000)})
	s, h := oldSite(t, Config{Dir: dir, TTL: -1})
	for _, content := range []string{
		strings.Repeat("f", 30000), strings.Repeat("g", 30000), strings.Repeat("h", 40000),
		strings.Repeat("i", 20000), "small",
	} {
		write(t, filepath.Join(dir, "f.bin"), content) // in place
		if rec := serveOnce(h, "/f.bin"); rec.Code != 200 || rec.Body.String() != content {
			t.Errorf("%d, %d bytes of %.5q", rec.Code, rec.Body.Len(), rec.Body)
		}
	}
	// One that is always another one than it was a moment ago.
	write(t, filepath.Join(dir, "x.bin"), strings.Repeat("x", 30000))
	s.tree = &restlessSource{s.tree}
	s.loader.src = s.tree
	if rec := serveOnce(h, "/x.bin"); rec.Code != 503 || rec.Header().Get("Retry-After") == "" ||
		rec.Header().Get("ETag") != "" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
}

// restlessSource has files whose size is another one at each look after the third: load takes two.
type restlessSource struct{ source }

func (s *restlessSource) open(name string) (fs.File, fs.FileInfo, error) {
	f, fi, err := s.source.open(name)
	if err != nil || fi.IsDir() {
		return f, fi, err
	}
	return &restlessFile{File: f.(*os.File)}, fi, nil
}

type restlessFile struct {
	*os.File
	looks int64
}

func (f *restlessFile) Stat() (fs.FileInfo, error) {
	fi, err := f.File.Stat()
	if f.looks++; err != nil || f.looks <= 2 {
		return fi, err
	}
	return grownInfo{fi, f.looks}, nil
}

type grownInfo struct {
	fs.FileInfo
	more int64
}

func (i grownInfo) Size() int64 { return i.FileInfo.Size() + i.more }

func TestSettled(t *testing.T) {
	now := time.Unix(1e9, 0)
	for ago, want := range map[time.Duration]bool{
		0: false, tick: false, tick + 1: true, time.Hour: true, -tick: false, -tick - 1: true,
		-time.Hour: true,
	} {
		if got := (stamp{changed: now.Add(-ago).UnixNano()}).settled(now, tick); got != want {
			t.Errorf("%v ago: %v", ago, got)
		}
	}
	if !(stamp{}).settled(now, youngAge) {
		t.Error("a file without a time is not settled")
	}
}
