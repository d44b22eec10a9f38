//go:build linux

package loop

import (
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A wait through the scheduler gives the loop's processor away: a thread is kept awake for that,
// and another one is woken when the loop wants it back. At a few thousand requests a second that
// costs as much as the requests. So a loop whose waits are short dozes first: it waits and keeps
// its processor, and nobody else knows. That is harmless only
//
//   - if something is likely to happen soon: the last wait was brief, and ended by an event;
//   - if nobody wants the processor: there is a spare one, which runs whatever becomes ready, also
//     out of this loop's queue, and its timers;
//   - if the collector can stop a thread that waits: by a signal, which ends the wait (EINTR).
//     GODEBUG=asyncpreemptoff=1 forbids that;
//   - on a pinned thread;
//   - for less than the 10 ms after which the scheduler looks at what holds a processor.

// maxDoze is the longest doze.
const maxDoze = 5 * time.Millisecond

// spare knows whether the scheduler has a processor that nobody uses, and no goroutine that waits
// for one. It costs a fifth of a microsecond to find out, and a lock that all of the process share,
// so all loops believe an answer for a while.
type spare struct {
	never  bool
	answer atomic.Bool
	until  atomic.Int64 // when to ask again, on the group's clock
	mu     sync.Mutex
	sample [3]metrics.Sample
}

const (
	spareFor = int64(time.Millisecond)
	busyFor  = int64(100 * time.Microsecond)
)

func (s *spare) init(threads Threads, debug string) {
	s.never = threads == Free || strings.Contains(debug, "asyncpreemptoff=1")
	s.sample[0].Name = "/sched/goroutines/runnable:goroutines"
	s.sample[1].Name = "/sched/goroutines/running:goroutines"
	s.sample[2].Name = "/sched/gomaxprocs:threads"
}

// at reports it for a moment of the group's clock.
func (s *spare) at(now int64) bool {
	if s.never {
		return false
	}
	if now < s.until.Load() || !s.mu.TryLock() {
		return s.answer.Load()
	}
	defer s.mu.Unlock()
	metrics.Read(s.sample[:])
	runnable, running, procs := s.sample[0].Value, s.sample[1].Value, s.sample[2].Value
	known := runnable.Kind() == metrics.KindUint64 && running.Kind() == metrics.KindUint64 &&
		procs.Kind() == metrics.KindUint64
	yes := known && runnable.Uint64() == 0 && running.Uint64() < procs.Uint64()
	s.answer.Store(yes)
	if yes {
		s.until.Store(now + spareFor)
	} else {
		s.until.Store(now + busyFor)
	}
	return yes
}

// doze waits for events for a short while, at most ms (-1: no limit). over is false if nothing has
// happened that the poller tells: then the loop goes to sleep.
func (l *Loop) doze(ms int) (n int, e syscall.Errno, over bool) {
	limit := int(maxDoze / time.Millisecond)
	if ms >= 0 {
		limit = min(limit, ms)
	}
	n, e = l.poller.Doze(l.events[:], limit)
	return n, e, n > 0 || e != 0 || limit == ms
}
