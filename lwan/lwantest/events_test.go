package lwantest

import (
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/golwan/golwan/lwan"
)

func TestEvents(t *testing.T) {
	for _, tt := range []struct {
		name, stream string
		want         []lwan.Event
	}{
		{"nothing", "", nil},
		{"one", "data: x\n\n", []lwan.Event{{Data: "x"}}},
		{"not ended", "data: x\n\ndata: y\n", []lwan.Event{{Data: "x"}}},
		{"last line not ended", "data: x\n\ndata: y", []lwan.Event{{Data: "x"}}},
		{"name", "event: add\ndata: x\n\ndata: y\n\n",
			[]lwan.Event{{Name: "add", Data: "x"}, {Data: "y"}}},
		{"last name counts", "event: a\nevent: b\ndata: x\n\n",
			[]lwan.Event{{Name: "b", Data: "x"}}},
		{"lines", "data: x\ndata:\ndata: y\n\n", []lwan.Event{{Data: "x\n\ny"}}},
		{"empty data", "data\n\ndata:\n\ndata\ndata\n\n", []lwan.Event{{}, {}, {Data: "\n"}}},
		{"no data", "event: a\nid: 1\n\ndata: x\n\n", []lwan.Event{{ID: "1", Data: "x"}}},
		{"blank lines", "\n\n\ndata: x\n\n\n\n", []lwan.Event{{Data: "x"}}},
		{"one blank goes", "data:x\ndata: x\ndata:  x\ndata: \tx\n\n",
			[]lwan.Event{{Data: "x\nx\n x\n\tx"}}},
		{"colons", "data: a:b\ndata::\n\n", []lwan.Event{{Data: "a:b\n:"}}},
		{"comments", ": hi\n:\ndata: x\n:x\n\n:\n\n", []lwan.Event{{Data: "x"}}},
		{"unknown", "foo: x\ndata2: x\nData: x\n data: x\ndata : x\n\n", nil},
		{"id stays", "id: 1\ndata: x\n\ndata: y\n\nid: 2\ndata: z\n\n",
			[]lwan.Event{{ID: "1", Data: "x"}, {ID: "1", Data: "y"}, {ID: "2", Data: "z"}}},
		{"id is reset", "id: 1\ndata: x\n\nid\ndata: y\n\n",
			[]lwan.Event{{ID: "1", Data: "x"}, {Data: "y"}}},
		{"id with NUL", "id: 1\ndata: x\n\nid: 2\x00\ndata: y\n\n",
			[]lwan.Event{{ID: "1", Data: "x"}, {ID: "1", Data: "y"}}},
		{"retry", "retry: 1500\n\ndata: x\n\ndata: y\n\n",
			[]lwan.Event{{Data: "x", Retry: 1500 * time.Millisecond}, {Data: "y"}}},
		{"bad retry", "retry: 1s\nretry: -1\nretry: +1\nretry:\nretry: 1_0\nretry:  5\nretry: " +
			"١\ndata: x\n\n", []lwan.Event{{Data: "x"}}},
		{"long retry",
			"retry: 99999999999999999999999\ndata: x\n\nretry: 9223372036855\ndata: y\n\n",
			[]lwan.Event{{Data: "x", Retry: 1<<63 - 1}, {Data: "y", Retry: 1<<63 - 1}}},
		{"CR", "data: x\rdata: y\r\rdata: z\r\r", []lwan.Event{{Data: "x\ny"}, {Data: "z"}}},
		{"CRLF", "data: x\r\ndata: y\r\n\r\ndata: z\r\n\r\n",
			[]lwan.Event{{Data: "x\ny"}, {Data: "z"}}},
		{"mixed ends", "data: x\r\n\ndata: y\n\rdata: z\r\rdata: 1\n\r\n",
			[]lwan.Event{{Data: "x"}, {Data: "y"}, {Data: "z"}, {Data: "1"}}},
		{"byte order mark", "\uFEFFdata: x\n\n\uFEFFdata: y\n\ndata: \uFEFFz\n\n",
			[]lwan.Event{{Data: "x"}, {Data: "\uFEFFz"}}},
		{"two marks", "\uFEFF\uFEFFdata: x\n\n", nil},
		{"mark and CRLF", "\uFEFF\r\ndata: x\r\n\r\n", []lwan.Event{{Data: "x"}}},
		{"not UTF-8", "data: \xff\x00\n\n", []lwan.Event{{Data: "\xff\x00"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.Collect(Events(strings.NewReader(tt.stream)))
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			got = slices.Collect(Events(iotest.OneByteReader(strings.NewReader(tt.stream))))
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("byte by byte: %+v, want %+v", got, tt.want)
			}
		})
	}
}

