//go:build linux

package conn

import (
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// record holds the Go objects of a connection that is more than idle: waited for, driven by a
// session, in the middle of a request head, or with a Layer. An idle connection without a Layer has
// none, and one that is served gets it when its worker waits: until then no event can ask for it.
type record struct {
	at       *waits // where tasks wait for it; nil: none has
	what     any    // session: the transport.Session; else what the protocol keeps of a request
	pipe     *pipe  // of the session
	layer    *layered
	nextFree int32 // in the free list: index + 1
	untold   bool  // the session waits for its first Ready
	expired  bool  // and for a call of Expired
	deaf     bool  // StopReading was called
}

// waits is where tasks wait for a connection. It is in the seat of the worker that serves it, so a
// session's record has none.
type waits struct {
	task    *loop.Task // of that worker; nil: none serves it. Of a held one: see Alarm
	in, out loop.Gate  // for bytes, and for room to write
}

// open lets go on who waits.
func (at *waits) open() {
	at.in.Open()
	at.out.Open()
}

// session is who drives the connection.
func (r *record) session() transport.Session {
	ses, _ := r.what.(transport.Session)
	return ses
}

// records is a loop's table of them with its free list. They are allocated in pages, so that a
// record never moves.
type records struct {
	pages [][]record
	free  int32 // index + 1
	used  int
}

const recordPage = 64

func (t *records) at(i int32) *record { return &t.pages[i/recordPage][i%recordPage] }

func (t *records) take() int32 {
	if t.free == 0 {
		base := int32(len(t.pages) * recordPage)
		t.pages = append(t.pages, make([]record, recordPage))
		for i := base + recordPage - 1; i >= base; i-- {
			t.at(i).nextFree, t.free = t.free, i+1
		}
	}
	i := t.free - 1
	r := t.at(i)
	t.free, r.nextFree = r.nextFree, 0
	t.used++
	return i
}

func (t *records) put(i int32) {
	r := t.at(i)
	*r = record{nextFree: t.free}
	t.free = i + 1
	t.used--
}

// record returns the connection's record, made when it has none.
func (set *Set) record(s *slot) *record {
	set.loop.MustOwn()
	if s.rec < 0 {
		s.rec = set.records.take()
	}
	return set.records.at(s.rec)
}

// dropRecord gives the connection's record back, if it has one. Whoever waits at its gates finds
// out what has become of the connection.
func (set *Set) dropRecord(s *slot) {
	set.loop.MustOwn()
	if s.rec < 0 {
		return
	}
	if at := set.records.at(s.rec).at; at != nil {
		at.open()
	}
	set.records.put(s.rec)
	s.rec = -1
}

// freeRecord takes back what belonged to the worker that has served the connection.
func (set *Set) freeRecord(s *slot) {
	if s.rec < 0 {
		return
	}
	r := set.records.at(s.rec)
	if r.at = nil; r.what == nil && r.layer == nil {
		set.dropRecord(s)
	}
}

// atRest reports whether nothing is under way: nothing was read yet, or all that was is answered.
// So it may be closed where that is of use.
func (set *Set) atRest(s *slot) bool {
	switch s.state {
	case slotFresh, slotIdle:
		return s.rec < 0 || set.records.at(s.rec).what == nil
	case slotLinger:
		return true
	}
	return false
}

// Keep stores what the protocol has of an incomplete request until more of it comes; nil forgets
// it.
func (c Conn) Keep(v any) {
	s := c.slot()
	if s == nil || v == nil && s.rec < 0 {
		return
	}
	c.set.record(s).what = v
}

// Kept returns what Keep stored, and takes it back.
func (c Conn) Kept() any {
	s := c.slot()
	if s == nil || s.rec < 0 {
		return nil
	}
	r := c.set.records.at(s.rec)
	v := r.what
	r.what = nil
	return v
}

// Expire gives the connection seconds to live without being served, from now on and up to one more:
// call it last, before Serve returns Idle. A time that passes while the connection is served has no
// effect. 0: it lives for ever. A session is told of the end of its time.
func (c Conn) Expire(seconds uint32) {
	c.set.loop.MustOwn()
	s := c.slot()
	if s == nil {
		return
	}
	if s.state == slotSession {
		c.set.records.at(s.rec).expired = false
	}
	switch {
	case seconds == 0:
		c.set.wheel.disarm(c.fd)
	default:
		c.set.wheel.arm(c.fd, c.set.secondAfter(seconds))
	}
}
