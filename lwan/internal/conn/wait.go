//go:build linux

package conn

import (
	"io"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// The calls of this file look blocking: where the kernel says EAGAIN the task t parks and the loop
// goes on. limit is the longest wait without progress; 0: no limit. t need not be the one that
// serves the connection: one task may read while another one writes.

// crowd is how many workers of a loop wait when those that wait for a backend begin to give back
// what they do not need: backends are quick mostly, and a few buffers are no matter.
const crowd = 64

// fairShare is how many bytes one connection may move before the others have a turn.
const fairShare = 1 << 20

// Read reads at least one byte. 0 and nil: the end of the stream. A peer that sends faster than it
// is read never makes the worker wait: then the others have a turn after each fair share.
func (c Conn) Read(t *loop.Task, p []byte, limit time.Duration) (int, error) {
	return c.ReadInto(t, limit, func() []byte { return p })
}

// ReadInto is Read for a buffer that Protocol.Waits gives back: buffer is asked for it whenever the
// kernel is about to fill it.
func (c Conn) ReadInto(t *loop.Task, limit time.Duration, buffer func() []byte) (int, error) {
	if t.Moved >= fairShare && t.Worker().Mine() {
		t.Pause()
	}
	for {
		if c.deaf() {
			return 0, ErrUnread
		}
		n, err := c.TryRead(buffer())
		if err != transport.ErrAgain {
			t.Moved += n
			return n, err
		}
		if err := c.awaitInput(t, limit); err != nil {
			return 0, err
		}
	}
}

// AwaitInput waits until a read would tell something.
func (c Conn) AwaitInput(t *loop.Task, limit time.Duration) error {
	switch s := c.slot(); {
	case s == nil:
		return transport.ErrOver
	case c.deaf():
		return ErrUnread
	case c.set.readable(s):
		return nil
	}
	return c.awaitInput(t, limit)
}

// awaitInput parks t until there is something to read.
func (c Conn) awaitInput(t *loop.Task, limit time.Duration) error {
	r, err := c.forWaiting(t)
	if err != nil {
		return err
	}
	if err = r.cause(t); err == nil {
		err = t.Await(transport.Cancelled, limit, &r.at.in)
	}
	s := c.slot()
	switch {
	case s == nil:
		return transport.ErrOver
	case c.deaf():
		return ErrUnread
	case c.set.readable(s): // also when the peer has closed: first comes what it had sent
		return nil
	case err == nil:
		return c.set.record(s).cause(t)
	}
	return err
}

// cause is why t does not wait for a connection that another task serves: that one is cancelled.
func (r *record) cause(t *loop.Task) error {
	if r.at == nil || r.at.task == nil || r.at.task == t {
		return nil
	}
	return r.at.task.Cause()
}

// awaitRoom parks t until the kernel takes more. A peer that has closed its side may still read.
func (c Conn) awaitRoom(t *loop.Task, limit time.Duration) error {
	r, err := c.forWaiting(t)
	if err != nil {
		return err
	}
	return t.Await(transport.Killed, limit, &r.at.out)
}

// forWaiting returns the record at whose gates t may wait.
func (c Conn) forWaiting(t *loop.Task) (*record, error) {
	if !t.Worker().Mine() {
		return nil, transport.ErrForeign
	}
	s := c.slot()
	if s == nil {
		return nil, transport.ErrOver
	}
	r := c.set.record(s)
	if r.at == nil {
		if r.at = new(waits); s.state == slotBusy { // who serves it waits for the first time
			r.at = &seatOf(t).waits
		}
	}
	// From a worker that is stuck in the program's code, while t waits beside it, nothing is taken.
	switch {
	case seatOf(t).shakes: // the protocol has the memory of another connection, if any
	case s.state == slotBusy && !r.at.task.Worker().Stuck():
		c.set.eng.protocol.Waits(r.at.task.Worker())
	case s.state == slotHeld && t.Loop().Parked() >= crowd:
		c.set.eng.protocol.Waits(t.Worker())
	}
	return r, nil
}

// deaf reports whether StopReading was called.
func (c Conn) deaf() bool {
	s := c.slot()
	return s != nil && s.rec >= 0 && c.set.records.at(s.rec).deaf
}

// StopReading ends what a task waits for in Read, with ErrUnread, and what it would wait for; until
// ReadAgain.
func (c Conn) StopReading() {
	if s := c.slot(); s != nil {
		r := c.set.record(s)
		r.deaf = true
		if r.at != nil {
			r.at.in.Open()
		}
	}
}

// ReadAgain takes StopReading back, once the other task has gone.
func (c Conn) ReadAgain() {
	if s := c.slot(); s != nil && s.rec >= 0 {
		c.set.records.at(s.rec).deaf = false
	}
}

// Write writes all of p, and waits while the peer is slow.
func (c Conn) Write(t *loop.Task, p []byte, limit time.Duration) (int, error) {
	return c.write(t, p, limit, false)
}

// WriteMore is Write for what is followed by another write or Sendfile at once: both leave together
// where they fit in one segment. If nothing follows the kernel sends it by itself, 0.2 s later.
func (c Conn) WriteMore(t *loop.Task, p []byte, limit time.Duration) (int, error) {
	return c.write(t, p, limit, true)
}

func (c Conn) write(t *loop.Task, p []byte, limit time.Duration, more bool) (int, error) {
	done, share := 0, fairShare
	var waited error
	for done < len(p) {
		n, err := c.tryWrite(p[done:], more)
		done += n
		switch {
		case err == transport.ErrAgain && waited != nil: // that was the last try
			return done, waited
		case err == transport.ErrAgain:
			waited = c.awaitRoom(t, limit)
		case err != nil:
			return done, err
		default:
			waited = nil
			if share -= n; share <= 0 && done < len(p) {
				share = fairShare
				c.pause(t)
			}
		}
	}
	return done, c.settleUnsent(t, limit)
}

// settleUnsent waits until the kernel has taken all that a Layer has sealed.
func (c Conn) settleUnsent(t *loop.Task, limit time.Duration) error {
	var waited error
	for {
		s := c.slot()
		if s == nil {
			return transport.ErrOver
		}
		ly := c.set.layer(s)
		if ly == nil || len(ly.unsent) == 0 {
			return nil
		}
		_, err := c.forWriting()
		if err == nil {
			err = c.push(s, ly)
		}
		switch {
		case err == transport.ErrAgain && waited != nil:
			return waited
		case err == transport.ErrAgain:
			waited = c.awaitRoom(t, limit)
		case err != nil:
			return err
		default:
			waited = nil
		}
	}
}

// pause gives the other connections of the loop a turn.
func (c Conn) pause(t *loop.Task) {
	if t.Worker().Mine() {
		t.Pause()
	}
}

// Writev writes a and then b, in one call to the kernel when both fit.
func (c Conn) Writev(t *loop.Task, a, b []byte, limit time.Duration) (int, error) {
	n, err := c.TryWritev(a, b)
	if err != nil && err != transport.ErrAgain {
		return n, err
	}
	if n < len(a) {
		m, err := c.Write(t, a[n:], limit)
		if err != nil {
			return n + m, err
		}
		n = len(a)
	}
	m, err := c.Write(t, b[n-len(a):], limit)
	return n + m, err
}

// TryWritev writes what fits of a and then b in one call; ErrAgain where there is no such call.
func (c Conn) TryWritev(a, b []byte) (int, error) {
	if len(a) == 0 || len(b) == 0 || len(a) > maxTransfer/2 {
		return 0, transport.ErrAgain
	}
	s, err := c.forWriting()
	if err != nil {
		return 0, err
	}
	if ly := c.set.layer(s); ly != nil {
		return c.seal(s, ly, a, b, false)
	}
	iov := &c.set.iov
	iov[0].Base, iov[1].Base = &a[0], &b[0]
	iov[0].SetLen(len(a))
	iov[1].SetLen(min(len(b), maxTransfer/2))
	defer func() { *iov = [2]unix.Iovec{} }()
	for {
		n, e := c.set.kernel.Writev(int(c.fd), iov[:])
		switch e {
		case 0:
			c.set.counts.BytesOut += int64(n)
			return n, nil
		case syscall.EAGAIN:
			c.set.used(c.fd, s, loop.Out)
			return 0, transport.ErrAgain
		case syscall.EINTR:
		default:
			return 0, e
		}
	}
}

// Sendfile sends n bytes of f from off on, without bringing them into user space unless they have
// to go through a Layer. It returns how many it sent; io.ErrUnexpectedEOF when the file is shorter.
// f is kept alive until then, should nobody else have it.
func (c Conn) Sendfile(t *loop.Task, f *os.File, off, n int64, limit time.Duration) (int64, error) {
	var done int64
	share := int64(fairShare)
	defer runtime.KeepAlive(f)
	in, fast := sentFile{int(f.Fd()), idOf(f)}, false
	var waited error
	for done < n {
		m, err := c.trySendfile(in, off+done, int(min(n-done, fairShare)))
		if done += int64(m); done >= fastAfter && n-done >= fastAfter && !fast {
			fast = true
			raiseUnsent(int(c.fd))
		}
		switch {
		case err == transport.ErrAgain && waited != nil:
			return done, waited
		case err == transport.ErrAgain:
			waited = c.awaitRoom(t, limit)
		case err != nil:
			return done, err
		default:
			waited = nil
			if share -= int64(m); share <= 0 && done < n {
				share = fairShare
				c.pause(t)
			}
		}
	}
	return done, c.settleUnsent(t, limit)
}

func (c Conn) trySendfile(in sentFile, off int64, n int) (int, error) {
	s, err := c.forWriting()
	if err != nil {
		return 0, err
	}
	if ly := c.set.layer(s); ly != nil {
		return c.sealFile(s, ly, in.fd, off, n)
	}
	for {
		m, e := c.set.sendfile(int(c.fd), in, off, n)
		switch e {
		case 0:
			if m == 0 {
				return 0, io.ErrUnexpectedEOF
			}
			c.set.counts.BytesOut += int64(m)
			return m, nil
		case syscall.EAGAIN:
			c.set.used(c.fd, s, loop.Out)
			return 0, transport.ErrAgain
		case syscall.EINTR:
		default:
			return 0, e
		}
	}
}
