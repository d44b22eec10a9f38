package drive

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// errUnasked is returned for answers that were not asked for, or are none.
var errUnasked = errors.New("drive: not an answer to what was asked")

// conn is one connection of a run. It goes through these states, and closing it is possible in all
// of them:
//
//	connecting --handle--> sending --send--> receiving --receive--> sending: the next batch
//	                                                   \-reconnect-> connecting: the server closed
//
// In an open loop, one that has its answers is free until a request is due.
type conn struct {
	fd        int
	connected bool
	turn      int       // of its batches
	out       []byte    // what of the batch has not been sent yet
	owed      int       // answers that have not come yet
	since     time.Time // when connecting or sending began, or should have
	last      bool      // the server closes after what it owes
	answered  bool      // at least once
	answers   scanner
}

// connect begins a connection with a new socket. Only what concerns the whole run is an error.
func (e *engine) connect(c *conn) error {
	fd, err := unix.Socket(e.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("drive: socket: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		unix.Close(fd) // the error that counts is the one before
		return fmt.Errorf("drive: TCP_NODELAY: %w", err)
	}
	*c = conn{fd: fd, turn: c.turn, since: time.Now(), answered: c.answered,
		answers: scanner{head: c.answers.head[:0], want: e.job.Requests[0].Status}}
	for len(e.conns) <= fd {
		e.conns = append(e.conns, nil)
	}
	e.conns[fd] = c
	e.open++
	if err := unix.Connect(fd, e.server); err != nil && err != unix.EINPROGRESS {
		e.fail(c, &e.result.Errors.Connect)
		return nil
	}
	event := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff,
		Fd:     int32(fd),
	}
	if err := unix.EpollCtl(e.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("drive: epoll_ctl: %w", err)
	}
	return nil
}

// handle goes on with a connection after an event. Events are edges: each state takes what there
// is.
func (e *engine) handle(c *conn, events uint32) error {
	if !c.connected {
		code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil || code != 0 {
			e.fail(c, &e.result.Errors.Connect)
			return nil
		}
		c.connected = true
		if e.pacer != nil {
			e.pacer.free.push(c)
		} else {
			e.begin(c)
		}
	} else if len(c.out) > 0 && events&unix.EPOLLOUT != 0 {
		e.send(c)
	}
	if e.conns[c.fd] == c && events&(unix.EPOLLIN|hangUp) != 0 {
		return e.receive(c, events)
	}
	return nil
}

// begin sends the next batch.
func (e *engine) begin(c *conn) {
	b := e.batches[c.turn]
	c.turn = (c.turn + 1) % len(e.batches)
	e.put(c, b, time.Now())
}

// put sends a batch that was due at a time.
func (e *engine) put(c *conn, b batch, due time.Time) {
	c.out, c.owed, c.since = b.bytes, b.requests, due
	e.send(c)
}

func (e *engine) send(c *conn) {
	for len(c.out) > 0 {
		n, err := unix.Write(c.fd, c.out)
		switch {
		case err == unix.EAGAIN:
			return
		case err != nil:
			e.fail(c, &e.result.Errors.Write)
			return
		}
		c.out = c.out[n:]
	}
}

// receive takes all answers that have come, and starts the next batch when the last one of this
// batch is there.
func (e *engine) receive(c *conn, events uint32) error {
	for {
		n, size, err := e.take(c)
		if err == unix.EAGAIN {
			return nil
		}
		if err != nil || n == 0 {
			e.fail(c, &e.result.Errors.Read)
			return nil
		}
		if c.owed == 0 {
			e.latency.Record(time.Since(c.since))
			if !c.answered {
				c.answered = true
				e.answered++
			}
			if c.last || e.job.Reconnect {
				e.drop(c)
				return e.connect(c)
			}
			if e.pacer != nil {
				e.pacer.free.push(c)
			} else if e.awake {
				e.begin(c)
			}
		}
		// A short read has emptied the socket, unless the server's end is behind it: no other edge
		// would tell.
		if e.conns[c.fd] != c || n < size && events&hangUp == 0 {
			return nil
		}
	}
}

// take reads once, up to size bytes, and notes what they hold. Of a long body nothing is looked at.
func (e *engine) take(c *conn) (n, size int, err error) {
	if left := c.answers.left; left > readSize {
		size = int(min(left, discardMost))
		n, err = discard(c.fd, size)
		if n > 0 {
			e.result.Bytes += int64(n)
			c.answers.left -= int64(n)
			if c.answers.left == 0 {
				e.result.Requests++
				c.owed--
			}
		}
		return n, size, err
	}
	n, err = unix.Read(c.fd, e.buf[:])
	if n > 0 && !e.count(c, e.buf[:n]) {
		err = errUnasked
	}
	return n, len(e.buf), err
}

// count notes what p holds, and reports whether that is answers to what was asked.
func (e *engine) count(c *conn, p []byte) bool {
	e.result.Bytes += int64(len(p))
	found, err := c.answers.feed(p)
	e.result.Requests += int64(found.done)
	e.result.Errors.Status += int64(found.bad)
	c.owed -= found.done
	c.last = c.last || found.last
	return err == nil && c.owed >= 0 && (c.owed > 0 || c.answers.between())
}

// fail counts an error and ends the connection for good: the run is not valid any more.
func (e *engine) fail(c *conn, counter *int64) {
	*counter++
	e.drop(c)
}

// drop closes a connection: that of a steady job with a reset, because there are so many that the
// ports in TIME_WAIT would be missing in the next run.
func (e *engine) drop(c *conn) {
	e.conns[c.fd] = nil
	e.open--
	if e.job.Steady {
		// Without it the ports would come back later: nothing to fail for.
		_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	unix.Close(c.fd) // nothing could be done about an error
}
