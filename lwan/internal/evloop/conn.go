//go:build linux

package evloop

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Errors of a Conn's operations. Errors of the kernel come as syscall.Errno.
var (
	ErrAgain   = errors.New("evloop: nothing to read yet")         // is returned by TryRead and TryWrite only
	ErrTimeout = errors.New("evloop: no progress within the time") // is returned when ReadTimeout or WriteTimeout passes
	ErrGone    = errors.New("evloop: the peer has closed")         // is the cause after a hang-up
	ErrForeign = errors.New("evloop: call from a goroutine that does not run the handler")
	ErrBusy    = errors.New("evloop: no goroutine to offload to")
	ErrClosed  = errors.New("evloop: connection is closed")
	ErrOver    = errors.New("evloop: nobody waits for what is read any more") // is returned after StopReading
)

// Conn is the connection that a worker serves. Its calls look blocking: where the kernel says EAGAIN the worker parks
// and the loop goes on. It is valid until the protocol's Serve returns, and for code on its loop only: a goroutine never
// has it. One that was closed meanwhile, whatever its worker waited for, is told by its generation: ErrClosed.
//
// A second worker of the loop may read, with ReadBy, while the one that serves the connection writes.
type Conn struct {
	// Longest wait of one call without progress; 0: no limit. Set them before the call.
	ReadTimeout, WriteTimeout time.Duration

	w    *Worker
	loop *Loop
	slot *slot
	fd   int32  // -1: serves nothing
	gen  uint32 // of the connection: the slot may be another one's when the worker wakes
	lane uint16

	// owned by the loop
	reader, writer, cancelled waiter // gates
	cause                     error  // why it was cancelled; sticky
	dead                      error  // why it was killed; sticky
	hungUp                    bool   // the protocol knows that the peer has closed
	deaf                      bool   // StopReading was called
	read                      int    // bytes since its worker last waited
}

// open reports whether the connection is there, and still the one that the worker began to serve.
func (c *Conn) open() bool { return c.slot != nil && c.slot.gen == c.gen }

// Fd is the descriptor. It is for socket options; reading or writing it directly loses edges.
func (c *Conn) Fd() int { return int(c.fd) }

// Lane tells which listener the connection came from.
func (c *Conn) Lane() int { return int(c.lane) }

// Tally is a number of the protocol's that the connection keeps while it is idle too: 0 at first.
func (c *Conn) Tally() uint32 { return c.slot.served - 1 }

// SetTally sets it; it saturates.
func (c *Conn) SetTally(n uint32) {
	if c.open() {
		c.slot.served = max(n+1, n)
	}
}

// Loop is the loop that owns the connection.
func (c *Conn) Loop() *Loop { return c.loop }

// Worker is the worker that serves the connection.
func (c *Conn) Worker() *Worker { return c.w }

// Cause is why the connection was cancelled; nil as long as it was not.
func (c *Conn) Cause() error { return c.cause }

// writable reports why nothing can be written any more.
func (c *Conn) writable() error {
	if c.dead != nil {
		return c.dead
	}
	if !c.open() {
		return ErrClosed
	}
	return nil
}

// Local asks the kernel for the local address; the zero value for a unix socket.
func (c *Conn) Local() netip.AddrPort {
	if !c.open() {
		return netip.AddrPort{}
	}
	sa, err := unix.Getsockname(int(c.fd))
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPortOf(sa)
}

