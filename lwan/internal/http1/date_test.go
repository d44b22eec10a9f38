package http1

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

func TestAppendDate(t *testing.T) {
	for _, c := range []struct {
		unix int64
		want string
	}{
		{0, "Thu, 01 Jan 1970 00:00:00 GMT"},
		{784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
		{951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
		{-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
		{lastDate, "Fri, 31 Dec 9999 23:59:59 GMT"},
		{lastDate + 1, "Fri, 31 Dec 9999 23:59:59 GMT"},
		{1<<63 - 1, "Fri, 31 Dec 9999 23:59:59 GMT"},
		{firstDate, "Sat, 01 Jan 0000 00:00:00 GMT"},
		{firstDate - 1, "Sat, 01 Jan 0000 00:00:00 GMT"},
		{-1 << 63, "Sat, 01 Jan 0000 00:00:00 GMT"},
	} {
		if got := string(AppendDate([]byte("x"), c.unix)); got != "x"+c.want {
			t.Errorf("%d: %q, want %q", c.unix, got[1:], c.want)
		}
	}
}

func checkDate(t *testing.T, unix int64) {
	t.Helper()
	at := time.Unix(unix, 0).UTC()
	got := AppendDate(nil, unix)
	if want := at.Format(http.TimeFormat); string(got) != want {
		t.Errorf("%d: %q, want %q", unix, got, want)
	}
	if back, ok := ParseDate(got); back != unix || !ok {
		t.Errorf("%q is read as %d, %v, want %d", got, back, ok, unix)
	}
	if back, ok := ParseDate([]byte(at.Format(time.ANSIC))); back != unix || !ok {
		t.Errorf("%q is read as %d, %v, want %d", at.Format(time.ANSIC), back, ok, unix)
	}
}

func TestDatesAgainstTime(t *testing.T) {
	day := time.Date(1896, 2, 27, 12, 34, 56, 0, time.UTC)
	for day.Year() < 2110 {
		checkDate(t, day.Unix())
		day = day.AddDate(0, 0, 1)
	}
	random := rand.New(rand.NewPCG(13, 14))
	for range 10000 {
		checkDate(t, firstDate+random.Int64N(lastDate-firstDate+1))
	}
}

func TestParseDate(t *testing.T) {
	for _, c := range []struct {
		text string
		unix int64
		ok   bool
	}{
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777, true},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777, true},
		{"Sun Nov  6 08:49:37 1994", 784111777, true},
		{"Sun Nov 16 08:49:37 1994", 784975777, true},
		{"Mon, 06 Nov 1994 08:49:37 GMT", 784111777, true}, // it was a Sunday
		{"Fri, 30 Jun 1972 23:59:60 GMT", 78796800, true},
		{"Tue, 29 Feb 2000 00:00:00 GMT", 951782400, true},
		{"", 0, false},
		{"0", 0, false},
		{"784111777784111777784111777", 0, false},
		{"Sun, 06 Nov 1994 08:49:37", 0, false},
		{"Sun, 06 Nov 1994 08:49:37 UTC", 0, false},
		{"Sun, 06 Nov 1994 08:49:37 gmt", 0, false},
		{"Sun, 06 Nov 1994 08:49:37 GMT ", 0, false},
		{" Sun, 06 Nov 1994 08:49:37 GMT", 0, false},
		{"sun, 06 Nov 1994 08:49:37 GMT", 0, false},
		{"Sun, 06 nov 1994 08:49:37 GMT", 0, false},
		{"Sun, 6 Nov 1994 08:49:37 GMT", 0, false},
		{"Sun,06 Nov 1994 08:49:37 GMTx", 0, false},
		{"Sun, 00 Nov 1994 08:49:37 GMT", 0, false},
		{"Sun, 31 Nov 1994 08:49:37 GMT", 0, false},
		{"Tue, 29 Feb 1900 00:00:00 GMT", 0, false},
		{"Sun, 99 Nov 1994 08:49:37 GMT", 0, false},
		{"Sun, 06 Nov 1994 24:00:00 GMT", 0, false},
		{"Sun, 06 Nov 1994 08:60:00 GMT", 0, false},
		{"Sun, 06 Nov 1994 08:59:60 GMT", 0, false},
		{"Sun, 06 Nov 1994 23:59:61 GMT", 0, false},
		{"Sun, 06 Nov 1994 -8:49:37 GMT", 0, false},
		{"Sun, 06 Nov +994 08:49:37 GMT", 0, false},
		{"Sun, 06 Nov 1994 08.49.37 GMT", 0, false},
		{"Sun, 06-Nov-94 08:49:37 GMT", 0, false},
		{"Someday, 06-Nov-94 08:49:37 GMT", 0, false},
		{"Sunday, 06-Nov-1994 08:49:37 GMT", 0, false},
		{"Sunday, 06 Nov 94 08:49:37 GMT", 0, false},
		{"Sunday 06-Nov-94 08:49:37 GMT", 0, false},
		{"Sunday, 06-Nov-94 08:49:37 GM", 0, false},
		{"Sun Nov 6 08:49:37 1994 ", 0, false},
		{"Sun Nov 06  8:49:37 1994", 0, false},
		{"Sun Nov  6 08:49:37 1994 GMT", 0, false},
	} {
		if unix, ok := ParseDate([]byte(c.text)); unix != c.unix || ok != c.ok {
			t.Errorf("%q: %d, %v, want %d, %v", c.text, unix, ok, c.unix, c.ok)
		}
	}
}

// A year of two digits is never more than 50 years ahead (RFC 9110 section 5.6.7).
func TestTwoDigitYears(t *testing.T) {
	for _, c := range []struct {
		now, text, want string
	}{
		{"2026-07-01T00:00:00Z", "Sunday, 01-Jul-26 00:00:00 GMT", "2026-07-01T00:00:00Z"},
		{"2026-07-01T00:00:00Z", "Sunday, 01-Jul-76 00:00:00 GMT", "2076-07-01T00:00:00Z"},
		{"2026-07-01T00:00:00Z", "Sunday, 01-Jul-76 00:00:01 GMT", "1976-07-01T00:00:01Z"},
		{"2026-07-01T00:00:00Z", "Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{"2026-07-01T00:00:00Z", "Sunday, 01-Jan-00 00:00:00 GMT", "2000-01-01T00:00:00Z"},
		{"1999-12-31T23:59:59Z", "Sunday, 01-Jan-00 00:00:00 GMT", "1900-01-01T00:00:00Z"},
		{"2060-01-01T00:00:00Z", "Sunday, 06-Nov-94 08:49:37 GMT", "2094-11-06T08:49:37Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		unix, ok := parse850([]byte(c.text), now.Unix())
		if got := time.Unix(unix, 0).UTC().Format(time.RFC3339); got != c.want || !ok {
			t.Errorf("%q in %s: %s, %v, want %s", c.text, c.now, got, ok, c.want)
		}
	}
}
