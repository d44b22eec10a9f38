package files

import (
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestParseRange(t *testing.T) {
	tests := []struct {
		value   string
		size    int64
		want    []byteRange
		outcome rangeOutcome
	}{
		{"bytes=0-4", 10, []byteRange{{0, 5}}, rangeSatisfiable},
		{"bytes=0-0", 10, []byteRange{{0, 1}}, rangeSatisfiable},
		{"bytes=9-9", 10, []byteRange{{9, 1}}, rangeSatisfiable},
		{"bytes=5-", 10, []byteRange{{5, 5}}, rangeSatisfiable},
		{"bytes=0-", 10, []byteRange{{0, 10}}, rangeSatisfiable},
		{"bytes=5-99", 10, []byteRange{{5, 5}}, rangeSatisfiable},
		{"bytes=-3", 10, []byteRange{{7, 3}}, rangeSatisfiable},
		{"bytes=-99", 10, []byteRange{{0, 10}}, rangeSatisfiable},
		{"bytes=-0", 10, nil, rangeUnsatisfiable},
		{"bytes=10-", 10, nil, rangeUnsatisfiable},
		{"bytes=10-20", 10, nil, rangeUnsatisfiable},
		{"bytes=99999999999999999999999-", 10, nil, rangeUnsatisfiable},
		{"bytes=0-99999999999999999999999", 10, []byteRange{{0, 10}}, rangeSatisfiable},
		{"bytes=-99999999999999999999999", 10, []byteRange{{0, 10}}, rangeSatisfiable},
		{"bytes=9223372036854775807-9223372036854775807", 10, nil, rangeUnsatisfiable},
		// units are case-insensitive (14.1)
		{"BYTES=0-4", 10, []byteRange{{0, 5}}, rangeSatisfiable},

		{"bytes=0-1,4-5", 10, []byteRange{{0, 2}, {4, 2}}, rangeSatisfiable},
		{"bytes=4-5,0-1", 10, []byteRange{{4, 2}, {0, 2}}, rangeSatisfiable}, // as it was asked for
		{"bytes= 0-1 ,\t4-5 ,, -1", 10, []byteRange{{0, 2}, {4, 2}, {9, 1}}, rangeSatisfiable},
		{"bytes=0-1,2-3", 10, []byteRange{{0, 2}, {2, 2}}, rangeSatisfiable},
		{"bytes=0-5,3-8", 10, []byteRange{{0, 9}}, rangeSatisfiable},
		{"bytes=6-9,0-4,2-3,4-5", 10, []byteRange{{0, 6}, {6, 4}}, rangeSatisfiable},
		{"bytes=0-,0-,0-,0-", 10, []byteRange{{0, 10}}, rangeSatisfiable},
		{"bytes=20-30,0-1", 10, []byteRange{{0, 2}}, rangeSatisfiable},
		{"bytes=20-30,40-50", 10, nil, rangeUnsatisfiable},

		{"bytes=", 10, nil, rangeIgnored},
		{"bytes=,", 10, nil, rangeIgnored},
		{"bytes=-", 10, nil, rangeIgnored},
		{"bytes=5-4", 10, nil, rangeIgnored},
		{"bytes=a-b", 10, nil, rangeIgnored},
		{"bytes=0-4;5-6", 10, nil, rangeIgnored},
		{"bytes=0--4", 10, nil, rangeIgnored},
		{"bytes=--4", 10, nil, rangeIgnored},
		{"bytes=+0-4", 10, nil, rangeIgnored},
		{"bytes=0 - 4", 10, nil, rangeIgnored},
		{"bytes=0x0-4", 10, nil, rangeIgnored},
		{"bytes=0-4,x", 10, nil, rangeIgnored},
		{"bytes 0-4", 10, nil, rangeIgnored},
		{"lines=0-4", 10, nil, rangeIgnored},
		{"", 10, nil, rangeIgnored},
		// at the limit
		{"bytes=1-1,3-3,5-5,7-7", 10, []byteRange{{1, 1}, {3, 1}, {5, 1}, {7, 1}},
			rangeSatisfiable},
		{"bytes=1-1,3-3,5-5,7-7,9-9", 10, nil, rangeIgnored}, // one past it
		{"bytes=007-08", 10, []byteRange{{7, 2}}, rangeSatisfiable},
		{"bytes=08-7", 10, nil, rangeIgnored},
		{"bytes=0-", 0, nil, rangeIgnored},
		{"bytes=-5", 0, nil, rangeIgnored},
	}
	for _, tt := range tests {
		got, outcome := parseRange([]byte(tt.value), tt.size, 4)
		if !slices.Equal(got, tt.want) || outcome != tt.outcome {
			t.Errorf("%q of %d: %v, %d; want %v, %d",
				tt.value, tt.size, got, outcome, tt.want, tt.outcome)
		}
	}
}

// TestRangeBackwardsBeyondInt64: such a one was taken for one behind the content, and was a 416.
func TestRangeBackwardsBeyondInt64(t *testing.T) {
	got, outcome := parseRange([]byte("bytes=70000000000000000000-10000000000000000000"), 10, 4)
	if got != nil || outcome != rangeIgnored {
		t.Errorf("%v, %d", got, outcome)
	}
	got, outcome = parseRange([]byte("bytes=10000000000000000000-70000000000000000000"), 10, 4)
	if got != nil || outcome != rangeUnsatisfiable {
		t.Errorf("forwards: %v, %d", got, outcome)
	}
}

// naiveRanges finds the bytes that a Range asks for, one by one: with big numbers, and a regular
// expression for the grammar.
func naiveRanges(value string, size int64, limit int) (asked []bool, outcome rangeOutcome) {
	unit, list, ok := strings.Cut(value, "=")
	if !ok || !strings.EqualFold(unit, "bytes") || len(unit) != len("bytes") || size == 0 {
		return nil, rangeIgnored
	}
	asked = make([]bool, size)
	specs, found := 0, false
	for spec := range strings.SplitSeq(list, ",") {
		if spec = strings.Trim(spec, " \t"); spec == "" {
			continue
		}
		m := rangeSpec.FindStringSubmatch(spec)
		if specs++; m == nil || spec == "-" || specs > limit {
			return nil, rangeIgnored
		}
		first, last := number(m[1], 0), number(m[2], size-1)
		if m[1] == "" {
			first, last = new(big.Int).Sub(big.NewInt(size), last), big.NewInt(size-1)
		} else if last.Cmp(first) < 0 && m[2] != "" {
			return nil, rangeIgnored
		}
		for i := range asked {
			if at := big.NewInt(int64(i)); at.Cmp(first) >= 0 && at.Cmp(last) <= 0 {
				asked[i], found = true, true
			}
		}
	}
	switch {
	case specs == 0:
		return nil, rangeIgnored
	case !found:
		return nil, rangeUnsatisfiable
	}
	return asked, rangeSatisfiable
}

var rangeSpec = regexp.MustCompile(`^([0-9]*)-([0-9]+|)$`)

func number(digits string, otherwise int64) *big.Int {
	if n, ok := new(big.Int).SetString(digits, 10); ok {
		return n
	}
	return big.NewInt(otherwise)
}

// oneRange is a Range that net/http.ServeContent understands as this package does: it refuses what
// is malformed, knows the unit in small letters only, takes signs and spaces, and sends the end for
// "-0".
var oneRange = regexp.MustCompile(`^bytes=([0-9]{1,18}-[0-9]{0,18}|-[1-9][0-9]{0,17})$`)

// Ranges have the bytes that were asked for, inside of the content, do not overlap and are not more
// than the limit. For one of them net/http does the same.
func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{
		"bytes=0-4", "bytes=-5,3-", "bytes=4-5,0-1,5-9", "bytes=9223372036854775807-", "x=1-2",
		"bytes=0-,-0", "Bytes= 3-3 ,,\t-1", "bytes=3-1", "bytes=-", "bytes=--1",
		"bytes=99999999999999999999-", "bytes=0-99999999999999999999",
		"bytes=-99999999999999999999", "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16",
	} {
		f.Add(seed, int64(10))
	}
	f.Fuzz(func(t *testing.T, value string, size int64) {
		size = (size%64 + 64) % 64
		ranges, outcome := parseRange([]byte(value), size, 8)
		asked, want := naiveRanges(value, size, 8)
		if outcome != want || (outcome == rangeSatisfiable) != (len(ranges) > 0) ||
			len(ranges) > 8 {
			t.Fatalf("%q of %d: %v, %d, want %d", value, size, ranges, outcome, want)
		}
		for _, r := range ranges {
			if r.off < 0 || r.n <= 0 || r.end() > size {
				t.Fatalf("%q of %d: %v", value, size, ranges)
			}
			for i := r.off; i < r.end(); i++ {
				if !asked[i] {
					t.Fatalf("%q of %d: %v has byte %d, or has it twice", value, size, ranges, i)
				}
				asked[i] = false
			}
		}
		if slices.Contains(asked, true) {
			t.Fatalf("%q of %d: %v lacks some", value, size, ranges)
		}
		if oneRange.MatchString(value) && size > 0 {
			compareWithServeContent(t, value, size, ranges)
		}
	})
}

