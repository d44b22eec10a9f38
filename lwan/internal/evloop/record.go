//go:build linux

package evloop

// record holds the Go objects of a connection that is more than idle: parked, driven by a guest, or in the middle of a
// request head. An idle connection has none.
type record struct {
	conn  *Conn
	guest Guest
	kept  any   // the protocol's beginning of a request
	next  int32 // in the free list
}

// records is a loop's table of them with its free list. They are allocated in pages, so that a record never moves.
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
			t.at(i).next, t.free = t.free, i+1
		}
	}
	i := t.free - 1
	r := t.at(i)
	t.free, r.next = r.next, 0
	t.used++
	return i
}

func (t *records) put(i int32) {
	r := t.at(i)
	*r = record{next: t.free}
	t.free = i + 1
	t.used--
}

// record returns the connection's record, made when it has none.
func (l *Loop) record(s *slot) *record {
	if s.rec < 0 {
		s.rec = l.records.take()
	}
	return l.records.at(s.rec)
}

// dropRecord gives the connection's record back, if it has one.
func (l *Loop) dropRecord(s *slot) {
	if s.rec >= 0 {
		l.records.put(s.rec)
		s.rec = -1
	}
}

// attach makes the loop find c by its slot. It is done when c's worker parks: until then no event can ask for it.
func (l *Loop) attach(c *Conn) {
	if c.open() {
		l.record(c.slot).conn = c
	}
}

// Keep stores what the protocol has of an incomplete request until more of it comes; nil forgets it.
func (c *Conn) Keep(v any) {
	if !c.open() || v == nil && c.slot.rec < 0 {
		return
	}
	c.loop.record(c.slot).kept = v
}

// Kept returns what Keep stored, and takes it back.
func (c *Conn) Kept() any {
	if !c.open() || c.slot.rec < 0 {
		return nil
	}
	r := c.loop.records.at(c.slot.rec)
	v := r.kept
	r.kept = nil
	return v
}

// ExpireAfter gives the connection seconds to live without being served, from now on and up to one more: call it last,
// before Serve returns Idle. A time that passes while the connection is served has no effect. 0: it lives for ever.
func (c *Conn) ExpireAfter(seconds uint32) {
	switch {
	case !c.open():
		return
	case seconds == 0:
		c.loop.wheel.disarm(c.fd)
		return
	}
	c.loop.wheel.arm(c.fd, c.loop.secondAfter(seconds))
}

// SetGuest names who drives the connection after Serve returns Hand.
func (c *Conn) SetGuest(g Guest) {
	if c.open() {
		c.loop.record(c.slot).guest = g
	}
}

// readyItem is a connection or a worker that waits for its next turn.
type readyItem struct {
	fd  int32
	gen uint32
	wt  waiter
}

// readyQueue is a ring.
type readyQueue struct {
	items   []readyItem
	head, n int
}

func (q *readyQueue) len() int { return q.n }

func (q *readyQueue) push(it readyItem) {
	if q.n == len(q.items) {
		grown := make([]readyItem, max(16, 2*q.n))
		for i := range q.n {
			grown[i] = q.items[(q.head+i)%len(q.items)]
		}
		q.items, q.head = grown, 0
	}
	q.items[(q.head+q.n)%len(q.items)] = it
	q.n++
}

func (q *readyQueue) pop() readyItem {
	it := q.items[q.head]
	q.items[q.head] = readyItem{}
	q.head = (q.head + 1) % len(q.items)
	q.n--
	return it
}
