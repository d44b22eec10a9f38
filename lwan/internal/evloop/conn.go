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
)

// Conn is the connection that a worker serves. Its calls look blocking: where the kernel says EAGAIN the worker parks
// and the loop goes on. It is valid until the protocol's Serve returns.
//
// While a handler is offloaded to a goroutine the same calls wait as a goroutine's do; one goroutine may read while
// another one writes.
type Conn struct {
	// Longest wait of one call without progress; 0: no limit. Set them before the call.
	ReadTimeout, WriteTimeout time.Duration

	w    *Worker
	loop *Loop
	slot *slot
	fd   int32 // -1: serves nothing, or what it served was closed while its worker could not run
	off  *offload

	// owned by the loop
	reader, writer, cancelled waiter // gates
	cause                     error  // why it was cancelled; sticky
	dead                      error  // why it was killed; sticky
	hungUp                    bool   // the protocol knows that the peer has closed
	read                      int    // bytes since its worker last waited
}

func (c *Conn) open() bool { return c.slot != nil }

// Fd is the descriptor. It is for socket options; reading or writing it directly loses edges.
func (c *Conn) Fd() int { return int(c.fd) }

// Lane tells which listener the connection came from.
func (c *Conn) Lane() int { return int(c.slot.lane) }

// Tally is a number of the protocol's that the connection keeps while it is idle too: 0 at first.
func (c *Conn) Tally() uint32 { return c.slot.served - 1 }

// SetTally sets it; it saturates.
func (c *Conn) SetTally(n uint32) { c.slot.served = max(n+1, n) }

// Loop is the loop that owns the connection.
func (c *Conn) Loop() *Loop { return c.loop }

// Worker is the worker that serves the connection.
func (c *Conn) Worker() *Worker { return c.w }

// Cause is why the connection was cancelled; nil as long as it was not.
func (c *Conn) Cause() error {
	if c.off == nil {
		return c.cause
	}
	return errorIn(&c.off.cause)
}

// killed is why the connection was killed; nil as long as it was not.
func (c *Conn) killed() error {
	if c.off == nil {
		return c.dead
	}
	return errorIn(&c.off.dead)
}

// Offloaded reports whether a goroutine drives the connection just now.
func (c *Conn) Offloaded() bool { return c.off != nil }

// HungUp reports whether the peer is known to have closed or half-closed.
func (c *Conn) HungUp() bool { return c.off == nil && c.slot.gone() }

