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
)

// engine is a run under way. It belongs to the goroutine of Run.
type engine struct {
	job     load.Job
	batches []batch
	server  unix.Sockaddr
	family  int
	epoll   int

	conns   []*conn // by file descriptor
	open    int
	result  load.Result
	latency stats.Histogram
	buf     [readSize]byte
	events  [eventSize]unix.EpollEvent
}

// Run does a job and returns what came of it. What goes wrong with a connection is counted in the result and ends
// that connection; an error is returned for what makes the whole run impossible. A run ends after its duration, or
// when no connection is left.
func Run(job load.Job) (load.Result, error) {
	e := &engine{job: job, batches: prepare(job)}
	if len(e.batches) == 0 || job.Connections < 1 || job.Duration <= 0 {
		return load.Result{}, errors.New("drive: a job needs requests, connections and a duration")
	}
	if err := e.resolve(); err != nil {
		return load.Result{}, err
	}
	var err error
	if e.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return load.Result{}, fmt.Errorf("drive: epoll_create1: %w", err)
	}
	defer e.close()
	began := time.Now()
	if err := e.run(began.Add(job.Duration)); err != nil {
		return load.Result{}, err
	}
	return e.finish(began), nil
}

func (e *engine) resolve() error {
	addr, err := net.ResolveTCPAddr("tcp", e.job.Addr)
	if err != nil {
		return fmt.Errorf("drive: %w", err)
	}
	if ip := addr.IP.To4(); ip != nil {
		e.family, e.server = unix.AF_INET, &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(ip)}
	} else {
		e.family, e.server = unix.AF_INET6, &unix.SockaddrInet6{Port: addr.Port, Addr: [16]byte(addr.IP.To16())}
	}
	return nil
}

func (e *engine) run(deadline time.Time) error {
	for i := range e.job.Connections {
		if err := e.connect(&conn{turn: i % len(e.batches)}); err != nil {
			return err
		}
	}
	for e.open > 0 {
		left := time.Until(deadline)
		if left <= 0 {
			return nil
		}
		n, err := unix.EpollWait(e.epoll, e.events[:], int(left.Milliseconds())+1)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("drive: epoll_wait: %w", err)
		}
		for i := range n {
			if err := e.handle(e.conns[e.events[i].Fd], e.events[i].Events); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish counts what is still owed, and fills in the figures.
func (e *engine) finish(began time.Time) load.Result {
	now := time.Now()
	for _, c := range e.conns {
		if c != nil && now.Sub(c.since) > overdue {
			e.result.Errors.Timeout++
		}
	}
	r, h := e.result, &e.latency
	r.Took = now.Sub(began)
	r.Latency = load.Latency{P50: h.Percentile(50), P90: h.Percentile(90), P99: h.Percentile(99),
		P999: h.Percentile(99.9), Max: h.Max()}
	return r
}

func (e *engine) close() {
	for _, c := range e.conns {
		if c != nil {
			e.drop(c)
		}
	}
	unix.Close(e.epoll) // nothing could be done about an error
}
