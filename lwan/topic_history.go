package lwan

import (
	"iter"
	"strings"
	"sync/atomic"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// wire is an event as it goes out: made once, never changed, shared by all. Subscribers hold the
// last one that they were sent, and go on from there by next; one that nobody holds any more is
// left to the collector.
type wire struct {
	id       string
	chunk    []byte // for HTTP/1.1: a chunk of the chunked coding
	from, to int    // the event itself in chunk
	total    int64  // bytes published with this one
	next     atomic.Pointer[wire]
	frames   atomic.Pointer[[]byte] // for WebSockets; nil: nobody has asked for them
	namesake *wire                  // the next one that is kept with the same ID, or nil
	gap      bool                   // it is no event, but says that some are missing: Event.Gap
}

func newWire(event []byte) *wire {
	w := &wire{chunk: http1.AppendChunkHead(make([]byte, 0, len(event)+12), len(event))}
	w.from = len(w.chunk)
	w.chunk = append(append(w.chunk, event...), "\r\n"...)
	w.to = len(w.chunk) - 2
	return w
}

// bytes is the event in a form.
func (w *wire) bytes(form transport.Form) []byte {
	switch form {
	case transport.Chunk:
		return w.chunk
	case transport.Message:
		return w.messages()
	}
	return w.chunk[w.from:w.to]
}

// messages is the data of the event in a frame, or those of several; empty if it has none.
func (w *wire) messages() []byte {
	if b := w.frames.Load(); b != nil {
		return *b
	}
	var b []byte
	for data := range eventData(string(w.chunk[w.from:w.to])) {
		b = wsframe.AppendFrame(b, wsframe.Text, []byte(data))
	}
	w.frames.Store(&b)
	return b
}

// eventData yields the data of the events in a stream that is ours, as a browser would see it
// (WHATWG HTML, section 9.2.6).
func eventData(stream string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var lines []string
		for line := range strings.SplitSeq(stream, "\n") {
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				lines = append(lines, data)
			}
			if line == "" && lines != nil {
				if !yield(strings.ToValidUTF8(strings.Join(lines, "\n"), "\uFFFD")) {
					return
				}
				lines = nil
			}
		}
	}
}

// size is the length of the event itself.
func (w *wire) size() int { return w.to - w.from }

var heartbeatWire = newWire([]byte(":\n\n"))

// history is the events that a topic keeps, found by their IDs.
//
//	          | kept for replay: at most most           |
//	oldest ──▶ wire ──▶ wire ──▶ wire ──▶ ... ──▶ tail ──▶ nil
//
// oldest is kept for its ID alone: a client that has got that one has to be sent all others. At
// first it is a sentinel, which is no event and stands for the beginning. A topic without Replay
// has one wire, which is both, and no map.
type history struct {
	most   int
	n      int // behind oldest
	oldest *wire
	tail   *wire
	byID   map[string]namesakes
}

// namesakes are the wires with one ID. IDs should differ, but a broker may deliver an event twice:
// a client that comes back goes on behind the first, for what lies between the two may be new to
// it.
type namesakes struct{ first, last *wire }

// begin makes the history of a topic without events. start is the ID of its beginning.
func (h *history) begin(most int, start string) {
	h.most = max(most, 0)
	h.tail = &wire{id: start}
	h.oldest = h.tail
	if h.most > 0 {
		h.byID = map[string]namesakes{start: {h.tail, h.tail}}
	}
}

// add makes w the newest.
func (h *history) add(w *wire) {
	if h.most == 0 {
		h.tail.next.Store(w)
		h.tail, h.oldest = w, w
		return
	}
	same, ok := h.byID[w.id]
	if ok {
		same.last.namesake = w
		same.last = w
	} else {
		same = namesakes{w, w}
	}
	h.byID[w.id] = same
	h.tail.next.Store(w)
	h.tail = w
	if h.n++; h.n > h.most {
		h.forget()
	}
}

// restart makes w the newest, and nothing is kept of what was before.
func (h *history) restart(w *wire) {
	h.add(w)
	for h.oldest != w {
		h.forget()
	}
}

// forget lets go of oldest, which is the first of its ID.
func (h *history) forget() {
	w := h.oldest
	h.oldest = w.next.Load()
	h.n--
	if w.namesake == nil {
		delete(h.byID, w.id)
		return
	}
	same := h.byID[w.id]
	same.first = w.namesake
	h.byID[w.id] = same
	w.namesake = nil
}

// find returns the event with that ID, to go on behind it. One that is not kept any more, or was
// never published, is not found: then the newest is. "" is a client that does not ask.
func (h *history) find(id string) (*wire, bool) {
	if id == "" {
		return h.tail, true
	}
	if same, ok := h.byID[id]; ok {
		return same.first, true
	}
	return h.tail, id == h.tail.id
}

// bytes is how much is kept for replay.
func (h *history) bytes() int64 { return h.tail.total - h.oldest.total }