// Local asks the kernel for the local address; the zero value for a unix socket.
func (c *Conn) Local() netip.AddrPort {
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
	if c.fd < 0 {
		return 0, ErrGone
	}
	if c.off == nil && !c.slot.readable() {
		return 0, ErrAgain
	}
	for {
		n, e := c.loop.kernel.read(int(c.fd), p)
		switch e {
		case 0:
			c.received(n, n < len(p) && n < maxTransfer)
			return n, nil
		case syscall.EAGAIN:
			if c.off == nil {
				c.slot.latch &^= latchIn | latchUrgent
			}
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
	if c.off != nil {
		c.loop.offBytesIn.Add(int64(n))
		return
	}
	if s := c.slot; short && s.latch&(latchRdHup|latchHup) == 0 {
		s.latch &^= latchIn
	}
	c.loop.counts.BytesIn += int64(n)
}

// Read reads at least one byte, and waits for it as long as ReadTimeout allows. 0 and nil: the end of the stream. A peer
// that sends faster than it is read never makes the worker wait: then the others have a turn after each fair share.
func (c *Conn) Read(p []byte) (int, error) { return c.ReadInto(func() []byte { return p }) }

// ReadInto is Read for a buffer that Waits gives back: buffer is asked for it whenever the kernel is about to fill it.
func (c *Conn) ReadInto(buffer func() []byte) (int, error) {
	if c.off == nil && c.read >= fairShare {
		c.read = 0
		c.Pause()
	}
	for {
		n, err := c.TryRead(buffer())
		if err != ErrAgain {
			if c.off == nil {
				c.read += n
			}
			return n, err
		}
		c.read = 0
		if err := c.awaitInput(); err != nil {
			return 0, err
		}
	}
}

// awaitInput parks until there is something to read.
func (c *Conn) awaitInput() error {
	if c.off != nil {
		return c.off.wait(c.off.input, c.off.cancelled, c.ReadTimeout)
	}
	if err := c.ready(); err != nil {
		return err
	}
	c.w.server.Waits(c)
	wt := c.begin(c.ReadTimeout)
	c.reader, c.cancelled = wt, wt
	c.w.park()
	c.reader, c.cancelled = waiter{}, waiter{}
	if c.slot.readable() { // also when the peer has closed: first comes what it had sent
		return nil
	}
	return c.outcome(c.cause)
}

// awaitRoom parks until the kernel takes more. A peer that has closed its side may still read.
func (c *Conn) awaitRoom() error {
	if c.off != nil {
		return c.off.wait(c.off.space, c.off.killed, c.WriteTimeout)
	}
	if !c.w.mine() {
		return ErrForeign
	}
	if c.dead != nil {
		return c.dead
	}
	c.w.server.Waits(c)
	c.writer = c.begin(c.WriteTimeout)
	c.w.park()
	c.writer = waiter{}
	return c.outcome(c.dead)
}

// ready reports why the handler cannot wait: it is on another goroutine, or the connection is cancelled.
func (c *Conn) ready() error {
	if !c.w.mine() {
		return ErrForeign
	}
	c.noticeHangup()
	return c.cause
}

// noticeHangup tells the protocol, once, that the peer has closed. An edge may have told it before anybody waited.
func (c *Conn) noticeHangup() {
	if c.slot.gone() && !c.hungUp {
		c.hungUp = true
		c.w.server.Hangup(c)
	}
}

// begin starts a wait of at most limit.
func (c *Conn) begin(limit time.Duration) waiter {
	wt := c.w.waiter()
	if limit > 0 {
		c.loop.timers.add(&c.w.timer, c.loop.after(limit))
	}
	return wt
}

// outcome of a wait: what ended it, unless it was the gate.
func (c *Conn) outcome(cause error) error {
	if c.w.late {
		return ErrTimeout
	}
	return cause
}

// TryWrite writes what fits. It never waits: ErrAgain when nothing fits.
func (c *Conn) TryWrite(p []byte) (int, error) { return c.tryWrite(p, false) }

func (c *Conn) tryWrite(p []byte, more bool) (int, error) {
	if err := c.killed(); err != nil {
		return 0, err
	}
	for {
		n, e := c.send(p, more)
		switch e {
		case 0:
			c.sent(n)
			return n, nil
		case syscall.EAGAIN:
			if c.off == nil {
				c.slot.latch &^= latchOut
			}
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

func (c *Conn) sent(n int) {
	if c.off == nil {
		c.loop.counts.BytesOut += int64(n)
	} else {
		c.loop.offBytesOut.Add(int64(n))
	}
}

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

// Pause gives the other connections of the loop a turn; off the loop it is not needed.
func (c *Conn) Pause() {
	if c.off == nil && c.w.mine() {
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
	if err := c.killed(); err != nil {
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
		if err := c.killed(); err != nil {
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
			if c.off == nil {
				c.slot.latch &^= latchOut
			}
			if err := c.awaitRoom(); err != nil {
				return done, err
			}
		default:
			return done, e
		}
	}
	return done, nil
}

// Detach takes the connection out of the loop's epoll set, so that somebody else can drive a duplicate of its
// descriptor. Serve must return Close soon, which closes the original. It is for code on the loop.
func (c *Conn) Detach() error {
	if e := c.loop.kernel.epollDel(c.loop.epfd, int(c.fd)); e != 0 {
		return e
	}
	return nil
}

// CloseWrite sends a FIN: the peer sees the end of the answer and may go on sending.
func (c *Conn) CloseWrite() error {
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
	if c.off != nil {
		c.off.end(c.off.cancelled, &c.off.cause, c.cause)
	}
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
	if c.off != nil {
		c.off.end(c.off.killed, &c.off.dead, c.dead)
	}
}
