//go:build !golwan_nethttp

package lwan

import (
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
)

// Many short waits hold a loop as well as a long one: a middleware that asks a database for 7 ms,
// on the loop, 140 times a second, is never seen for StallAfter, and nobody else is served in time.
// So the watchdog adds up how long a loop has been inside of handlers in which its thread did not
// compute. Each of its samples stands for the time since the last one, less what the thread has
// computed. When half of a second has come together, it looks at the stacks of the routes that have
// the largest share, since a thread that did not get its processor looks the same; it reports those
// that wait.

// pressure is that of one loop, within about a second.
type pressure struct {
	since time.Time // when adding up began
	last  time.Time // the sample before
	cpu   int64     // of the thread then
	held  time.Duration
	by    map[uint64]*share
	looks int // at stacks, so far
}

// share is what of it a route has, by its tag.
type share struct {
	held        time.Duration
	found, lost int // looks that have found it waiting, and computing
}

const (
	pressureWindow = time.Second
	pressureLimit  = pressureWindow / 2  // of all routes of a loop
	pressureShare  = pressureWindow / 10 // of a route that is to be accused
	pressureLooks  = 3
	// in a window, of all routes: a profile takes a while where there are many goroutines
	mostLooks     = 4 * pressureLooks
	longestSample = pressureWindow / 10 // what a late sample stands for, at most
)

// add takes a sample, and reports whether the handler that is seen is worth a look.
func (p *pressure) add(l *loop.Loop, now time.Time, inside bool, tag uint64) bool {
	if p.last.IsZero() || now.Sub(p.last) > pressureWindow { // the watchdog has slept
		*p = pressure{last: now, since: now, by: p.by}
		clear(p.by)
		p.cpu, _ = l.CPUTime()
		return false
	}
	cpu, _ := l.CPUTime()
	// less after a takeover: another thread's
	idle := min(now.Sub(p.last), longestSample) - time.Duration(max(cpu-p.cpu, 0))
	p.last, p.cpu = now, cpu
	if now.Sub(p.since) > pressureWindow {
		p.since, p.held, p.looks = now, 0, 0
		clear(p.by)
	}
	if !inside || idle <= 0 {
		return false
	}
	s := p.by[tag]
	if s == nil {
		if p.by == nil {
			p.by = map[uint64]*share{}
		}
		s = new(share)
		p.by[tag] = s
	}
	s.held += idle
	p.held += idle
	return p.held >= pressureLimit && s.held >= pressureShare &&
		s.lost < pressureLooks && p.looks < mostLooks
}

// accuse looks at the handler of that beat, and reports it when it was found waiting often enough.
func (d *watchdog) accuse(p *pressure, l *loop.Loop, beat, tag, worker uint64) {
	s := p.by[tag]
	if s.found == 0 && d.stalls.count(tag, s.held) { // it is known, and was not moved
		p.acquit(tag)
		return
	}
	p.looks++
	at, ok := d.place(l, beat, worker)
	switch {
	case !ok:
		return
	case !at.waits:
		s.lost++
		return
	}
	if s.found++; s.found < pressureLooks {
		return
	}
	d.stalls.report(d.core, tag, s.held, at)
	p.acquit(tag)
}

// acquit forgets what a route has come to so far.
func (p *pressure) acquit(tag uint64) {
	p.held -= p.by[tag].held
	delete(p.by, tag)
}