// An event is there as soon as its blank line is, also if that may be the first half of a CRLF.
func TestEventsAtOnce(t *testing.T) {
	for _, end := range []string{"\n\n", "\r\r", "\r\n\r\n", "\r\n\r"} {
		in, out := io.Pipe()
		next := make(chan bool)
		go func() {
			for range next {
				if _, err := io.WriteString(out, "data: x"+end); err != nil {
					t.Error(err)
				}
			}
			out.Close()
		}()
		n := 0
		next <- true
		for range Events(in) {
			if n++; n == 3 { // nothing was written beyond the third
				close(next)
				break
			}
			next <- true
		}
		in.Close()
	}
}

// What a handler sends is what a test reads.
func TestEventsOfHandler(t *testing.T) {
	sent := []lwan.Event{
		{ID: "1", Name: "add", Data: "one"},
		{ID: "2", Data: "two\nlines\n", Retry: time.Second},
		{ID: "3", Name: "empty"},
		{ID: "4"}, // tells the client where it is, and no browser fires it
	}
	got := Get(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		ev := resp.Events()
		for _, e := range sent {
			if err := ev.Comment("between"); err != nil {
				return resp.Fail(err)
			}
			if err := ev.Send(e); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	}, "/")
	want := sent[:3]
	if read := slices.Collect(Events(strings.NewReader(got.Body))); !reflect.DeepEqual(read, want) {
		t.Errorf("%+v", read)
	}
}

// naiveEvents does the same with everything in memory, step by step as the specification words it.
func naiveEvents(stream string) (events []lwan.Event) {
	stream = strings.TrimPrefix(stream, "\uFEFF")
	stream = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(stream)
	lines := strings.Split(stream, "\n")
	var data []string
	var ev lwan.Event
	for _, line := range lines[:len(lines)-1] {
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if data != nil {
				ev.Data = strings.Join(data, "\n")
				events = append(events, ev)
				ev.Retry = 0
			}
			data, ev.Name = nil, ""
		case field == "event":
			ev.Name = value
		case field == "data":
			data = append(data, value)
		case field == "id" && strings.Count(value, "\x00") == 0:
			ev.ID = value
		case field == "retry" && value != "" && strings.Trim(value, "0123456789") == "":
			if ms, err := strconv.ParseFloat(value, 64); err == nil && ms < 9e12 {
				ev.Retry = time.Duration(ms) * time.Millisecond
			} else {
				ev.Retry = 1<<63 - 1
			}
		}
	}
	return events
}

func FuzzEvents(f *testing.F) {
	for _, s := range []string{
		"data: x\n\n", "\uFEFFid: 1\rdata: a\r\ndata:b\n\r\n", "retry: 10\n\nevent: e\ndata\n\n",
		":c\nid:\x00\nid\ndata:  \n\n\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		got := slices.Collect(Events(strings.NewReader(stream)))
		if want := naiveEvents(stream); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", stream, got, want)
		}
		split := slices.Collect(Events(iotest.HalfReader(strings.NewReader(stream))))
		if !reflect.DeepEqual(got, split) {
			t.Errorf("%q in halves: %+v, want %+v", stream, split, got)
		}
	})
}
