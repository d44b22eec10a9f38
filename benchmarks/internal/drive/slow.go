package drive

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

const (
	// slowWindow is the receive buffer of a slow reader, small so that the server feels it early.
	slowWindow = 4 << 10
	// slowBite and slowPause make a slow reader: it takes that much, then pauses.
	slowBite  = 2 << 10
	slowPause = 100 * time.Millisecond
)

// Slow is a number of connections that read long answers slowly.
type Slow struct {
	held  *Held
	stop  chan struct{}
	ended chan struct{} // closed when nothing is read any more
	bytes atomic.Int64
	lost  atomic.Int64 // connections that the server has closed, or that failed
}

// ReadSlowly opens n connections to addr, asks for request on each, and reads the answers slowly
// until Close. The answer must be longer than what is read of it meanwhile: 20 KiB a second.
func ReadSlowly(addr string, request contract.Request, n int) (*Slow, error) {
	s := &Slow{
		held: &Held{window: slowWindow}, stop: make(chan struct{}), ended: make(chan struct{}),
	}
	bytes := request.Bytes(addr, false)
	for i := range n {
		err := s.held.open(addr)
		if err == nil {
			err = write(s.held.fds[i], bytes)
		}
		if err == nil {
			err = unix.SetNonblock(s.held.fds[i], true)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("drive: slow reader %d of %d: %w", i+1, n, err),
				s.held.Close())
		}
	}
	go s.read()
	return s, nil
}

func (s *Slow) read() {
	defer close(s.ended)
	tick := time.NewTicker(slowPause)
	defer tick.Stop()
	lost := map[int]bool{}
	var buf [slowBite]byte
	for {
		for _, fd := range s.held.fds {
			n, err := unix.Read(fd, buf[:])
			if n > 0 {
				s.bytes.Add(int64(n))
			} else if err != unix.EAGAIN {
				lost[fd] = true
				s.lost.Store(int64(len(lost)))
			}
		}
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
	}
}

// Close ends the reading and the connections. It reports as an error that the server has not kept
// all of them, or has sent nothing: then they were no load.
func (s *Slow) Close() error {
	close(s.stop)
	<-s.ended
	var failed error
	if lost, bytes := s.lost.Load(), s.bytes.Load(); lost > 0 || bytes == 0 {
		failed = fmt.Errorf("drive: of %d slow readers, which got %d bytes, %d were cut off",
			len(s.held.fds), bytes, lost)
	}
	return errors.Join(failed, s.held.Close())
}