func addrPortOf(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// TryRead reads what is there. It never waits: ErrAgain when there is nothing, 0 and nil at the end of the stream.
// Without a latched edge it does not even ask the kernel.
func (c *Conn) TryRead(p []byte) (int, error) {
	if !c.open() {
		return 0, ErrClosed
	}
	if !c.slot.readable() {
		return 0, ErrAgain
	}
	for {
		n, e := c.loop.kernel.read(int(c.fd), p)
		switch e {
		case 0:
			c.received(n, n < len(p) && n < maxTransfer)
			return n, nil
		case syscall.EAGAIN:
			c.loop.used(c.fd, c.slot, latchIn|latchUrgent)
			return 0, ErrAgain
		case syscall.EINTR:
		default:
			return 0, e
		}
	}
}

// received books n bytes. A short read has emptied the socket, unless a FIN or an error came along: no other edge will
// tell of that.
func (c *Conn) received(n int, short bool) {
	if s := c.slot; short && s.latch&(latchRdHup|latchHup) == 0 {
		c.loop.used(c.fd, s, latchIn)
	}
	c.loop.counts.BytesIn += int64(n)
}

// Read reads at least one byte, and waits for it as long as ReadTimeout allows. 0 and nil: the end of the stream. A peer
// that sends faster than it is read never makes the worker wait: then the others have a turn after each fair share.
func (c *Conn) Read(p []byte) (int, error) {
	return c.ReadBy(c.w, func() []byte { return p })
}

// ReadBy is Read in a worker w of the loop, which need not be the one that serves the connection, and for a buffer that
// Waits gives back: buffer is asked for it whenever the kernel is about to fill it.
func (c *Conn) ReadBy(w *Worker, buffer func() []byte) (int, error) {
	if c.read >= fairShare && w.mine() {
		c.read = 0
		w.Pause()
	}
	for {
		if c.deaf {
			return 0, ErrOver
		}
		n, err := c.TryRead(buffer())
		if err != ErrAgain {
			c.read += n
			return n, err
		}
		c.read = 0
		if err := c.awaitInput(w); err != nil {
			return 0, err
		}
	}
}

// AwaitInput waits in w, as long as ReadTimeout allows, until a read would tell something.
func (c *Conn) AwaitInput(w *Worker) error {
	switch {
	case !c.open():
		return ErrClosed
	case c.deaf:
		return ErrOver
	case c.slot.readable():
		return nil
	}
	return c.awaitInput(w)
}

// awaitInput parks w until there is something to read.
func (c *Conn) awaitInput(w *Worker) error {
	if err := c.ready(w); err != nil {
		return err
	}
	c.w.server.Waits(c)
	wt := c.begin(w, c.ReadTimeout)
	c.reader, c.cancelled = wt, wt
	w.park()
	c.reader, c.cancelled = waiter{}, waiter{}
	switch {
	case !c.open():
		return ErrClosed
	case c.deaf:
		return ErrOver
	case c.slot.readable(): // also when the peer has closed: first comes what it had sent
		return nil
	}
	return outcome(w, c.cause)
}

// StopReading ends what another worker waits for in ReadBy, with ErrOver, and what it would wait for; until ReadAgain.
func (c *Conn) StopReading() {
	c.deaf = true
	c.loop.wake(c.reader)
}

// ReadAgain takes StopReading back, once the other worker has gone.
func (c *Conn) ReadAgain() { c.deaf = false }

// awaitRoom parks until the kernel takes more. A peer that has closed its side may still read.
func (c *Conn) awaitRoom() error {
	if !c.w.mine() {
		return ErrForeign
	}
	if err := c.writable(); err != nil {
		return err
	}
	c.w.server.Waits(c)
	c.writer = c.begin(c.w, c.WriteTimeout)
	c.w.park()
	c.writer = waiter{}
	return outcome(c.w, c.dead)
}

// ready reports why w cannot wait: it is on another goroutine, or the connection is closed or cancelled.
func (c *Conn) ready(w *Worker) error {
	if !w.mine() {
		return ErrForeign
	}
	if !c.open() {
		return ErrClosed
	}
	c.NoticeHangup()
	return c.cause
}

// NoticeHangup tells the protocol, once, that the peer has closed. An edge may have told it before anybody waited.
func (c *Conn) NoticeHangup() {
	if c.open() && c.slot.gone() && !c.hungUp {
		c.hungUp = true
		c.w.server.Hangup(c)
	}
}

// begin starts a wait of w's, of at most limit.
func (c *Conn) begin(w *Worker, limit time.Duration) waiter {
	wt := w.waiter()
	if limit > 0 {
		c.loop.timers.add(&w.timer, c.loop.after(limit))
	}
	return wt
}

// outcome of a wait: what ended it, unless it was the gate.
func outcome(w *Worker, cause error) error {
	if w.late {
		return ErrTimeout
	}
	return cause
}

// TryWrite writes what fits. It never waits: ErrAgain when nothing fits.
func (c *Conn) TryWrite(p []byte) (int, error) { return c.tryWrite(p, false) }

func (c *Conn) tryWrite(p []byte, more bool) (int, error) {
	if err := c.writable(); err != nil {
		return 0, err
	}
	for {
		n, e := c.send(p, more)
		switch e {
		case 0:
			c.sent(n)
			return n, nil
		case syscall.EAGAIN:
			c.loop.used(c.fd, c.slot, latchOut)
			return 0, ErrAgain
		case syscall.EINTR:
		default:
			return 0, e
		}
	}
}

func (c *Conn) send(p []byte, more bool) (int, syscall.Errno) {
	if more {
		return c.loop.kernel.writeMore(int(c.fd), p)
	}
	return c.loop.kernel.write(int(c.fd), p)
}

func (c *Conn) sent(n int) { c.loop.counts.BytesOut += int64(n) }

// fairShare is how many bytes one connection may move before the others have a turn.
const fairShare = 1 << 20

// Write writes all of p, and waits while the peer is slow; each wait lasts at most WriteTimeout.
func (c *Conn) Write(p []byte) (int, error) { return c.write(p, false) }

// WriteMore is Write for what is followed by another write or Sendfile at once: both leave together where they fit in one
// segment. If nothing follows the kernel sends it by itself, 0.2 s later.
func (c *Conn) WriteMore(p []byte) (int, error) { return c.write(p, true) }

func (c *Conn) write(p []byte, more bool) (int, error) {
	done, share := 0, fairShare
	for done < len(p) {
		n, err := c.tryWrite(p[done:], more)
		done += n
		if err == nil && done < len(p) {
			if share -= n; share <= 0 {
				share = fairShare
				c.Pause()
			}
			continue
		}
		if err == ErrAgain {
			err = c.awaitRoom()
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Pause gives the other connections of the loop a turn.
func (c *Conn) Pause() {
	if c.w.mine() {
		c.w.Pause()
	}
}

// Writev writes a and then b, in one call to the kernel when both fit.
func (c *Conn) Writev(a, b []byte) (int, error) {
	n, err := c.tryWritev(a, b)
	if err != nil && err != ErrAgain {
		return n, err
	}
	if n < len(a) {
		m, err := c.Write(a[n:])
		if err != nil {
			return n + m, err
		}
		n = len(a)
	}
	m, err := c.Write(b[n-len(a):])
	return n + m, err
}

func (c *Conn) tryWritev(a, b []byte) (int, error) {
	if len(a) == 0 || len(b) == 0 || len(a) > maxTransfer/2 {
		return 0, ErrAgain
	}
	if err := c.writable(); err != nil {
		return 0, err
	}
	iov := &c.w.iov
	iov[0].Base, iov[1].Base = &a[0], &b[0]
	iov[0].SetLen(len(a))
	iov[1].SetLen(min(len(b), maxTransfer/2))
	defer func() { *iov = [2]unix.Iovec{} }()
	for {
		n, e := c.loop.kernel.writev(int(c.fd), iov[:])
		switch e {
		case 0:
			c.sent(n)
			return n, nil
		case syscall.EAGAIN:
			return 0, ErrAgain
		case syscall.EINTR:
		default:
			return 0, e
		}
	}
}

// Sendfile sends n bytes of f from off on, without bringing them into user space. It returns how many it sent;
// io.ErrUnexpectedEOF when the file is shorter.
func (c *Conn) Sendfile(f *os.File, off, n int64) (int64, error) {
	var done int64
	share := int64(fairShare)
	in := int(f.Fd())
	for done < n {
		if err := c.writable(); err != nil {
			return done, err
		}
		c.w.fileAt = off + done
		m, e := c.loop.kernel.sendfile(int(c.fd), in, &c.w.fileAt, int(min(n-done, fairShare)))
		switch e {
		case 0:
			if m == 0 {
				return done, io.ErrUnexpectedEOF
			}
			done += int64(m)
			c.sent(m)
			if share -= int64(m); share <= 0 && done < n {
				share = fairShare
				c.Pause()
			}
		case syscall.EINTR:
		case syscall.EAGAIN:
			c.loop.used(c.fd, c.slot, latchOut)
			if err := c.awaitRoom(); err != nil {
				return done, err
			}
		default:
			return done, e
		}
	}
	return done, nil
}

// Look says that nobody knows what of the latched readiness is still true: somebody else has used a duplicate of the
// descriptor.
func (c *Conn) Look() {
	if c.open() {
		c.slot.latch |= latchIn | latchOut
	}
}

// Detach makes the loop's poller forget the connection, so that somebody else can drive a duplicate of its
// descriptor. Serve must return Close soon, which closes the original. It is for code on the loop.
func (c *Conn) Detach() error {
	if !c.open() {
		return ErrClosed
	}
	if e := c.loop.poller.remove(int(c.fd)); e != 0 {
		return e
	}
	return nil
}

// CloseWrite sends a FIN: the peer sees the end of the answer and may go on sending.
func (c *Conn) CloseWrite() error {
	if !c.open() {
		return ErrClosed
	}
	if e := c.loop.kernel.shutdown(int(c.fd), unix.SHUT_WR); e != 0 {
		return e
	}
	return nil
}

// Cancel ends what the connection's handler waits for, now and later, with cause; only writing goes on. It is for code
// on the loop.
func (c *Conn) Cancel(cause error) {
	if c.cause == nil {
		c.cause = cause
	}
	c.loop.wake(c.cancelled)
}

// Uncancel takes back what Cancel did, for what is served next; Kill is for good. That the peer has closed stays true, and
// the protocol is told once more. It is for code on the loop while nothing waits.
func (c *Conn) Uncancel() {
	if c.dead != nil {
		return
	}
	c.cause = nil
	if c.hungUp {
		c.w.server.Hangup(c)
	}
}

// Kill is Cancel for writing too.
func (c *Conn) Kill(cause error) {
	if c.dead == nil {
		c.dead = cause
	}
	c.Cancel(cause)
	c.loop.wake(c.writer)
}
