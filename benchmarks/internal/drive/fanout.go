package drive

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
	"github.com/golwan/golwan/benchmarks/internal/stats"
)

// warmEvents is how many events are published before the figures begin, so that buffers have grown.
const warmEvents = 3

// fanOut is a run of a topic's load. It belongs to the goroutine of FanOut.
type fanOut struct {
	job     load.Job
	epoll   int
	publish []byte        // the request
	held    *Held         // the subscribers and, last, the publisher
	got     map[int32]int // events that each subscriber has been sent, by file descriptor
	answers int32         // the file descriptor of the publisher
	scan    scanner
	owed    int // events that have not come, and the answer to the publisher
	result  load.Result
	latency stats.Histogram
	buf     [readSize]byte
	events  [eventSize]unix.EpollEvent
}

// FanOut does a job with subscribers. Result.Requests counts events that have come, one for each
// subscriber, and the latency is the time from publishing until the last subscriber has its event.
// An event that a subscriber does not get within patience is a timeout and ends the run.
func FanOut(job load.Job) (result load.Result, err error) {
	if len(job.Requests) != 2 || job.Subscribers < 1 || job.Duration <= 0 || job.Server == 0 {
		return load.Result{}, errors.New(
			"drive: fan-out needs two requests, subscribers, a duration and the server")
	}
	f := &fanOut{job: job, publish: job.Requests[1].Bytes(job.Addr, false), got: map[int32]int{}}
	if f.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return load.Result{}, fmt.Errorf("drive: epoll_create1: %w", err)
	}
	defer unix.Close(f.epoll) // nothing could be done about an error
	if f.held, err = Hold(job.Addr, job.Requests[0], job.Subscribers); err != nil {
		return load.Result{}, err
	}
	defer func() { err = errors.Join(err, f.held.Close()) }()
	if err := f.watch(); err != nil {
		return load.Result{}, err
	}
	return f.run()
}

// watch puts all connections into the epoll set, the one that publishes included, which is opened
// here.
func (f *fanOut) watch() error {
	if err := f.held.open(f.job.Addr); err != nil {
		return err
	}
	for i, fd := range f.held.fds {
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
		if err := unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
			return fmt.Errorf("drive: epoll_ctl: %w", err)
		}
		if i == f.job.Subscribers {
			f.answers = int32(fd)
		} else {
			f.got[int32(fd)] = 0
		}
	}
	return nil
}

func (f *fanOut) run() (load.Result, error) {
	for range warmEvents {
		if ok, err := f.once(); err != nil || !ok {
			return f.result, err
		}
	}
	f.result, f.latency = load.Result{}, stats.Histogram{}
	m, err := startMeter(f.job.Server)
	if err != nil {
		return load.Result{}, err
	}
	for time.Since(m.began) < f.job.Duration {
		if ok, err := f.once(); err != nil || !ok {
			return f.result, err
		}
	}
	f.result.Took, f.result.Latency = time.Since(m.began), latencies(&f.latency)
	f.result.Used, err = m.stop()
	return f.result, err
}

// once publishes an event and waits until all subscribers have it. It reports false when that did
// not come to pass, which is counted.
func (f *fanOut) once() (bool, error) {
	began := time.Now()
	if err := write(int(f.answers), f.publish); err != nil {
		f.result.Errors.Write++
		return false, nil
	}
	for f.owed = f.job.Subscribers + 1; f.owed > 0; {
		left := patience - time.Since(began)
		if left <= 0 {
			f.result.Errors.Timeout++
			return false, nil
		}
		n, err := unix.EpollWait(f.epoll, f.events[:], int(left.Milliseconds())+1)
		if err != nil && err != unix.EINTR {
			return false, fmt.Errorf("drive: epoll_wait: %w", err)
		}
		for i := range n {
			if !f.receive(f.events[i].Fd) {
				f.result.Errors.Read++
				return false, nil
			}
		}
	}
	f.latency.Record(time.Since(began))
	return true, f.even()
}

// receive takes what has come, once: the set is level-triggered. It reports whether the connection
// is well.
func (f *fanOut) receive(fd int32) bool {
	n, err := unix.Read(int(fd), f.buf[:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	p := f.buf[:n]
	if fd == f.answers {
		found, err := f.scan.feed(p)
		f.result.Errors.Status += int64(found.bad)
		f.owed -= found.done
		return err == nil && !found.last
	}
	events := bytes.Count(p, []byte{contract.EventEnd})
	f.got[fd] += events
	f.owed -= events
	f.result.Requests += int64(events)
	f.result.Bytes += int64(n)
	return true
}

// even makes sure that nobody got another's share: the same number for all.
func (f *fanOut) even() error {
	want := -1
	for _, got := range f.got {
		if want >= 0 && got != want {
			return fmt.Errorf("drive: one subscriber got %d events and another one %d", want, got)
		}
		want = got
	}
	return nil
}
