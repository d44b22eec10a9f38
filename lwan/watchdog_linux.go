//go:build !golwan_nethttp

package lwan

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/evloop"
)

// watchdog finds handlers that hold their loop. It samples what the loops publish, and sleeps while they all do. A
// handler that is seen twice with StallAfter in between is a suspect, no more: the machine may be busy, or the collector
// at work. It has stalled if its thread has computed for StallAfter, however long it took to get that from a busy machine, or
// if its goroutine is found waiting for something. Both lead to the same: the route moves, and the loop is taken over.
type watchdog struct {
	core     *core
	eng      *evloop.Engine
	after    time.Duration
	takeOver time.Duration // 0: never
	quit     chan struct{}
	ended    chan struct{}
	once     sync.Once
	suspects []suspect // by loop

	mu     sync.Mutex
	stalls map[uint64]*Stall // by the route's number
}

// suspect is a handler that was seen on a loop.
type suspect struct {
	beat     uint64
	since    time.Time
	cpu      int64 // the thread's time then
	hasCPU   bool
	checked  time.Time // when its stack was looked at last
	reported bool
	hopeless bool // its loop cannot be taken over
}

const (
	defaultStall    = 20 * time.Millisecond
	defaultTakeOver = 200 * time.Millisecond
)

// watch starts the watchdog, unless StallAfter is negative: then nil.
func watch(s *Server, core *core, eng *evloop.Engine) *watchdog {
	after := orPause(s.StallAfter, defaultStall)
	if after == 0 {
		return nil
	}
	d := &watchdog{
		core: core, eng: eng, after: after, takeOver: orPause(s.TakeOverAfter, defaultTakeOver), quit: make(chan struct{}), ended: make(chan struct{}),
		suspects: make([]suspect, len(eng.Loops())), stalls: map[uint64]*Stall{},
	}
	go d.run()
	return d
}

// stop ends the watchdog, and waits for it.
func (d *watchdog) stop() {
	if d != nil {
		d.once.Do(func() { close(d.quit) })
		<-d.ended
	}
}

func (d *watchdog) run() {
	defer close(d.ended)
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		select {
		case <-d.quit:
			return
		case <-tick.C:
		}
		if d.sample() {
			tick.Reset(max(d.after/2, time.Millisecond))
			continue
		}
		if !d.sleep() {
			return
		}
		tick.Reset(max(d.after/2, time.Millisecond))
	}
}

// sleep waits until a loop wakes. It reports false when the watchdog is to end.
func (d *watchdog) sleep() bool {
	rouse := d.eng.Rouse()
	for _, l := range d.eng.Loops() {
		if !l.Resting() {
			return true
		}
	}
	select {
	case <-rouse:
		return true
	case <-d.quit:
		return false
	}
}

// sample looks at each loop once, and reports whether one of them is awake.
func (d *watchdog) sample() (awake bool) {
	now := time.Now()
	for i, l := range d.eng.Loops() {
		sus := &d.suspects[i]
		beat, tag, worker, ok := l.Beat()
		if !ok || l.Resting() {
			d.clear(sus, l)
			awake = awake || !l.Resting()
			continue
		}
		awake = true
		if beat != sus.beat {
			d.clear(sus, l)
			sus.beat, sus.since = beat, now
			sus.cpu, sus.hasCPU = l.CPUTime()
			continue
		}
		d.check(sus, l, tag, worker, now)
	}
	return awake
}

// clear acquits a suspect.
func (d *watchdog) clear(sus *suspect, l *evloop.Loop) {
	if sus.reported {
		l.SetStalled(false)
	}
	*sus = suspect{}
}

// check decides about a handler that is still the same.
func (d *watchdog) check(sus *suspect, l *evloop.Loop, tag, worker uint64, now time.Time) {
	held := now.Sub(sus.since)
	if held < d.after {
		return
	}
	if sus.reported {
		d.lengthen(tag, held)
		if d.takeOver > 0 && held >= d.takeOver && !sus.hopeless {
			d.takeLoop(sus, l, tag, held)
		}
		return
	}
	if now.Sub(sus.checked) < d.after { // a profile costs more than a look at a clock
		return
	}
	sus.checked = now
	stack, waits := goroutineOf(worker)
	if b, _, _, ok := l.Beat(); !ok || b != sus.beat || len(stack) == 0 {
		return // it has ended meanwhile: the stack may be another one's
	}
	if !waits && sus.computed(l) < d.after {
		return
	}
	sus.reported = true
	l.SetStalled(true)
	d.report(tag, held, stack)
}

// computed is how long the loop's thread was on a processor since the suspect was first seen. The share of the time that
// it got says nothing: on an overloaded machine one that spins gets as little as one that has only just begun.
func (sus *suspect) computed(l *evloop.Loop) time.Duration {
	cpu, ok := l.CPUTime()
	if !ok || !sus.hasCPU {
		return 0
	}
	return time.Duration(cpu - sus.cpu)
}

// takeLoop gives the loop to another thread. The handler may come back: it is let in again then.
func (d *watchdog) takeLoop(sus *suspect, l *evloop.Loop, tag uint64, held time.Duration) {
	taken, err := l.TakeOver(sus.beat)
	switch {
	case err != nil:
		sus.hopeless = true
		d.core.log.Error("a stuck loop cannot be taken over", "err", err)
	case taken:
		pattern := ""
		if route := d.core.routeOf(tag); route != nil {
			pattern = route.pattern
		}
		d.core.log.Error("a handler does not come back: another thread goes on with its event loop", "route", pattern, "for", held)
		d.clear(sus, l)
	}
}

func (d *watchdog) lengthen(tag uint64, held time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.stalls[tag]; s != nil {
		s.For = max(s.For, held)
	}
}

// report books a stall, and tells of it: the log once a route, OnStall each time.
func (d *watchdog) report(tag uint64, held time.Duration, stack []byte) {
	route := d.core.routeOf(tag)
	pattern, move := "", false
	if route != nil {
		pattern = route.pattern
		move = !d.core.srv.KeepInline
		route.moved.Store(move)
	}
	d.mu.Lock()
	s, known := d.stalls[tag]
	if !known {
		s = &Stall{Pattern: pattern, Stack: stack, Moved: move}
		d.stalls[tag] = s
	}
	s.Count++
	s.For = max(s.For, held)
	told := *s
	told.For, told.Stack = held, stack
	d.mu.Unlock()
	if !known {
		d.core.log.Warn("a handler holds its event loop: it should park (Sleep, Await) or be Blocking",
			"route", pattern, "for", held, "moved", move, "stack", string(stack))
	}
	if d.core.srv.OnStall != nil {
		go d.core.srv.OnStall(told)
	}
}

// list is the stalls so far, those of one route together.
func (d *watchdog) list() []Stall {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]Stall, 0, len(d.stalls))
	for _, s := range d.stalls {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Stall) int { return cmp.Compare(a.Pattern, b.Pattern) })
	return list
}
