package lwantest

import (
	"bufio"
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// Events reads server-sent events from a body, as they come, in the way that browsers do (WHATWG
// HTML, section 9.2.6). It ends with r, or with the loop that ranges over it; lines that no blank
// line ends are no event.
//
//   - Name is "" where the stream names no event; a browser calls that one "message".
//   - ID is what a browser would send as Last-Event-ID: one that was set counts for later events
//     too.
//   - Retry belongs to the stream and not to an event: it is given with the event that comes next.
//   - Comments, and fields that nobody knows, are skipped. An event without data is none.
//
// Unlike in browsers, bytes that are not UTF-8 stay as they are.
func Events(r io.Reader) iter.Seq[lwan.Event] {
	return func(yield func(lwan.Event) bool) {
		p := eventParser{}
		for line := range eventLines(r) {
			if ev, ok := p.line(line); ok && !yield(ev) {
				return
			}
		}
	}
}

// eventParser is an event under way.
type eventParser struct {
	id    string // of the stream
	name  string
	data  strings.Builder // each line with a line feed behind it
	retry time.Duration
}

// line takes one line without its end, and reports whether it has ended an event.
func (p *eventParser) line(line string) (ev lwan.Event, ok bool) {
	if line == "" {
		return p.dispatch()
	}
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch name { // "" is a comment
	case "event":
		p.name = value
	case "data":
		p.data.WriteString(value)
		p.data.WriteByte('\n')
	case "id":
		if !strings.Contains(value, "\x00") {
			p.id = value
		}
	case "retry":
		ms, err := strconv.ParseUint(value, 10, 64)
		if err == nil || errors.Is(err, strconv.ErrRange) {
			p.retry = saturate(ms)
		}
	}
	return ev, false
}

// saturate makes a duration of a number of milliseconds that may be too large for one.
func saturate(ms uint64) time.Duration {
	const most = time.Duration(1<<63 - 1)
	if ms > uint64(most/time.Millisecond) {
		return most
	}
	return time.Duration(ms) * time.Millisecond
}

func (p *eventParser) dispatch() (ev lwan.Event, ok bool) {
	if p.data.Len() == 0 {
		p.name = ""
		return ev, false
	}
	ev = lwan.Event{
		ID: p.id, Name: p.name, Data: strings.TrimSuffix(p.data.String(), "\n"), Retry: p.retry,
	}
	p.name, p.retry = "", 0
	p.data.Reset()
	return ev, true
}

// eventLines yields the lines of r, without their ends: CR, LF or both. A line is yielded when its
// end was read, and not when it is known whether the CR that ended it has an LF behind it: the next
// byte may be long in coming.
func eventLines(r io.Reader) iter.Seq[string] {
	return func(yield func(string) bool) {
		in := bufio.NewReader(r)
		var line []byte
		var last byte
		for first := true; ; {
			c, err := in.ReadByte()
			switch {
			case err != nil:
				return
			case c == '\n' && last == '\r':
			case c == '\n', c == '\r':
				if first {
					line, first = []byte(strings.TrimPrefix(string(line), "\uFEFF")), false
				}
				if !yield(string(line)) {
					return
				}
				line = line[:0]
			default:
				line = append(line, c)
			}
			last = c
		}
	}
}
