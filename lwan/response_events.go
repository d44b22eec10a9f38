package lwan

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Event is one server-sent event (WHATWG HTML, section 9.2). Data may have several lines, ended by
// LF, CRLF or CR; browsers fire an event whose Data is empty, too. Only one that has an ID or a
// Retry, and neither Name nor Data, is not fired: it sets at the client what it comes back with,
// and when.
type Event struct {
	ID, Name, Data string
	// how long a client shall wait before it connects again; 0: not said
	Retry time.Duration
	// for Topic: others are missing before this one, so that subscribers are sent Subscription.Gap
	// first, now and when they come back with an older ID; with nothing else it is only that
	Gap bool
}

// JSONEvent makes an event whose data is v in JSON, as encoding/json writes it. The error is that of
// json.Marshal.
func JSONEvent(name string, v any) (Event, error) {
	b, err := json.Marshal(v)
	return Event{Name: name, Data: string(b)}, err
}

// RenderEvent makes an event whose data is what v renders, a piece of a page for example:
// lwan.RenderEvent("entry", entry.With(data)). The error is that of v.
func RenderEvent(name string, v Renderable) (Event, error) {
	var b strings.Builder
	err := v.RenderTo(&b)
	return Event{Name: name, Data: b.String()}, err
}

// errEventField is an ID or name that would end its line.
var errEventField = errors.New("lwan: an event's ID and name must not contain line breaks, the " +
	"ID no NUL")

// check reports what cannot be sent.
func (ev *Event) check() error {
	if strings.ContainsAny(ev.ID, "\r\n\x00") || strings.ContainsAny(ev.Name, "\r\n") {
		return errEventField
	}
	return nil
}

// isBare reports whether the event has nothing that a client could be fired an event for.
func (ev *Event) isBare() bool { return ev.Name == "" && ev.Data == "" }

// appendTo appends the event as it goes over the wire.
func (ev *Event) appendTo(b []byte) ([]byte, error) {
	return ev.append(b, !ev.isBare() || ev.Retry == 0 && ev.ID == "")
}

// append is appendTo for one that is to be fired, or not. A browser fires events that have a data
// line, even an empty one, and no others (WHATWG HTML, section 9.2.6).
func (ev *Event) append(b []byte, fired bool) ([]byte, error) {
	if err := ev.check(); err != nil {
		return b, err
	}
	if ev.ID != "" {
		b = append(append(append(b, "id: "...), ev.ID...), '\n')
	}
	if ev.Name != "" {
		b = append(append(append(b, "event: "...), ev.Name...), '\n')
	}
	if ev.Retry > 0 {
		b = append(strconv.AppendInt(append(b, "retry: "...), ev.Retry.Milliseconds(), 10), '\n')
	}
	if fired {
		b = appendLines(b, "data: ", ev.Data)
	}
	return append(b, '\n'), nil
}

// appendLines appends each line of s behind prefix.
func appendLines(b []byte, prefix, s string) []byte {
	for {
		i := strings.IndexAny(s, "\r\n")
		if i < 0 {
			return append(append(append(b, prefix...), s...), '\n')
		}
		b = append(append(append(b, prefix...), s[:i]...), '\n')
		if s[i] == '\r' && i+1 < len(s) && s[i+1] == '\n' {
			i++
		}
		s = s[i+1:]
	}
}

// Events is a stream of server-sent events, made by Response.Events. While the handler waits, also
// for a function of Await, comments are sent as heartbeats, so that proxies and clients see that
// the stream lives. It ends with the client, or when the server drains: then the client is told to
// come back in 3 s. The answer to HEAD ends with its head: sending and waiting return
// ErrBodyNotAllowed.
type Events struct {
	resp      *Response
	heartbeat time.Duration
	buf       []byte
	unsent    error // of the head, to be returned once
}

const defaultHeartbeat = 15 * time.Second

// comeBack is what a stream that ends for draining sends last: when the client shall connect again.
var comeBack = []byte("retry: 3000\n\n")

// Events makes the answer a stream of events and sends its head. Further calls return the same
// stream. An error of sending the head is that of the first Send.
func (r *Response) Events() *Events {
	r.mustLive()
	if r.events != nil {
		return r.events
	}
	r.events = &Events{
		resp: r, heartbeat: orPause(r.req.table.core.srv.Heartbeat, defaultHeartbeat),
	}
	r.SetContentType("text/event-stream")
	r.SetHeader("Cache-Control", "no-cache, no-transform")
	r.SetHeader("X-Accel-Buffering", "no") // nginx would hold the events back
	r.req.endsWithDraining()
	r.events.unsent = r.SendHead(StatusOK)
	return r.events
}

// Send sends one event, and parks while the client is slow. A line break in its name or ID, or a NUL
// in its ID, is an error, and nothing is sent; other errors say that the stream is over.
func (e *Events) Send(ev Event) error {
	b, err := ev.appendTo(e.buf[:0])
	e.buf = b
	if err != nil {
		return err
	}
	return e.write(b)
}

// Comment sends a comment, which clients ignore.
func (e *Events) Comment(s string) error {
	e.buf = append(appendLines(e.buf[:0], ": ", s), '\n')
	return e.write(e.buf)
}

func (e *Events) write(b []byte) error {
	e.resp.mustLive()
	if err := e.resp.enter(); err != nil {
		return err
	}
	defer e.resp.term.leave()
	// its handler has returned: the response is another request's, or in no use
	if e.resp.events != e {
		return ErrForeign
	}
	if err := e.unsent; err != nil {
		e.unsent = nil
		return err
	}
	if cause := e.resp.req.cancelled(); cause != nil {
		return e.resp.wait(func() error { return cause })
	}
	if _, err := e.resp.Write(b); err != nil {
		return err
	}
	return e.resp.Flush()
}

// LastID is the Last-Event-ID that a client sends when it comes back; "" at its first visit.
func (e *Events) LastID() string { return e.resp.req.Header("Last-Event-ID") }

// SetHeartbeat changes the pause after which a comment is sent; negative: none.
func (e *Events) SetHeartbeat(d time.Duration) { e.heartbeat = orPause(d, defaultHeartbeat) }

// beat sends a heartbeat.
func (e *Events) beat() error { return e.write([]byte(":\n\n")) }
