package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// Random requests to Content and to http.ServeContent, for contents of all sizes, with and without
// tag, time and type.
func TestContentAgainstServeContent(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 3))
	statuses := map[int]int{}
	for range 3000 {
		size := []int{0, 1, 100, 5000, copySize, copySize + 1, 200_000}[rng.IntN(7)]
		text := strings.Repeat("0123456789abcdef\n", size/17+1)[:size]
		modified := []time.Time{{}, time.Unix(0, 0), time.Unix(1e9, 5)}[rng.IntN(3)]
		tag := []string{"", `"t"`, `W/"t"`}[rng.IntN(3)]
		name := []string{"", "a.html", "a.unknown", "a.png"}[rng.IntN(4)]
		ctype := []string{"", "text/x-set"}[rng.IntN(2)]
		q := contentRequest(rng, int64(size))
		ours := lwantest.Do(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			setContentFields(tag, ctype, resp.SetHeader)
			return Content(req, resp, name, modified, strings.NewReader(text))
		}, q.request())
		rec := httptest.NewRecorder()
		setContentFields(tag, ctype, rec.Header().Set)
		http.ServeContent(rec, q.request(), name, modified, strings.NewReader(text))
		a := &reply{
			status: ours.Status, header: ours.Header, body: ours.Body,
			length: int64(len(ours.Body)),
		}
		b := &reply{
			status: rec.Code, header: rec.Result().Header, body: rec.Body.String(),
			length: int64(rec.Body.Len()),
		}
		if q.method == "HEAD" {
			b.body, b.length = "", 0
		}
		if difference(q, a, b) != "" {
			continue
		}
		statuses[a.status]++
		err := compareReplies(q, a, b)
		if err == nil && a.field("ETag") != b.field("ETag") && a.status < 400 {
			err = fmt.Errorf("tags %s and %s", a.field("ETag"), b.field("ETag"))
		}
		if err != nil || ours.Cut {
			t.Errorf("%s %q, %d bytes, tag %s, %v: %v\nours   %d %v\noracle %d %v", q.method,
				q.fields, size, tag, modified, err, a.status, a.header, b.status, b.header)
		}
	}
	for _, status := range []int{200, 206, 304, 412, 416} {
		if statuses[status] < 10 {
			t.Errorf("only %d of status %d were compared", statuses[status], status)
		}
	}
}

func setContentFields(tag, ctype string, set func(name, value string)) {
	if tag != "" {
		set("ETag", tag)
	}
	if ctype != "" {
		set("Content-Type", ctype)
	}
}

func contentRequest(rng *rand.Rand, size int64) randomAsk {
	q := randomAsk{method: "GET", path: "/x"}
	if rng.IntN(6) == 0 {
		q.method = "HEAD"
	}
	if rng.IntN(2) == 0 {
		q.randomRange(rng, size)
	}
	date := time.Unix(1e9+int64(rng.IntN(3))-1, 0).UTC().Format(http.TimeFormat)
	for _, c := range [][2]string{
		{"If-None-Match", `"t"`}, {"If-None-Match", `W/"t"`}, {"If-None-Match", `"x"`},
		{"If-Match", `"t"`}, {"If-Match", `"x"`},
		{"If-Modified-Since", date}, {"If-Unmodified-Since", date},
		{"If-Range", `"t"`}, {"If-Range", `W/"t"`}, {"If-Range", date},
	} {
		if rng.IntN(8) == 0 && q.field(c[0]) == "" {
			q.add(c[0], c[1])
		}
	}
	return q
}

func (q *randomAsk) request() *http.Request {
	r := httptest.NewRequest(q.method, q.path, nil)
	for i := 0; i+1 < len(q.fields); i += 2 {
		r.Header.Set(q.fields[i], q.fields[i+1])
	}
	return r
}

// An open file is sent by the kernel, on a socket, whole and in ranges; its place does not matter.
func TestContentOfFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.txt")
	write(t, path, largeText)
	srv := &lwan.Server{Loops: 1}
	srv.Handle("/", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		f, err := os.Open(path)
		if err != nil {
			return resp.Fail(err)
		}
		defer f.Close()
		return Content(req, resp, "f.txt", time.Unix(1e9, 0), f)
	})
	s := started(t, srv)
	if r := s.want("/", 200, largeText); r.length != int64(len(largeText)) ||
		r.field("Content-Type") != "text/plain; charset=utf-8" {
		t.Error(r.header)
	}
	for _, value := range []string{"bytes=5-90000", "bytes=-1", "bytes=0-1,70000-99999,3-3"} {
		r := s.get("/", "Range", value)
		ranges, _ := parseRange([]byte(value), int64(len(largeText)), 16)
		if len(ranges) == 1 {
			wantSingle(t, r, largeText, ranges[0])
		} else {
			wantMultipart(t, r, largeText, ranges)
		}
	}
}

