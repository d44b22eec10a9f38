//go:build !golwan_nethttp

package lwan

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// place is where a goroutine is that holds a loop.
type place struct {
	stack []byte
	in    string // Stall.In
	wait  string // Stall.Wait
	waits bool   // it waits for something, whatever that is
	moves bool   // it is in the route's chain, which can run on a goroutine
}

// hooks are the functions of ours in whose frames hooks run, and Stall.In of them.
var hooks = []struct{ function, in string }{
	{"lwan.(*core).observe", "Observer"},
	{"lwan.(*Request).runDeferred", "Defer"},
	{"lwan.(*table).userErrorPage", "ErrorPage"},
	{"lwan.(*Response).prepareHead", "BeforeHead"},
	{"lwan.(*Response).closeFilter", "Filter"},
	{"lwan.(*subscriber).callOnEnd", "OnEnd"},
	{"lwan.(*table).run", "handler"},
}

// placeOf tells it by the functions of a stack, innermost first.
func placeOf(names []string, stack []byte) place {
	at := place{stack: stack, waits: isWaiting(names), in: "hook"}
	if at.waits {
		at.wait = waitOf(names)
	}
	for _, h := range slices.Backward(hooks) {
		if slices.ContainsFunc(names, func(n string) bool {
			return strings.HasSuffix(n, h.function)
		}) {
			at.in = h.in
			at.moves = at.moves || h.in == "handler"
		}
	}
	return at
}

// syncMethod is a method of package sync, or of what it is made of.
var syncMethod = regexp.MustCompile(`^(?:internal/)?sync\.\(\*(\w+)\)`)

// waitOf names what a goroutine waits for.
func waitOf(names []string) string {
	for _, n := range names {
		switch {
		case strings.HasPrefix(n, "runtime.chan"):
			return "channel"
		case n == "runtime.selectgo":
			return "select"
		case strings.Contains(n, "netpoll"), strings.HasPrefix(n, "internal/poll."):
			return "network"
		case n == "time.Sleep":
			return "time.Sleep"
		case strings.Contains(n, "yscall"):
			return "system call"
		}
		if m := syncMethod.FindStringSubmatch(n); m != nil {
			return "sync." + m[1]
		}
	}
	return "unknown"
}

// stallBook is the stalls so far, those of one place of a route together.
type stallBook struct {
	mu  sync.Mutex
	all map[stallKey]*Stall
}

type stallKey struct {
	tag uint64
	in  string
}

// report books a stall, and tells of it: the log once, OnStall each time. It says whether it
// happens again and again.
func (b *stallBook) report(
	core *process, tag uint64, held time.Duration, at place,
) (s *Stall, again bool) {
	route := core.numbers.find(tag)
	move := route != nil && at.moves && !core.srv.KeepInline
	if move {
		route.moved.Store(true)
	}
	b.mu.Lock()
	s, known := b.all[stallKey{tag, at.in}]
	if !known {
		s = &Stall{
			Pattern: core.patternOf(tag), In: at.in, Wait: at.wait, Stack: at.stack, Moved: move,
		}
		if b.all == nil {
			b.all = map[stallKey]*Stall{}
		}
		b.all[stallKey{tag, at.in}] = s
	}
	s.Count++
	s.For = max(s.For, held)
	told := *s
	told.For, told.Wait, told.Stack = held, at.wait, at.stack
	b.mu.Unlock()
	if !known {
		core.log.Warn("a handler holds its event loop: it should park (Sleep, Await) or be "+
			"Blocking; a hook should neither block nor compute",
			"route", told.Pattern, "in", at.in, "for", held, "wait", at.wait, "moved", move,
			"stack", string(at.stack))
	}
	if core.srv.OnStall != nil {
		go core.srv.OnStall(told)
	}
	return s, known && !at.moves
}

func (b *stallBook) lengthen(s *Stall, held time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.For = max(s.For, held)
}

// count adds to a stall that is known, and reports whether it is.
func (b *stallBook) count(tag uint64, held time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.all[stallKey{tag, "handler"}]
	if s == nil {
		return false
	}
	s.Count++
	s.For = max(s.For, held)
	return true
}

// list is a copy of all.
func (d *watchdog) list() []Stall {
	if d == nil {
		return nil
	}
	d.stalls.mu.Lock()
	defer d.stalls.mu.Unlock()
	list := make([]Stall, 0, len(d.stalls.all))
	for _, s := range d.stalls.all {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Stall) int {
		return cmp.Or(cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.In, b.In))
	})
	return list
}

// patternOf is the pattern of a route by its number; "" without one.
func (c *process) patternOf(number uint64) string {
	if route := c.numbers.find(number); route != nil {
		return route.pattern
	}
	return ""
}
