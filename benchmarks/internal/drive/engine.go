package drive

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/benchmarks/internal/load"
	"github.com/golwan/golwan/benchmarks/internal/stats"
)

const (
	readSize  = 64 << 10
	eventSize = 512
	hangUp    = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR

	// overdue is how old a request without an answer must be at the end to count as a timeout.
	overdue = 2 * time.Second
	// approach is how long it may take until every connection of a steady job has had its first
	// answer.
	approach = time.Minute
	// atOnce is how many connections of a steady job may wait for that at the same time.
	atOnce = 128
)

// engine is a run under way. It belongs to the goroutine of Run.
type engine struct {
	job     load.Job
	batches []batch
	server  unix.Sockaddr
	family  int
	epoll   int

	conns    []*conn // by file descriptor
	open     int
	begun    int    // connections
	answered int    // connections that have had an answer
	awake    bool   // the connections go on after their first answers
	pacer    *pacer // of an open loop that has begun; nil: a closed loop, or not yet
	meter    meter
	result   load.Result
	latency  stats.Histogram
	buf      [readSize]byte
	events   [eventSize]unix.EpollEvent
}

// Run does a job and returns what came of it. What goes wrong with a connection is counted in the
// result and ends that connection; an error is returned for what makes the whole run impossible. A
// run ends after its duration, or when no connection is left. The requests of a job have the same
// right status.
func Run(job load.Job) (load.Result, error) {
	if job.Rate > 0 {
		job.Steady, job.Pipeline, job.Reconnect = true, 0, false
	}
	e := &engine{job: job, batches: prepare(job), awake: !job.Steady}
	if len(e.batches) == 0 || job.Connections < 1 || job.Duration <= 0 ||
		job.Steady && job.Server == 0 {
		return load.Result{}, errors.New(
			"drive: a job needs requests, connections and a duration, and a steady one the server")
	}
	if err := e.resolve(); err != nil {
		return load.Result{}, err
	}
	var err error
	if e.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return load.Result{}, fmt.Errorf("drive: epoll_create1: %w", err)
	}
	defer e.close()
	if job.Steady {
		if err := e.run(time.Now().Add(approach), e.steady); err != nil {
			return load.Result{}, err
		}
		if !e.steady() {
			return load.Result{}, fmt.Errorf(
				"drive: %d of %d connections had an answer within %v: %+v",
				e.answered, job.Connections, approach, e.result.Errors)
		}
	}
	if e.meter, err = startMeter(job.Server); err != nil {
		return load.Result{}, err
	}
	if job.Rate > 0 {
		return e.openLoop()
	}
	if job.Steady {
		e.wake()
	}
	if err := e.run(e.meter.began.Add(job.Duration), func() bool { return false }); err != nil {
		return load.Result{}, err
	}
	return e.finish()
}

// wake lets the connections of a steady job go on, which have been idle since their first answers,
// and begins to count.
func (e *engine) wake() {
	e.reset()
	e.awake = true
	for _, c := range e.conns {
		if c != nil {
			e.begin(c)
		}
	}
}

// reset forgets what the first answers came to.
func (e *engine) reset() { e.result.Requests, e.result.Bytes, e.latency = 0, 0, stats.Histogram{} }

// steady reports whether every connection has had its first answer.
func (e *engine) steady() bool { return e.answered == e.job.Connections }

func (e *engine) resolve() error {
	var err error
	e.family, e.server, err = resolve(e.job.Addr)
	return err
}

func resolve(address string) (family int, server unix.Sockaddr, err error) {
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return 0, nil, fmt.Errorf("drive: %w", err)
	}
	if ip := addr.IP.To4(); ip != nil {
		return unix.AF_INET, &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(ip)}, nil
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: addr.Port, Addr: [16]byte(addr.IP.To16())}, nil
}

// connectMore begins the connections of the job that have not begun: all at once, or, when opening
// them is not to be measured, no more than what a short backlog takes.
func (e *engine) connectMore() error {
	for e.begun < e.job.Connections && (!e.job.Steady || e.begun-e.answered < atOnce) {
		if err := e.connect(&conn{turn: e.begun % len(e.batches)}); err != nil {
			return err
		}
		e.begun++
	}
	return nil
}

// run goes on until the deadline, until enough, or until no connection is left.
func (e *engine) run(deadline time.Time, enough func() bool) error {
	for !enough() {
		if err := e.connectMore(); err != nil {
			return err
		}
		left := time.Until(deadline)
		if left <= 0 || e.open == 0 {
			return nil
		}
		if err := e.turn(int(left.Milliseconds()) + 1); err != nil {
			return err
		}
	}
	return nil
}

// turn handles what has happened, and waits for it for so many milliseconds.
func (e *engine) turn(wait int) error {
	n, err := unix.EpollWait(e.epoll, e.events[:], wait)
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("drive: epoll_wait: %w", err)
	}
	for i := range n {
		if err := e.handle(e.conns[e.events[i].Fd], e.events[i].Events); err != nil {
			return err
		}
	}
	return nil
}

// finish counts what is still owed, and fills in the figures.
func (e *engine) finish() (load.Result, error) {
	now := time.Now()
	used, err := e.meter.stop()
	for _, c := range e.conns {
		if c != nil && (c.owed > 0 || !c.connected) && now.Sub(c.since) > overdue {
			e.result.Errors.Timeout++
		}
	}
	r := e.result
	r.Took, r.Used, r.Latency = now.Sub(e.meter.began), used, latencies(&e.latency)
	return r, err
}

func latencies(h *stats.Histogram) load.Latency {
	return load.Latency{P50: h.Percentile(50), P90: h.Percentile(90), P99: h.Percentile(99),
		P999: h.Percentile(99.9), P9999: h.Percentile(99.99), Max: h.Max()}
}

func (e *engine) close() {
	for _, c := range e.conns {
		if c != nil {
			e.drop(c)
		}
	}
	unix.Close(e.epoll) // nothing could be done about an error
}
