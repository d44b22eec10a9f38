package gateway

import "sync/atomic"

// The states of a member. One atomic word holds a member's condition, so that all loops agree on it
// without a lock; each change is one compare-and-swap of condition.go:
//
//	  MaxFails in FailTime    rest is over, one CAS wins   it succeeds
//	Up ────fail───▶ Resting ────────admit─────▶ Trial ────succeed────▶ Up
//	                   ▲                          │
//	                   └──fail, abandon───────────┘
//	any ──hold──▶ Down ──lift──▶ Up     any ──hold(departed)──▶ Leaving
//
// The rest doubles each time a trial fails; behind each trial that succeeds SlowStart begins.
//
// Down has four reasons, each of which is lifted by who has set it: by hand, by Health, by a
// process that does not run, and, for the moment until the next one does, by one that is replaced.

// State of a backend.
type State uint8

// The states.
const (
	Up      State = iota // used
	Resting              // failed; not used until its rest is over
	Trial                // one request tries it
	Down                 // Health has found it so, or its process does not run, or Backend.Down
	Leaving              // gone from DNS: finishes what it has
)

// String is the name of the state in lower case: "up".
func (s State) String() string {
	return [...]string{"up", "resting", "trial", "down", "leaving"}[s]
}

// reason is why a member is Down.
type reason uint8

const (
	byHand reason = 1 << iota
	byHealth
	byProcess
	departed  // Leaving
	replacing // its process makes room for the next one: who wants it waits
)

// condition is what the word says.
type condition struct {
	state   State  // Up, Resting or Trial
	held    reason // why it is not used; 0: it is
	fails   int    // Up: failures in the window that ends at until
	doubled int    // how often its rest has been doubled
	until   int64  // Up: of the window. Resting: of the rest. Milliseconds of the group's clock
}

// The parts of the word, from its lowest bit on.
const (
	stateBits, heldBits, failsBits, doubledBits = 2, 5, 12, 5

	mostFails   = 1<<failsBits - 1
	mostDoubled = 1<<doubledBits - 1
)

func (c condition) pack() uint64 {
	w := uint64(c.until)
	w = w<<doubledBits | uint64(min(c.doubled, mostDoubled))
	w = w<<failsBits | uint64(min(c.fails, mostFails))
	w = w<<heldBits | uint64(c.held)
	return w<<stateBits | uint64(c.state)
}

func unpack(w uint64) (c condition) {
	part := func(bits int) uint64 {
		v := w & (1<<bits - 1)
		w >>= bits
		return v
	}
	c.state, c.held = State(part(stateBits)), reason(part(heldBits))
	c.fails, c.doubled, c.until = int(part(failsBits)), int(part(doubledBits)), int64(w)
	return c
}

// shown is the state that others see.
func (c condition) shown() State {
	switch {
	case c.held&departed != 0:
		return Leaving
	case c.held != 0:
		return Down
	}
	return c.state
}

// admits reports whether a request may go to the member at now: to one whose rest is over, as its
// trial.
func (c condition) admits(now int64) bool {
	return c.held == 0 && (c.state == Up || c.state == Resting && now >= c.until)
}

// comes reports whether the member takes requests again at once, without having failed: one that
// wants it waits as for one that is full.
func (c condition) comes() bool { return c.held == replacing }

// policy is what a group says about failures; times in milliseconds.
type policy struct {
	maxFails int // 0: a member never rests
	failTime int64
	rest     int64
	restMost int64
}

// pause is the rest after so many doublings.
func (p *policy) pause(doubled int) int64 {
	d := p.rest
	for ; doubled > 0 && d < p.restMost; doubled-- {
		d *= 2
	}
	return max(min(d, p.restMost), 1)
}

// word is a member's condition, for all loops.
type word struct {
	bits  atomic.Uint64
	since atomic.Int64 // when it came into the state that is shown
	risen atomic.Int64 // when it came up again; 0: it was never away
}

func (w *word) load() condition { return unpack(w.bits.Load()) }

// change replaces the condition by what next makes of it, which reports false for no change.
func (w *word) change(now int64, next func(c *condition) bool) (before condition, changed bool) {
	for {
		bits := w.bits.Load()
		before = unpack(bits)
		after := before
		if !next(&after) {
			return before, false
		}
		if !w.bits.CompareAndSwap(bits, after.pack()) {
			continue
		}
		if after.shown() != before.shown() {
			w.since.Store(now)
			if after.shown() == Up {
				w.risen.Store(max(now, 1))
			}
		}
		return before, true
	}
}

// admit lets a request in. trial: it is the one that tries the member, and has to end with succeed,
// fail or abandon.
func (w *word) admit(now int64) (trial, ok bool) {
	if c := w.load(); c.state == Up && c.held == 0 { // the usual case
		return false, true
	}
	_, ok = w.change(now, func(c *condition) bool {
		if !c.admits(now) {
			return false
		}
		if trial = c.state == Resting; trial {
			c.state = Trial
		}
		return true
	})
	return trial, ok
}

// fail counts a failure of a request. rests: the member has begun to rest by it.
func (w *word) fail(now int64, trial bool, p *policy) (rests bool) {
	w.change(now, func(c *condition) bool {
		rests = false
		switch {
		case trial && c.state == Trial:
			c.doubled++
		case !trial && c.state == Up && p.maxFails > 0:
			if now >= c.until {
				c.fails, c.until = 0, now+p.failTime
			}
			if c.fails++; c.fails < p.maxFails {
				return true
			}
		default: // it rests already, or is tried by another one
			return false
		}
		c.state, c.fails, c.until = Resting, 0, now+p.pause(c.doubled)
		rests = true
		return true
	})
	return rests
}

// succeed ends a trial well.
func (w *word) succeed(now int64) {
	w.change(now, func(c *condition) bool {
		if c.state != Trial {
			return false
		}
		c.state, c.fails, c.doubled, c.until = Up, 0, 0, 0
		return true
	})
}

// abandon ends a trial that has shown nothing, as when the client has left: the next request tries.
func (w *word) abandon(now int64) {
	w.change(now, func(c *condition) bool {
		if c.state != Trial {
			return false
		}
		c.state, c.until = Resting, now
		return true
	})
}

// hold takes the member out of use for r, and reports whether it was not for r before.
func (w *word) hold(now int64, r reason) bool {
	_, changed := w.change(now, func(c *condition) bool {
		if c.held&r != 0 {
			return false
		}
		c.held |= r
		return true
	})
	return changed
}

// lift takes back hold. What it had failed in before is forgotten.
func (w *word) lift(now int64, r reason) bool {
	_, changed := w.change(now, func(c *condition) bool {
		if c.held&r == 0 {
			return false
		}
		c.held &^= r
		c.state, c.fails, c.doubled, c.until = Up, 0, 0, 0
		return true
	})
	return changed
}
