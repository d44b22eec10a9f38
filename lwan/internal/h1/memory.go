//go:build linux && !golwan_nethttp

package h1

import "slices"

// What a worker keeps of its write buffer while it waits, and while it rests.
const (
	keptWhileParked = 1 << 10
	keptAtRest      = 4 << 10
)

// giveBack gives back a large write buffer, and all of the read buffer but the request's head and
// the bytes behind it that were not taken yet. How long the client takes to send or to read is its
// own choice, and a worker that waits for it keeps as little as one can.
func (h *server) giveBack() {
	if cap(h.out) > keptWhileParked && len(h.out) == 0 {
		h.out = nil
	}
	h.x.Shrink()
	head := h.in[h.start:h.base]
	if h.phase == idle {
		head = nil
	}
	pending := h.in[h.pos:h.end]
	if len(h.in) < readBuffer || len(head)+len(pending) > readBuffer/2 {
		return
	}
	if len(pending) == 0 && h.start == 0 && h.base == len(h.in) { // it has been done
		return
	}
	old := h.in
	h.in = slices.Concat(head, pending)
	h.start, h.base, h.pos, h.end = 0, len(head), len(head), len(h.in)
	if h.phase == idle || h.x.Move(h.in) {
		h.p.giveBuffer(old)
	}
}

// shrink is giveBack of a worker that rests. No request is under way: what it has of the last one
// is garbage.
func (h *server) shrink() {
	h.p.giveBuffer(h.in)
	h.in, h.pos, h.end, h.start, h.base = nil, 0, 0, 0, 0
	if cap(h.out) > keptAtRest {
		h.out = nil
	}
	h.x.Shrink()
}
