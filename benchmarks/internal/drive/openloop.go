package drive

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/benchmarks/internal/load"
)

// pacer is what an open loop has besides an engine.
type pacer struct {
	began    time.Time
	schedule *schedule
	// when requests were due that have not been sent: no connection was free
	waiting fifo[time.Duration]
	free    fifo[*conn] // connections that owe nothing; some may have been closed meanwhile
	turn    int         // of the batches
}

// openLoop is the part of a job with a rate that counts. When the last request has been due, the
// answers that are still owed are waited for, as long as they are not overdue.
func (e *engine) openLoop() (load.Result, error) {
	// A sleep of microseconds must end on time, and the setting is the thread's (prctl(2)).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return load.Result{}, fmt.Errorf("drive: timer slack: %w", err)
	}
	p := &pacer{began: e.meter.began, schedule: newSchedule(e.job.Rate)}
	e.reset()
	for _, c := range e.conns {
		if c != nil && c.connected {
			p.free.push(c)
		}
	}
	e.pacer = p
	for now := time.Duration(0); !e.over(now); now = time.Since(p.began) {
		p.schedule.due(min(now, e.job.Duration), p.waiting.push)
		e.sendDue()
		if err := e.sleep(now); err != nil {
			return load.Result{}, err
		}
		if e.open == 0 {
			break
		}
	}
	e.giveUp()
	return e.finish()
}

// over reports whether a run ends. What was due shortly before its end is still sent, however late
// the load itself is.
func (e *engine) over(now time.Duration) bool {
	switch {
	case now < e.job.Duration || e.pacer.schedule.next <= e.job.Duration:
		return false
	case now < e.job.Duration+overdue:
		return e.outstanding() == 0
	}
	return true
}

// outstanding is the number of requests that were due and have no answer.
func (e *engine) outstanding() int {
	n := e.pacer.waiting.len()
	for _, c := range e.conns {
		if c != nil {
			n += c.owed
		}
	}
	return n
}

// sendDue gives each free connection a request that is due, the one that has waited longest first.
func (e *engine) sendDue() {
	p := e.pacer
	for p.waiting.len() > 0 && p.free.len() > 0 {
		c := p.free.pop()
		if c.fd >= len(e.conns) || e.conns[c.fd] != c {
			continue
		}
		e.put(c, e.batches[p.turn], p.began.Add(p.waiting.pop()))
		p.turn = (p.turn + 1) % len(e.batches)
	}
}

// sleep handles what happens until the next request is due. Milliseconds are too coarse for that.
func (e *engine) sleep(now time.Duration) error {
	until := e.pacer.schedule.next
	if until > e.job.Duration { // nothing more is due
		until = now + 10*time.Millisecond
	}
	if left := until - time.Since(e.pacer.began); left > 0 && !e.job.Spin {
		wait := unix.NsecToTimespec(int64(left))
		_, err := unix.Ppoll([]unix.PollFd{{Fd: int32(e.epoll), Events: unix.POLLIN}}, &wait, nil)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("drive: ppoll: %w", err)
		}
	}
	return e.turn(0)
}

// giveUp counts what was never answered: it has lasted at least until now.
func (e *engine) giveUp() {
	p := e.pacer
	for p.waiting.len() > 0 {
		e.latency.Record(time.Since(p.began) - p.waiting.pop())
		e.result.Errors.Timeout++
	}
	for _, c := range e.conns {
		if c != nil && c.owed > 0 {
			e.latency.Record(time.Since(c.since))
			e.result.Errors.Timeout++
			c.owed = 0
		}
	}
}
