//go:build linux

package conn

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// ErrUnread is returned by Read after StopReading. The other errors of a Conn's operations are
// those of package transport, and of the kernel (syscall.Errno).
var ErrUnread = errors.New("conn: nobody waits for what is read any more")

// Conn names an open connection: its descriptor and generation. It belongs to its loop and to no
// worker: any code on the loop may try, and any task of the loop may wait for it. Each call looks
// the connection up, and again after each wait. It may be kept for as long as one likes; once the
// connection is closed it names nothing, and its calls say ErrOver without asking the kernel. The
// zero value names nothing.
//
// All methods are for code on the loop; a goroutine has no socket.
type Conn struct {
	set *Set
	fd  int32
	gen uint32
}

// slot returns the connection's slot, or nil when it is closed.
func (c Conn) slot() *slot {
	if c.set == nil {
		return nil
	}
	if s := &c.set.slots[c.fd]; atomic.LoadUint32(&s.gen) == c.gen {
		return s
	}
	return nil
}

func (set *Set) connOf(fd int32, s *slot) Conn { return Conn{set, fd, s.gen} }

// Open reports whether the connection is there.
func (c Conn) Open() bool { return c.slot() != nil }

// Fd is the descriptor; -1 when the connection is closed. It is for socket options: reading or
// writing it directly loses edges.
func (c Conn) Fd() int {
	if c.slot() == nil {
		return -1
	}
	return int(c.fd)
}

// Lane tells which listener the connection came from; 0 when it is closed.
func (c Conn) Lane() int {
	if s := c.slot(); s != nil {
		return int(s.lane)
	}
	return 0
}

// Count is a number of the protocol's that the connection keeps while it is idle too: 0 at first.
func (c Conn) Count() uint32 {
	if s := c.slot(); s != nil {
		return s.count
	}
	return 0
}

// SetCount sets it.
func (c Conn) SetCount(n uint32) {
	if s := c.slot(); s != nil {
		s.count = n
	}
}

// Loop is the loop that owns the connection.
func (c Conn) Loop() *loop.Loop { return c.set.loop }

// Local asks the kernel for the local address; the zero value for a unix socket.
func (c Conn) Local() netip.AddrPort {
	if c.slot() == nil {
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

// TryRead reads what is there. It never waits: ErrAgain when there is nothing, 0 and nil at the end
// of the stream. Without a latched edge it does not even ask the kernel.
func (c Conn) TryRead(p []byte) (int, error) {
	s := c.slot()
	if s == nil {
		return 0, transport.ErrOver
	}
	if s.rec >= 0 {
		if ly := c.set.layer(s); ly != nil {
			return c.open(s, ly, p)
		}
	}
	if !s.readable() {
		return 0, transport.ErrAgain
	}
	for {
		n, e := c.set.kernel.Read(int(c.fd), p)
		switch e {
		case 0:
			c.set.received(c.fd, s, n, n < len(p) && n < maxTransfer)
			if n == 0 && len(p) > 0 {
				c.heardEnd(s)
			}
			return n, nil
		case syscall.EAGAIN:
			c.set.used(c.fd, s, loop.In|loop.Urgent)
			return 0, transport.ErrAgain
		case syscall.EINTR:
		default:
			return 0, e
		}
	}
}

// received books n bytes. A short read has emptied the socket, unless a FIN or an error came along:
// no other edge will tell of that.
func (set *Set) received(fd int32, s *slot, n int, short bool) {
	if short && !s.gone() {
		set.used(fd, s, loop.In)
	}
	set.counts.BytesIn += int64(n)
}

// heardEnd is for a read that has told of the peer's end. The event that tells of it may be on its
// way, or never come: the end of what TLS carries is none of the kernel's. Whoever reads on finds
// the end again, and the handler learns of it before the read returns.
func (c Conn) heardEnd(s *slot) {
	s.latch |= loop.RdHup
	if s.state != slotBusy || c.set.bare(s) {
		return
	}
	if s.rec >= 0 && c.set.records.at(s.rec).at != nil {
		c.set.records.at(s.rec).at.task.Cancel(0, transport.ErrGone)
	} else if w := c.set.loop.Current(); seatOf(&w.Task).conn == c { // it has not waited yet
		w.Cancel(0, transport.ErrGone)
	}
}

// used books that the kernel has no more of what was latched.
func (set *Set) used(fd int32, s *slot, what loop.Ready) {
	set.loop.MustOwn()
	s.latch &^= what
	set.poller.Used(int(fd), what)
}

// TryWrite writes what fits. It never waits: ErrAgain when nothing fits, and an edge will tell.
func (c Conn) TryWrite(p []byte) (int, error) {
	n, err := c.tryWrite(p, false)
	if n == 0 && err == nil && len(p) > 0 {
		err = transport.ErrAgain // the kernel has taken what a Layer had kept, and no more
	}
	return n, err
}

func (c Conn) tryWrite(p []byte, more bool) (int, error) {
	s, err := c.forWriting()
	if err != nil {
		return 0, err
	}
	if s.rec >= 0 {
		if ly := c.set.layer(s); ly != nil {
			return c.seal(s, ly, p, nil, more)
		}
	}
	for {
		n, e := c.send(p, more)
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

// forWriting looks the connection up, and reports why nothing can be written.
func (c Conn) forWriting() (*slot, error) {
	s := c.slot()
	switch {
	case s == nil:
		return nil, transport.ErrOver
	case s.rec >= 0:
		if at := c.set.records.at(s.rec).at; at != nil && at.task != nil && at.task.Dead() != nil {
			return nil, at.task.Dead()
		}
	}
	if !s.writable() {
		return nil, transport.ErrAgain
	}
	return s, nil
}

func (c Conn) send(p []byte, more bool) (int, syscall.Errno) {
	if more {
		return c.set.kernel.WriteMore(int(c.fd), p)
	}
	return c.set.kernel.Write(int(c.fd), p)
}

// Look says that nobody knows what of the latched readiness is still true: somebody else has used a
// duplicate of the descriptor.
func (c Conn) Look() {
	if s := c.slot(); s != nil {
		s.latch |= loop.In | loop.Out
	}
}

// Detach makes the loop's poller forget the connection, so that somebody else can drive a duplicate
// of its descriptor. Serve must return Close soon, which closes the original.
func (c Conn) Detach() error {
	if c.slot() == nil {
		return transport.ErrOver
	}
	if e := c.set.poller.Remove(int(c.fd)); e != 0 {
		return e
	}
	return nil
}

// CloseWrite sends a FIN: the peer sees the end of the answer and may go on sending. What a Layer
// has to send before it goes first, without waiting here.
func (c Conn) CloseWrite() error {
	s := c.slot()
	if s == nil {
		return transport.ErrOver
	}
	if ly := c.set.layer(s); ly != nil {
		all, err := c.set.say(c.fd, s, ly)
		if !all || err != nil {
			ly.fin = true
			return err
		}
	}
	if e := c.set.kernel.Shutdown(int(c.fd), unix.SHUT_WR); e != 0 {
		return e
	}
	return nil
}
