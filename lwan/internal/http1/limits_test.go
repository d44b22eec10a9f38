package http1

import (
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

// The defaults, as the tests below want them.
const (
	line8k    = 8 << 10
	fields32k = 32 << 10
	fields128 = 128
)

func TestLimitsAtAndOver(t *testing.T) {
	requestLine := func(n int) string {
		const rest = "GET / HTTP/1.1"
		return "GET /" + strings.Repeat("a", n-len(rest)) + " HTTP/1.1\r\n"
	}
	fieldBytes := func(n int) string {
		const rest = "Host: h\r\na: \r\n"
		return "Host: h\r\na: " + strings.Repeat("b", n-len(rest)) + "\r\n"
	}
	for _, c := range []struct {
		name     string
		lim      *message.Limits
		at, over string
		status   int
		offset   int
		reason   string
	}{
		{"default line", nil, requestLine(line8k) + "Host: h\r\n",
			requestLine(line8k+1) + "Host: h\r\n", 414, line8k, message.ReasonLineLimit},
		{"line", &message.Limits{Line: 14}, requestLine(14) + "Host: h\r\n",
			requestLine(15) + "Host: h\r\n", 414, 14, message.ReasonLineLimit},
		{"line after empty lines", &message.Limits{Line: 14},
			"\r\n" + requestLine(14) + "Host: h\r\n", "\r\n" + requestLine(15) + "Host: h\r\n", 414,
			16, message.ReasonLineLimit},
		{"default fields", nil, get + fieldBytes(fields32k), get + fieldBytes(fields32k+1), 431,
			len(get) + fields32k, message.ReasonFieldLimit},
		{"fields", &message.Limits{Fields: 20}, get + fieldBytes(20), get + fieldBytes(21), 431,
			len(get) + 20, message.ReasonFieldLimit},
		{"default count", nil, geth + strings.Repeat("a: b\r\n", fields128-1),
			geth + strings.Repeat("a: b\r\n", fields128), 431, len(geth) + 6*(fields128-1),
			message.ReasonCountLimit},
		{"count", &message.Limits{Count: 2}, geth + "a: b\r\n", geth + "a: b\r\nc: d\r\n", 431,
			len(geth) + 6, message.ReasonCountLimit},
		{"negative means default", &message.Limits{Line: -1, Fields: -1, Count: -1},
			requestLine(line8k) + "Host: h\r\n", requestLine(line8k+1) + "Host: h\r\n", 414, line8k,
			message.ReasonLineLimit},
	} {
		if _, verdict, err := readHead(c.at+"\r\n", c.lim); verdict != Done {
			t.Errorf("%s, at the limit: %d %v", c.name, verdict, err)
		}
		want := fault(c.status, c.offset, c.reason)
		if _, verdict, err := readHead(c.over+"\r\n", c.lim); verdict != Bad || err != want {
			t.Errorf("%s, one over: %d %v, want %v", c.name, verdict, err, want)
		}
	}
}

// Where a fault and the end of what is allowed show in the same byte, it is the limit that is told.
func TestLimitBeforeFault(t *testing.T) {
	for _, c := range []struct {
		in        string
		lim       message.Limits
		at, after message.Error // with the limit at the faulty byte, and one after it
	}{
		{"GET /\x00", message.Limits{Line: 5}, fault(414, 5, message.ReasonLineLimit),
			fault(400, 5, message.ReasonTargetByte)},
		{get + "a:b\x00", message.Limits{Fields: 3},
			fault(431, len(get)+3, message.ReasonFieldLimit),
			fault(400, len(get)+3, message.ReasonValueByte)},
		{get + "a\x00", message.Limits{Fields: 1}, fault(431, len(get)+1, message.ReasonFieldLimit),
			fault(400, len(get)+1, message.ReasonName)},
	} {
		if _, verdict, err := readHead(c.in, &c.lim); verdict != Bad || err != c.at {
			t.Errorf("%q with %+v: %d %v, want %v", c.in, c.lim, verdict, err, c.at)
		}
		wider := message.Limits{Line: c.lim.Line + 1, Fields: c.lim.Fields + 1}
		if c.lim.Line == 0 {
			wider.Line = 0
		}
		if _, verdict, err := readHead(c.in, &wider); verdict != Bad || err != c.after {
			t.Errorf("%q with %+v: %d %v, want %v", c.in, wider, verdict, err, c.after)
		}
	}
}

// Head keeps the places of fields in 16 bits.
func TestMostFieldsThereCanBe(t *testing.T) {
	lim := &message.Limits{Fields: 1 << 20, Count: 1 << 20}
	in := get + strings.Repeat("a: b\r\n", 65534) + "Host: h\r\n"
	h, verdict, err := readHead(in+"\r\n", lim)
	host, ok := h.FindKnown(message.Host)
	if verdict != Done || !ok || string(host.Of([]byte(in))) != "h" {
		t.Errorf("65,535 fields: %d %v, Host found is %v", verdict, err, ok)
	}
	want := fault(431, len(in), message.ReasonCountLimit)
	if _, verdict, err := readHead(in+"a: b\r\n\r\n", lim); verdict != Bad || err != want {
		t.Errorf("65,536 fields: %d %v, want %v", verdict, err, want)
	}
}

// A limit is told when it is exceeded, not when the line or the head ends, which may never be.
func TestLimitsWithoutTheEnd(t *testing.T) {
	for _, c := range []struct {
		name, in string
		lim      message.Limits
		want     message.Error
	}{
		{"method", strings.Repeat("M", 11), message.Limits{Line: 10},
			fault(414, 10, message.ReasonLineLimit)},
		{"path", "GET /aaaaaa", message.Limits{Line: 10}, fault(414, 10, message.ReasonLineLimit)},
		{"query", "GET /?aaaaa", message.Limits{Line: 10}, fault(414, 10, message.ReasonLineLimit)},
		{"version", "GET / HTTP/", message.Limits{Line: 10},
			fault(414, 10, message.ReasonLineLimit)},
		{"name", get + "abcdefghijk", message.Limits{Fields: 10},
			fault(431, len(get)+10, message.ReasonFieldLimit)},
		{"value", get + "a:bcdefghij", message.Limits{Fields: 10},
			fault(431, len(get)+10, message.ReasonFieldLimit)},
		{"second line", get + "a: b\r\nc: d\r", message.Limits{Fields: 10},
			fault(431, len(get)+10, message.ReasonFieldLimit)},
		{"count", get + "a: b\r\nc", message.Limits{Count: 1},
			fault(431, len(get)+6, message.ReasonCountLimit)},
	} {
		if _, verdict, err := readHead(c.in, &c.lim); verdict != Bad || err != c.want {
			t.Errorf("%s: %q: %d %v, want %v", c.name, c.in, verdict, err, c.want)
		}
		if _, verdict, err := readHead(c.in[:len(c.in)-1], &c.lim); verdict != More {
			t.Errorf("%s: %q: %d %v, want More", c.name, c.in[:len(c.in)-1], verdict, err)
		}
	}
}

func TestEmptyLinesLimit(t *testing.T) {
	four := strings.Repeat("\r\n", 4)
	if _, verdict, err := readHead(four, nil); verdict != More {
		t.Errorf("four empty lines: %d %v", verdict, err)
	}
	want := fault(400, 8, reasonEmptyLines)
	if _, verdict, err := readHead(four+"\r\n", nil); verdict != Bad || err != want {
		t.Errorf("five empty lines: %d %v, want %v", verdict, err, want)
	}
}
