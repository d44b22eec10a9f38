//go:build linux

package loop

import "time"

// Timer is an entry of a loop's timer heap. The zero value is not set. It belongs to the loop: only
// code on it may set or stop a timer.
type Timer struct {
	when int64 // nanoseconds of the engine's clock
	pos  int32 // index in the heap + 1; 0: not set
	Fire func()
}

// Set reports whether the timer is going to fire.
func (t *Timer) Set() bool { return t.pos != 0 }

// timerHeap is a 4-ary heap: half the depth of a binary one, and the four children share cache
// lines.
type timerHeap []*Timer

func (h *timerHeap) add(t *Timer, when int64) {
	if t.pos != 0 {
		h.remove(t)
	}
	t.when = when
	*h = append(*h, t)
	h.up(len(*h) - 1)
}

func (h *timerHeap) remove(t *Timer) {
	if t.pos == 0 {
		return
	}
	i, last := int(t.pos)-1, len(*h)-1
	moved := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.pos = 0
	if i == last {
		return
	}
	(*h)[i] = moved
	h.up(i)
	h.down(int(moved.pos) - 1)
}

// pop takes out the first timer if it is due at now.
func (h *timerHeap) pop(now int64) *Timer {
	if len(*h) == 0 || (*h)[0].when > now {
		return nil
	}
	t := (*h)[0]
	h.remove(t)
	return t
}

func (h timerHeap) up(i int) {
	t := h[i]
	for i > 0 {
		parent := (i - 1) / 4
		if h[parent].when <= t.when {
			break
		}
		h[i] = h[parent]
		h[i].pos = int32(i) + 1
		i = parent
	}
	h[i] = t
	t.pos = int32(i) + 1
}

func (h timerHeap) down(i int) {
	t := h[i]
	for {
		least, first := i, 4*i+1
		when := t.when
		for c := first; c < first+4 && c < len(h); c++ {
			if h[c].when < when {
				least, when = c, h[c].when
			}
		}
		if least == i {
			break
		}
		h[i] = h[least]
		h[i].pos = int32(i) + 1
		i = least
	}
	h[i] = t
	t.pos = int32(i) + 1
}

// After calls fn on the loop when d nanoseconds have passed. stop takes that back.
func (l *Loop) After(d int64, fn func()) (stop func()) {
	t := &Timer{Fire: fn}
	l.Set(t, l.At(time.Duration(d)))
	return func() { l.Stop(t) }
}
