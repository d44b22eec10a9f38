package files

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// conditionTree has a small and a large file of a known time.
func conditionTree(t testing.TB) (dir string, modified time.Time) {
	dir = writeTree(t, map[string]string{"a.txt": "hello, world", "large.txt": largeText})
	modified = time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, name := range []string{"a.txt", "large.txt"} {
		if err := os.Chtimes(filepath.Join(dir, name), modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	return dir, modified
}

// RFC 9110 section 13.2.2, step by step, on a socket. TAG and DATE stand for the file's own.
func TestPreconditions(t *testing.T) {
	dir, modified := conditionTree(t)
	s := mounted(t, "/", Config{Dir: dir, Cache: map[string]string{"*": "max-age=60"}})
	past, future := modified.Add(-time.Second), modified.Add(time.Second)
	for _, path := range []string{"/a.txt", "/large.txt"} {
		tag := s.get(path).field("ETag")
		date := func(t time.Time) string { return t.UTC().Format(http.TimeFormat) }
		fill := strings.NewReplacer("TAG", tag, "DATE", date(modified), "PAST", date(past),
			"FUTURE", date(future), "RFC850",
			modified.UTC().Format("Monday, 02-Jan-06 15:04:05 GMT"), "ASC",
			modified.UTC().Format(time.ANSIC))
		for _, tt := range []struct {
			fields string // "Name: value" in lines
			status int
		}{
			{"", 200},
			// 1. If-Match, strong comparison (section 13.1.1)
			{"If-Match: TAG", 200},
			{"If-Match: *", 200},
			{`If-Match: "x", TAG`, 200},
			{`If-Match: "x",,TAG , "y"`, 200},
			{`If-Match: "x"`, 412},
			{"If-Match: W/TAG", 412},
			{"If-Match: ", 412},
			{"If-Match: TAG\nIf-Unmodified-Since: PAST", 200}, // the tag counts
			{"If-Match: \"x\"\nIf-Unmodified-Since: FUTURE", 412},
			{"If-Match: \"x\"\nIf-Match: TAG", 200}, // two lines are one list (section 5.3)
			// 2. If-Unmodified-Since (13.1.4)
			{"If-Unmodified-Since: DATE", 200},
			{"If-Unmodified-Since: FUTURE", 200},
			{"If-Unmodified-Since: PAST", 412},
			{"If-Unmodified-Since: yesterday", 200}, // no date: ignored
			// 3. If-None-Match, weak comparison (13.1.2)
			{"If-None-Match: TAG", 304},
			{"If-None-Match: W/TAG", 304},
			{"If-None-Match: *", 304},
			{`If-None-Match: "x", W/"y", TAG`, 304},
			{"If-None-Match: \"x\"\nIf-None-Match: TAG", 304},
			{`If-None-Match: "x"`, 200},
			// what stands behind the tag that matches is not looked at
			{`If-None-Match: TAGx`, 304},
			{`If-None-Match: xTAG`, 200},
			{"If-None-Match: \"x\"\nIf-Modified-Since: DATE", 200}, // the tag counts
			{"If-None-Match: TAG\nIf-Modified-Since: PAST", 304},
			// 4. If-Modified-Since (13.1.3)
			{"If-Modified-Since: DATE", 304},
			{"If-Modified-Since: FUTURE", 304},
			{"If-Modified-Since: PAST", 200},
			{"If-Modified-Since: RFC850", 304},
			{"If-Modified-Since: ASC", 304},
			{"If-Modified-Since: 0", 200},
			{"If-Modified-Since: ", 200},
			// together
			{"If-Match: TAG\nIf-None-Match: TAG", 304},
			{"If-Match: \"x\"\nIf-None-Match: TAG", 412},
			{"If-Unmodified-Since: PAST\nIf-Modified-Since: DATE", 412},
			{"If-Unmodified-Since: DATE\nIf-Modified-Since: DATE", 304},
			// 5. If-Range, and Range behind the others (13.1.5)
			{"Range: bytes=0-4", 206},
			{"Range: bytes=0-4\nIf-None-Match: TAG", 304},
			{"Range: bytes=0-4\nIf-Match: \"x\"", 412},
			{"Range: bytes=0-4\nIf-Modified-Since: DATE", 304},
			{"Range: bytes=0-4\nIf-Range: TAG", 206},
			{"Range: bytes=0-4\nIf-Range: \"x\"", 200},
			{"Range: bytes=0-4\nIf-Range: W/TAG", 200},
			{"Range: bytes=0-4\nIf-Range: DATE", 206},
			{"Range: bytes=0-4\nIf-Range: FUTURE", 200}, // must be the same, not later
			{"Range: bytes=0-4\nIf-Range: PAST", 200},
			{"Range: bytes=0-4\nIf-Range: RFC850", 200},
			{"Range: bytes=0-4\nIf-Range: ", 200},
			{"Range: bytes=999999-\nIf-Range: \"x\"", 200},
			{"Range: bytes=999999-", 416},
			// more than one member: a date is ignored (13.1.3, 13.1.4), If-Range names nothing, and
			// two ranges are none
			{"If-Unmodified-Since: PAST\nIf-Unmodified-Since: DATE", 200},
			{"If-Unmodified-Since: DATE\nIf-Unmodified-Since: PAST", 200},
			{"If-Unmodified-Since: PAST, PAST", 200},
			{"If-Unmodified-Since: PAST\nIf-Unmodified-Since: PAST\nIf-Modified-Since: DATE", 304},
			{"If-Modified-Since: DATE\nIf-Modified-Since: DATE", 200},
			{"If-Modified-Since: DATE\nIf-Modified-Since: PAST", 200},
			{"If-Modified-Since: DATE, DATE", 200},
			{"Range: bytes=0-4\nIf-Range: TAG\nIf-Range: TAG", 200},
			{"Range: bytes=0-4\nIf-Range: TAG\nIf-Range: \"x\"", 200},
			{"Range: bytes=0-4\nIf-Range: DATE\nIf-Range: DATE", 200},
			{"Range: bytes=0-4\nRange: bytes=0-4", 200},
			{"Range: bytes=0-4\nRange: bytes=999999-", 200},
		} {
			r := s.get(path, fieldsOf(fill.Replace(tt.fields))...)
			if r.status != tt.status {
				t.Errorf("%s, %q: %d, want %d", path, fill.Replace(tt.fields), r.status, tt.status)
			}
			checkConditional(t, path, tt.fields, tag, r)
			h := s.ask("HEAD", path, fieldsOf(fill.Replace(tt.fields))...)
			if h.status != withoutRange(tt.status) {
				t.Errorf("HEAD %s, %q: %d", path, fill.Replace(tt.fields), h.status)
			}
		}
	}
}

// withoutRange is the status where a Range means nothing, as for HEAD (RFC 9110 section 14.2).
func withoutRange(status int) int {
	if status == 206 || status == 416 {
		return 200
	}
	return status
}

// checkConditional compares the fields with what each status has.
func checkConditional(t *testing.T, path, what, tag string, r *reply) {
	t.Helper()
	switch r.status {
	case 304: // RFC 9110 section 15.4.5
		if r.body != "" || r.field("ETag") != tag || r.field("Cache-Control") != "max-age=60" ||
			r.field("Last-Modified") != "" || r.field("Content-Type") != "" ||
			r.field("Content-Length") != "" || r.field("Date") == "" {
			t.Errorf("%s, %q: 304 with %v, %q", path, what, r.header, r.body)
		}
	case 412:
		if r.field("ETag") != "" || r.field("Last-Modified") != "" ||
			r.field("Cache-Control") != "" {
			t.Errorf("%s, %q: 412 with %v", path, what, r.header)
		}
	case 206:
		if r.body != map[string]string{"/a.txt": "hello", "/large.txt": largeText[:5]}[path] ||
			r.field("Content-Range") == "" {
			t.Errorf("%s, %q: 206 with %v, %q", path, what, r.header, r.body)
		}
	}
}

// fieldsOf splits lines into names and values.
func fieldsOf(lines string) (fields []string) {
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		fields = append(fields, name, strings.TrimSpace(value))
	}
	return fields
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		etag, list   string
		weak, strong bool
	}{
		{`"a"`, `"a"`, true, true},
		{`"a"`, `W/"a"`, true, false},
		{`W/"a"`, `"a"`, true, false},
		{`W/"a"`, `W/"a"`, true, false},
		{`"a"`, `"A"`, false, false},
		{`"a"`, ` * `, true, true},
		{`"a"`, `*, "b"`, false, false},
		{`"a"`, `"b","a"`, true, true},
		{`"a"`, `"b" "a"`, true, true}, // a comma is missing, and nothing else can be meant
		{`"a,b"`, `"a,b"`, true, true},
		{`"a,b"`, `"a", "b"`, false, false},
		{`"a"`, `a`, false, false},
		{`"a"`, `"a`, false, false},
		{`"a"`, `'a'`, false, false},
		{`"a"`, `w/"a"`, false, false}, // case-sensitive (section 8.8.3)
		{`"a"`, ``, false, false},
		{`""`, `""`, true, true},
		{``, `"a"`, false, false},
		{``, `*`, true, true},
		{`"é"`, `"é"`, true, true},
		{"\"a\x7f\"", "\"a\x7f\"", false, false},
	} {
		v := validators{tt.etag, &dates{}}
		if got := v.matches([]byte(tt.list), weak); got != tt.weak {
			t.Errorf("%s in %s, weak: %v", tt.etag, tt.list, got)
		}
		if got := v.matches([]byte(tt.list), strong); got != tt.strong {
			t.Errorf("%s in %s, strong: %v", tt.etag, tt.list, got)
		}
	}
}