func compareWithServeContent(t *testing.T, value string, size int64, ranges []byteRange) {
	t.Helper()
	rec, req := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	req.Header.Set("Range", value)
	http.ServeContent(rec, req, "", time.Time{}, strings.NewReader(strings.Repeat("x", int(size))))
	want := fmt.Sprintf("bytes */%d", size)
	switch {
	case len(ranges) > 0:
		want = ranges[0].contentRange(size)
	case rec.Code == http.StatusRequestedRangeNotSatisfiable &&
		strings.HasSuffix(rec.Body.String(), "invalid range\n"):
		return // it refuses what is ignored here
	}
	if got := rec.Header().Get("Content-Range"); got != want {
		t.Fatalf("%q of %d: %s, net/http: %d %s", value, size, want, rec.Code, got)
	}
}

// One range and several, of small and large files of every source.
func TestRanges(t *testing.T) {
	for name, c := range sources(t) {
		t.Run(name, func(t *testing.T) {
			young := youngAge
			if strings.Contains(name, "link") { // one of them the other way
				young = 0
			}
			s := mountedAs(t, "/", c, young)
			for _, file := range []string{"index.html", "large.txt", "edge1.bin"} {
				content := someFiles[file]
				size := len(content)
				for _, value := range []string{
					"bytes=0-0", "bytes=-1", "bytes=3-7", "bytes=0-", "bytes=2-",
					"bytes=" + strconv.Itoa(size-1) + "-", "bytes=0-1,4-6",
					"bytes=-3,0-2", "bytes=7-9,1-3,5-5",
				} {
					r := s.get("/"+file, "Range", value)
					ranges, _ := parseRange([]byte(value), int64(size), 16)
					// it can only be read from its beginning
					if strings.Contains(name, "zip") && size > defaultSmallFile {
						ranges = ascending(ranges)
					}
					if len(ranges) == 1 {
						wantSingle(t, r, content, ranges[0])
					} else {
						wantMultipart(t, r, content, ranges)
					}
				}
				r := s.get("/"+file, "Range", "bytes="+strconv.Itoa(size)+"-")
				if r.status != 416 || r.field("Content-Range") != "bytes */"+strconv.Itoa(size) ||
					r.field("ETag") != "" {
					t.Errorf("%s: %d %v", file, r.status, r.header)
				}
			}
			if r := s.get("/empty.css", "Range", "bytes=0-"); r.status != 200 || r.body != "" {
				t.Errorf("a range of nothing: %d %v", r.status, r.header)
			}
		})
	}
}