// Content evaluates the preconditions of every method, in the order of RFC 9110 section 13.2.2: one
// that does not hold is 304 for GET and HEAD, and 412 for all others, for which If-Modified-Since
// and Range mean nothing.
func TestContentPreconditions(t *testing.T) {
	modified := time.Unix(1e9, 0)
	h := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetHeader("ETag", `"t"`)
		return Content(req, resp, "f.txt", modified, strings.NewReader("content"))
	}
	date := func(d time.Duration) string { return modified.Add(d).UTC().Format(http.TimeFormat) }
	fill := strings.NewReplacer("DATE", date(0), "PAST",
		date(-time.Hour), "FUTURE", date(time.Hour))
	for _, tt := range []struct {
		fields    string
		get, post int
	}{
		{"If-Match: \"t\"", 200, 200},
		{"If-Match: *", 200, 200},
		{"If-Match: \"x\"", 412, 412},
		{"If-Match: \"x\"\nIf-Modified-Since: PAST", 412, 412},
		{"If-Match: \"x\"\nIf-Modified-Since: FUTURE", 412, 412},
		{"If-Match: \"x\"\nIf-Unmodified-Since: FUTURE", 412, 412},
		{"If-Match: \"t\"\nIf-Unmodified-Since: PAST", 200, 200},
		{"If-Match: \"t\"\nIf-Modified-Since: FUTURE", 304, 200},
		{"If-Match: \"t\"\nIf-None-Match: \"t\"", 304, 412},
		{"If-Unmodified-Since: PAST", 412, 412},
		{"If-Unmodified-Since: PAST\nIf-Modified-Since: DATE", 412, 412},
		{"If-Unmodified-Since: PAST\nIf-Modified-Since: PAST", 412, 412},
		{"If-Unmodified-Since: DATE\nIf-Modified-Since: DATE", 304, 200},
		{"If-Unmodified-Since: DATE\nIf-None-Match: \"t\"", 304, 412},
		{"If-None-Match: *", 304, 412},
		{"If-None-Match: W/\"t\"", 304, 412},
		{"If-None-Match: \"x\"", 200, 200},
		{"If-None-Match: \"x\"\nIf-Modified-Since: DATE", 200, 200},
		{"If-None-Match: \"t\"\nIf-Modified-Since: PAST", 304, 412},
		{"If-Modified-Since: DATE", 304, 200},
		{"If-Modified-Since: PAST", 200, 200},
		{"If-Modified-Since: yesterday", 200, 200},
		{"Range: bytes=0-1", 206, 200},
		{"Range: bytes=0-1\nIf-Match: \"x\"", 412, 412},
	} {
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE"} {
			r := httptest.NewRequest(method, "/", nil)
			fields := fieldsOf(fill.Replace(tt.fields))
			for i := 0; i < len(fields); i += 2 {
				r.Header.Add(fields[i], fields[i+1])
			}
			want := tt.post
			switch method {
			case "GET":
				want = tt.get
			case "HEAD":
				want = withoutRange(tt.get)
			}
			if got := lwantest.Do(t, h, r); got.Status != want {
				t.Errorf("%s %q: %d, want %d", method, fields, got.Status, want)
			}
		}
	}
}

// liar is a content that is not what it says.
type liar struct {
	*bytes.Reader
	seek, read error
	more       int64
}

func (l *liar) Seek(off int64, whence int) (int64, error) {
	if l.seek != nil {
		return 0, l.seek
	}
	n, err := l.Reader.Seek(off, whence)
	if whence == io.SeekEnd {
		n += l.more
	}
	return n, err
}

func (l *liar) Read(p []byte) (int, error) {
	if l.read != nil {
		return 0, l.read
	}
	return l.Reader.Read(p)
}

// Errors of the content are an error, or a cut if something was sent; never an answer that looks
// complete.
func TestContentErrors(t *testing.T) {
	for what, tt := range map[string]struct {
		c    *liar
		want error
		cut  bool
	}{
		"seek": {&liar{Reader: bytes.NewReader(nil), seek: errBroken}, errBroken, false},
		"read": {&liar{Reader: bytes.NewReader([]byte("x")), read: errBroken},
			errBroken, false},
		"short": {&liar{Reader: bytes.NewReader([]byte("x")), more: 10}, errShort, false},
		"short, large": {&liar{Reader: bytes.NewReader(make([]byte, copySize)), more: 10},
			errShort, true},
	} {
		r := lwantest.Do(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return Content(req, resp, "", time.Time{}, tt.c)
		}, httptest.NewRequest("GET", "/", nil))
		if !errors.Is(r.Err, tt.want) || r.Cut != tt.cut || (!tt.cut && r.Status != 500) {
			t.Errorf("%s: %d, cut %v, %v", what, r.Status, r.Cut, r.Err)
		}
	}
}