// FuzzMatches compares with net/http, which takes "*" anywhere in a list.
func FuzzMatches(f *testing.F) {
	for _, seed := range []string{
		`"a"`, `W/"a", "b"`, `*`, `"a`, `,,"tag"`, `"x" , W/"tag"`, `"x" "tag"`, `"x";"tag"`,
		`"tag`, `w/"tag"`, "\"\xff\", \"tag\"", `W/"x"W/"tag"`, ` * `,
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, list string, isWeak bool) {
		tag := `"tag"`
		if isWeak {
			tag = `W/"tag"`
		}
		v := validators{tag, &dates{}}
		weakly, strongly := v.matches([]byte(list), weak), v.matches([]byte(list), strong)
		if strings.Contains(list, "*") {
			any := strings.Trim(list, " \t") == "*"
			if any && !(weakly && strongly) ||
				!any && weakly && !strings.Contains(list, tag[len(tag)-5:]) {
				t.Errorf("%q: %v, %v", list, weakly, strongly)
			}
			return
		}
		if strings.ContainsAny(list, "\r\n") || strings.Trim(list, " \t") == "" {
			return // never a field's value, or one of no tags, which net/http takes for no field
		}
		if got := servedAs(tag, "If-None-Match", list) == http.StatusNotModified; got != weakly {
			t.Errorf("%q in %q, weak: %v, net/http: %v", tag, list, weakly, got)
		}
		if got := servedAs(tag, "If-Match", list) == http.StatusOK; got != strongly {
			t.Errorf("%q in %q, strong: %v, net/http: %v", tag, list, strongly, got)
		}
	})
}

// servedAs is the status that net/http answers with.
func servedAs(tag, field, value string) int {
	rec, req := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	req.Header.Set(field, value)
	rec.Header().Set("ETag", tag)
	http.ServeContent(rec, req, "", time.Time{}, strings.NewReader("x"))
	return rec.Code
}

// A date is a strong validator once its second is over, and never one of the future.
func TestDates(t *testing.T) {
	now := time.Unix(1_000_000_000, 500)
	for _, tt := range []struct {
		modified time.Time
		seconds  int64
		strong   bool
	}{
		{now.Add(-time.Hour), 1_000_000_000 - 3600, true},
		{now.Add(-time.Second), 999_999_999, true},
		{now.Add(-100), 1_000_000_000, false},
		{now.Add(time.Hour), 1_000_000_000, false},
	} {
		d := datesOf(tt.modified.UnixNano(), now)
		if d.seconds != tt.seconds || d.dateIsStrong != tt.strong ||
			d.modified != time.Unix(tt.seconds, 0).UTC().Format(http.TimeFormat) {
			t.Errorf("%v: %+v", tt.modified, d)
		}
	}
	if d := datesOf(0, now); d != (dates{}) {
		t.Errorf("%+v for no time", d)
	}
}