func wantSingle(t *testing.T, r *reply, content string, want byteRange) {
	t.Helper()
	if r.status != 206 || r.body != content[want.off:want.end()] || r.err != nil ||
		r.length != want.n || r.field("Content-Range") != want.contentRange(int64(len(content))) ||
		strings.HasPrefix(r.field("Content-Type"), "multipart") {
		t.Errorf("%v: %d %v, %d bytes, %v", want, r.status, r.header, len(r.body), r.err)
	}
}

// wantMultipart reads the answer with another program's reader.
func wantMultipart(t *testing.T, r *reply, content string, want []byteRange) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(r.field("Content-Type"))
	if err != nil || r.status != 206 || kind != "multipart/byteranges" ||
		r.field("Content-Range") != "" || r.length != int64(len(r.body)) {
		t.Fatalf("%v: %d %v, %v", want, r.status, r.header, err)
	}
	parts := multipart.NewReader(strings.NewReader(r.body), params["boundary"])
	for _, w := range want {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part)
		if err != nil || string(body) != content[w.off:w.end()] ||
			part.Header.Get("Content-Range") != w.contentRange(int64(len(content))) ||
			part.Header.Get("Content-Type") == "" {
			t.Errorf("%v: %v, %d bytes, %v", w, part.Header, len(body), err)
		}
	}
	if _, err := parts.NextRawPart(); err != io.EOF {
		t.Errorf("behind the last part: %v", err)
	}
}

// At the limit and past it; and none at all where the configuration says so.
func TestMaxRanges(t *testing.T) {
	mem := fstest.MapFS{"x.txt": {Data: []byte(strings.Repeat("x", 1000))}}
	s := mounted(t, "/", Config{FS: mem, MaxRanges: 3})
	if r := s.get("/x.txt", "Range", "bytes=0-0,2-2,4-4"); r.status != 206 {
		t.Error(r.status)
	}
	r := s.get("/x.txt", "Range", "bytes=0-0,2-2,4-4,6-6")
	if r.status != 200 || len(r.body) != 1000 {
		t.Error(r.status)
	}
	off := mounted(t, "/", Config{FS: mem, MaxRanges: -1})
	r = off.get("/x.txt", "Range", "bytes=0-0")
	if r.status != 200 || r.field("Accept-Ranges") != "" {
		t.Error(r.status, r.header)
	}
}
