//go:build !golwan_nethttp

package lwan

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/loop"
)

// watchdog finds code of the program's that holds its loop: handlers, middleware, and the hooks
// around an answer. It samples what the loops publish, and sleeps while they all do. A handler that
// is seen twice with StallAfter in between is a suspect, no more: the machine may be busy, or the
// collector at work. It has stalled if its thread has computed for StallAfter, however long it took
// to get that from a busy machine, or if its goroutine is found waiting for something. Both lead to
// the same: the route moves, and the loop is taken over.
type watchdog struct {
	core     *process
	eng      *conn.Engine
	after    time.Duration
	takeOver time.Duration // 0: never
	quit     chan struct{}
	ended    chan struct{}
	once     sync.Once
	suspects []suspect // by loop
	pressure []pressure
	stalls   stallBook
}

// suspect is a handler that was seen on a loop.
type suspect struct {
	beat     uint64
	since    time.Time
	cpu      int64 // the thread's time then
	hasCPU   bool
	checked  time.Time // when its stack was looked at last
	reported *Stall    // as what; nil: it was not
	again    bool      // and that was not the first time, and cannot be helped
	mutex    bool      // it waits for one
	hopeless bool      // its loop cannot be taken over
}

const (
	defaultStall    = 20 * time.Millisecond
	defaultTakeOver = 200 * time.Millisecond
)

// watch starts the watchdog, unless StallAfter is negative: then nil.
func watch(s *Server, core *process, eng *conn.Engine) *watchdog {
	after := orPause(s.StallAfter, defaultStall)
	if after == 0 {
		return nil
	}
	d := &watchdog{
		core: core, eng: eng, after: after, takeOver: orPause(s.TakeOverAfter, defaultTakeOver),
		quit: make(chan struct{}), ended: make(chan struct{}),
		suspects: make([]suspect, len(eng.Loops())), pressure: make([]pressure, len(eng.Loops())),
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
		ok = ok && !l.Resting()
		if d.pressure[i].add(l, now, ok, tag) {
			d.accuse(&d.pressure[i], l, beat, tag, worker)
		}
		if !ok {
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
func (d *watchdog) clear(sus *suspect, l *loop.Loop) {
	if sus.reported != nil {
		l.SetStalled(false)
	}
	*sus = suspect{}
}

// check decides about a handler that is still the same.
func (d *watchdog) check(sus *suspect, l *loop.Loop, tag, worker uint64, now time.Time) {
	held := now.Sub(sus.since)
	if held < d.after {
		return
	}
	if sus.reported == nil {
		d.look(sus, l, tag, worker, now)
	}
	if sus.reported == nil {
		return
	}
	d.stalls.lengthen(sus.reported, held)
	limit := d.takeOver
	// it cannot be moved, and does it all the time: others need not wait for the whole of that
	if sus.again {
		limit = min(limit, d.after)
	}
	if limit > 0 && held >= limit && !sus.hopeless {
		d.takeLoop(sus, l, tag, held)
	}
}

// look reports a handler that has computed for long enough, or is found waiting.
func (d *watchdog) look(sus *suspect, l *loop.Loop, tag, worker uint64, now time.Time) {
	if now.Sub(sus.checked) < d.after { // a profile costs more than a look at a clock
		return
	}
	sus.checked = now
	at, ok := d.place(l, sus.beat, worker)
	if !ok || !at.waits && sus.computed(l) < d.after {
		return
	}
	l.SetStalled(true)
	sus.reported, sus.again = d.stalls.report(d.core, tag, now.Sub(sus.since), at)
	sus.mutex = strings.HasPrefix(at.wait, "sync.")
}

// place finds where the handler of that beat is. It reports false when that had ended before its
// stack was there: then the stack may be another one's.
func (d *watchdog) place(l *loop.Loop, beat, worker uint64) (at place, still bool) {
	names, stack := goroutineOf(worker, func() {
		b, _, _, ok := l.Beat()
		still = ok && b == beat
	})
	return placeOf(names, stack), still && len(stack) > 0
}

// computed is how long the loop's thread was on a processor since the suspect was first seen. The
// share of the time that it got says nothing: on an overloaded machine one that spins gets as
// little as one that has only just begun.
func (sus *suspect) computed(l *loop.Loop) time.Duration {
	cpu, ok := l.CPUTime()
	if !ok || !sus.hasCPU {
		return 0
	}
	return time.Duration(cpu - sus.cpu)
}

// takeLoop gives the loop to another thread. The handler may come back: it is let in again then.
func (d *watchdog) takeLoop(sus *suspect, l *loop.Loop, tag uint64, held time.Duration) {
	taken, err := l.TakeOver(sus.beat)
	switch {
	case err != nil:
		sus.hopeless = true
		d.core.repeats.Say(d.core.log, "not taken over", slog.LevelError,
			"a stuck loop cannot be taken over", "err", err)
	case taken:
		args := []any{"route", d.core.patternOf(tag), "in", sus.reported.In, "for", held}
		if sus.mutex {
			d.nameHolders(l, args)
		} else {
			d.sayTaken(args)
		}
		d.clear(sus, l)
	}
}

func (d *watchdog) sayTaken(args []any) {
	d.core.repeats.Say(d.core.log, fmt.Sprint("taken over ", args[1], args[3]), slog.LevelError,
		"a handler does not come back: another thread goes on with its event loop", args...)
}

// nameHolders names the routes that may hold what a handler waits for: a mutex does not tell who
// has locked it, but one that is held for so long is held by code that waits meanwhile, and most
// often by a handler that has parked.
func (d *watchdog) nameHolders(l *loop.Loop, args []any) {
	l.Post(func() {
		var routes []string
		for _, tag := range d.eng.Waiting(l) {
			if p := d.core.patternOf(tag); p != "" && !slices.Contains(routes, p) {
				routes = append(routes, p)
			}
		}
		slices.Sort(routes)
		d.sayTaken(append(args, "wait", "a mutex", "parked", routes))
	})
}
