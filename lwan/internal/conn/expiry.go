//go:build linux

package conn

// wheel holds the connections that wait without a worker, by the second in which they must be
// looked at. It is made of intrusive lists: the links are in the slots, so an entry costs nothing.
//
// A connection that is used again only gets a later slot.die (its own cache line, nothing else is
// touched); the sweep that finds it in its old bucket hangs it into the right one. So an idle
// connection is looked at once per timeout, whatever its traffic. A deadline that moves forward
// relinks at once.
type wheel struct {
	slots []slot
	heads [wheelSize]int32 // first descriptor of each bucket, or -1
	swept uint32           // every bucket up to this second is empty of what is due
	count int
}

// wheelSize is a power of two. A deadline farther off than the wheel is long is looked at once a
// revolution.
const wheelSize = 256

func (q *wheel) init(slots []slot) {
	q.slots = slots
	for i := range q.heads {
		q.heads[i] = -1
	}
}

// arm lets the connection expire at second die. A connection is in one bucket at a time.
func (q *wheel) arm(fd int32, die uint32) {
	s := &q.slots[fd]
	s.die = die
	if s.bucket != noBucket {
		if !earlier(die, q.second(s.bucket)) {
			return
		}
		q.disarm(fd)
	}
	q.link(fd, die)
}

// second is the next second in which bucket b is swept.
func (q *wheel) second(b uint16) uint32 {
	return q.swept + 1 + (uint32(b)-(q.swept+1))&(wheelSize-1)
}

// earlier compares seconds of a clock that may wrap.
func earlier(a, b uint32) bool { return int32(a-b) < 0 }

func (q *wheel) link(fd int32, die uint32) {
	if !earlier(q.swept, die) {
		die = q.swept + 1
	}
	if die-q.swept > wheelSize {
		die = q.swept + wheelSize
	}
	b := uint16(die & (wheelSize - 1))
	s := &q.slots[fd]
	s.bucket, s.prev, s.next = b, -1-int32(b), q.heads[b]
	if s.next >= 0 {
		q.slots[s.next].prev = fd
	}
	q.heads[b] = fd
	q.count++
}

// disarm takes the connection out; one that is in no bucket is left alone.
func (q *wheel) disarm(fd int32) {
	s := &q.slots[fd]
	if s.bucket == noBucket {
		return
	}
	if s.prev < 0 {
		q.heads[-1-s.prev] = s.next
	} else {
		q.slots[s.prev].next = s.next
	}
	if s.next >= 0 {
		q.slots[s.next].prev = s.prev
	}
	s.bucket = noBucket
	q.count--
}

// inOrder visits the connections, those whose time comes first at first, until visit returns false.
// What is found in a bucket that its time has left behind is hung into the right one. visit may
// disarm the connection that it was given.
func (q *wheel) inOrder(visit func(fd int32) bool) {
	last := q.swept + wheelSize
	for second := q.swept + 1; second != last+1; second++ {
		for fd := q.heads[second&(wheelSize-1)]; fd >= 0; {
			s := &q.slots[fd]
			this := fd
			fd = s.next
			if second != last && earlier(second, s.die) {
				q.disarm(this)
				q.link(this, s.die)
				continue
			}
			if !visit(this) {
				return
			}
		}
	}
}

// sweep calls expire for each connection whose time has come, up to second now. Those that have
// been used since are hung into a later bucket. expire may disarm any connection, and arm for later
// than now.
func (q *wheel) sweep(now uint32, expire func(fd int32)) {
	if now-q.swept > wheelSize { // after a long sleep one revolution sees all
		q.swept = now - wheelSize
	}
	for earlier(q.swept, now) {
		b := uint16((q.swept + 1) & (wheelSize - 1))
		for q.heads[b] >= 0 {
			fd := q.heads[b]
			q.disarm(fd)
			if die := q.slots[fd].die; earlier(now, die) {
				q.link(fd, die)
			} else {
				expire(fd)
			}
		}
		q.swept++
	}
}
