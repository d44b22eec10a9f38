//go:build linux

package conn

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// A connection that is opened from here belongs to the loop of the task that has dialled it, and
// stands in a slot as those that were accepted. Three things differ: it comes from laneDialled, so
// it is counted by no listener, address or limit of clients; nobody serves it, since the handler
// that has it waits for it (slotHeld); and it stands on the wheel only while it rests in a pool, or
// as a session has asked for it.
//
//	free ──Dial, Adopt──▶ held ──Rest──▶ session ──Hold──▶ held
//	held ──Pipe.Attach──▶ session            a tunnel's
//	any ──Close, Reset, kill──▶ free
//
// Who waits for one waits by his own task: so whatever ends that ends the wait, the leaving of the
// client that it serves first of all, and nothing has to know of the pair.

// laneDialled takes the place of a listener's number.
const laneDialled = laneInternal - 1

// Target is what Dial connects to.
type Target struct {
	Addr  netip.AddrPort // where Path is empty
	Path  string         // of a unix socket; one that begins with "@" is abstract
	Local netip.Addr     // where the connection comes from; the zero value: the system chooses
}

// sockaddr is the target as the kernel wants it.
func (to *Target) sockaddr() (domain int, sa unix.Sockaddr) {
	if to.Path != "" {
		return unix.AF_UNIX, &unix.SockaddrUnix{Name: to.Path}
	}
	return sockaddrOf(to.Addr)
}

func sockaddrOf(a netip.AddrPort) (domain int, sa unix.Sockaddr) {
	addr := a.Addr().Unmap()
	if addr.Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: addr.As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{
		Port: int(a.Port()), Addr: addr.As16(), ZoneId: zoneOf(addr.Zone()),
	}
}

// zoneOf is the number of an interface that an address names; 0: none of that name.
func zoneOf(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	return 0
}

// Dial connects to a target, and parks t meanwhile, for limit at most (ErrTimeout; 0: no limit).
// Other errors are the kernel's, or the cause for which t's waits end. The connection is held by
// who has dialled it, until Close, Rest or Attach.
func Dial(t *loop.Task, to *Target, limit time.Duration) (Conn, error) {
	set := seatOf(t).set
	domain, sa := to.sockaddr()
	fd, e := set.socket(domain)
	if e != 0 {
		return Conn{}, e
	}
	if e := set.ready(fd, domain, to); e != 0 {
		set.kernel.Close(fd)
		return Conn{}, e
	}
	c, e := set.hold(fd)
	if e != 0 {
		return Conn{}, e
	}
	set.eng.peers[fd].keep(c.gen, to.Addr)
	switch e := set.kernel.Connect(fd, sa); e {
	case 0:
		if e = set.watch(c); e != 0 {
			return Conn{}, e
		}
		return c.unlessItself(to)
	case syscall.EINPROGRESS, syscall.EINTR: // connect(2): it goes on all the same
	default:
		c.Close()
		return Conn{}, e
	}
	if e := set.watch(c); e != 0 {
		return Conn{}, e
	}
	if err := c.awaitConnection(t, limit); err != nil {
		c.Close()
		return Conn{}, err
	}
	return c.unlessItself(to)
}

// unlessItself refuses a connection to itself: where nobody listens at a port from which the system
// chooses, it may choose that one, and both ends of TCP are the same. Who talked to it would hear
// itself, and the server that is to listen there could not start.
func (c Conn) unlessItself(to *Target) (Conn, error) {
	if to.Path != "" || c.Local() != netip.AddrPortFrom(to.Addr.Addr().Unmap(), to.Addr.Port()) {
		return c, nil
	}
	c.Reset()
	return Conn{}, syscall.ECONNREFUSED
}

func errorOrNil(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

// Adopt makes fd, which is connected, a held connection of t's loop. It is closed on failure.
func Adopt(t *loop.Task, fd int) (Conn, error) {
	set := seatOf(t).set
	if err := unix.SetNonblock(fd, true); err != nil {
		set.kernel.Close(fd)
		return Conn{}, err
	}
	c, e := set.hold(fd)
	if e == 0 {
		e = set.watch(c)
	}
	return c, errorOrNil(e)
}

// socket makes one. Without a descriptor what is idle is given up for it: those connections first
// that are kept for others to use.
func (set *Set) socket(domain int) (int, syscall.Errno) {
	for {
		fd, e := set.kernel.Socket(domain)
		switch e {
		case syscall.EINTR:
		case syscall.EMFILE, syscall.ENFILE:
			if set.giveUpIdle() == 0 {
				return -1, e
			}
		default:
			return fd, e
		}
	}
}

// ready prepares a socket that is not connected yet.
func (set *Set) ready(fd, domain int, to *Target) syscall.Errno {
	if domain == unix.AF_UNIX {
		return 0
	}
	err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err == nil && to.Local.IsValid() {
		_, sa := sockaddrOf(netip.AddrPortFrom(to.Local, 0))
		// the port is chosen when it is known where to
		if err = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err == nil {
			err = unix.Bind(fd, sa)
		}
	}
	return errnoOf(err)
}

// hold takes possession of a descriptor. It is closed on failure.
func (set *Set) hold(fd int) (Conn, syscall.Errno) {
	if fd >= len(set.slots) {
		set.kernel.Close(fd)
		return Conn{}, syscall.EMFILE
	}
	s := &set.slots[fd]
	set.own(int32(fd), s, laneDialled, slotHeld)
	set.dialled++
	set.counts.Dialled++
	return set.connOf(int32(fd), s), 0
}

// watch lets the poller tell of the connection, which is closed if that fails.
func (set *Set) watch(c Conn) syscall.Errno {
	e := set.poller.Add(int(c.fd), eventData(int(c.fd), laneDialled, c.gen))
	if e != 0 {
		c.Close()
	}
	return e
}

// awaitConnection parks t until the kernel says what has become of the connection.
func (c Conn) awaitConnection(t *loop.Task, limit time.Duration) error {
	for {
		err := c.AwaitRoom(t, limit)
		s := c.slot()
		switch {
		case s == nil:
			return transport.ErrOver
		case s.writable():
			e := c.set.kernel.Connected(int(c.fd))
			if e != syscall.EINPROGRESS {
				return errorOrNil(e)
			}
			s.latch = 0 // told of the time before
			c.set.used(c.fd, s, loop.In|loop.Out)
		case err != nil:
			return err
		}
	}
}

// AwaitRoom parks t until something can be written to a held connection. It may return nil though
// nothing can: after Wake.
func (c Conn) AwaitRoom(t *loop.Task, limit time.Duration) error {
	r, err := c.forWaiting(t)
	if err != nil {
		return err
	}
	if c.slot().writable() {
		return nil
	}
	err = t.Await(transport.Cancelled, limit, &r.at.out)
	switch s := c.slot(); {
	case s == nil:
		return transport.ErrOver
	case s.writable():
		return nil
	}
	return err
}

// Readable reports whether a read would tell something.
func (c Conn) Readable() bool {
	s := c.slot()
	return s == nil || c.set.readable(s)
}

// TryShare is TryRead for t, which gives the others a turn after each fair share.
func (c Conn) TryShare(t *loop.Task, p []byte) (int, error) {
	if t.Moved >= fairShare {
		c.pause(t)
	}
	n, err := c.TryRead(p)
	t.Moved += max(n, 0)
	return n, err
}

// AwaitEither is AwaitRoom that ends, too, when there is something to read.
func (c Conn) AwaitEither(t *loop.Task, limit time.Duration) error {
	r, err := c.forWaiting(t)
	if err != nil {
		return err
	}
	if s := c.slot(); s.writable() || s.readable() {
		return nil
	}
	err = t.Await(transport.Cancelled, limit, &r.at.in, &r.at.out)
	switch s := c.slot(); {
	case s == nil:
		return transport.ErrOver
	case s.writable(), s.readable():
		return nil
	}
	return err
}

// Alarm lets what t waits for end, whatever that is, when there is something to read from a held
// connection; a nil t: no more. The one who waits finds out why.
func (c Conn) Alarm(t *loop.Task) {
	s := c.slot()
	if s == nil || s.state != slotHeld || t == nil && s.rec < 0 {
		return
	}
	r := c.set.record(s)
	if r.at == nil {
		r.at = new(waits)
	}
	r.at.task = t
}

// Wake lets go on who waits for a connection that is held or served: something that only they know
// of has changed.
func (c Conn) Wake() {
	s := c.slot()
	if s != nil && (s.state == slotHeld || s.state == slotBusy) && s.rec >= 0 {
		if at := c.set.records.at(s.rec).at; at != nil {
			at.open()
		}
	}
}

// openHeld wakes who waits for what has come.
func (set *Set) openHeld(s *slot) {
	if s.rec < 0 {
		return
	}
	at := set.records.at(s.rec).at
	if at == nil {
		return
	}
	if s.readable() {
		at.in.Open()
		if at.task != nil {
			at.task.Wake()
		}
	}
	if s.writable() {
		at.out.Open()
	}
}

// Rest leaves a held connection to ses, of which p is the Pipe, for seconds at most (0: for ever):
// its next event is that it is of no use any more. It reports false, and nothing has changed, if it
// is of none now: closed by its peer, with something to read that nobody has asked for, or while
// the loop drains.
func (c Conn) Rest(p transport.Pipe, ses transport.Session, seconds uint32) bool {
	s := c.slot()
	if s == nil || s.state != slotHeld || c.set.phase >= phaseDrain {
		return false
	}
	// After a read that has filled its buffer the latch says that there may be more.
	if c.Stray() {
		return false
	}
	r := c.set.record(s)
	r.what, r.pipe = ses, p.(*pipe)
	s.state = slotSession
	if seconds > 0 {
		c.set.wheel.arm(c.fd, c.set.secondAfter(seconds))
	}
	return true
}

// quiet asks the kernel whether there is nothing to read, not even the end.
func (set *Set) quiet(fd int32, s *slot) bool {
	for {
		_, e := set.kernel.Peek(int(fd), set.loop.Scratch()[:1])
		switch e {
		case syscall.EINTR:
		case syscall.EAGAIN:
			set.used(fd, s, loop.In)
			return true
		default:
			return false
		}
	}
}

// Stray reports whether a connection that rests is of no use: its peer has ended it, or sent
// something that nobody has asked for.
func (c Conn) Stray() bool {
	s := c.slot()
	return s == nil || s.gone() || s.readable() && !c.set.quiet(c.fd, s)
}

// Silent reports whether nothing has come on a connection that nobody reads, not even its end. It
// asks the kernel, also for what no event has told of yet.
func (c Conn) Silent() bool {
	s := c.slot()
	return s != nil && !s.gone() && c.set.quiet(c.fd, s)
}

// Hold takes a connection back from the session that Rest has left it to, which is told nothing.
func (c Conn) Hold() bool {
	s := c.slot()
	if s == nil || s.state != slotSession || s.lane != laneDialled {
		return false
	}
	c.set.wheel.disarm(c.fd)
	r := c.set.records.at(s.rec)
	r.what, r.pipe, r.expired = nil, nil, false
	s.state = slotHeld
	return true
}

// Close ends a held connection at once. Who waits for it gets ErrOver.
func (c Conn) Close() {
	if s := c.slot(); s != nil && s.state == slotHeld {
		c.set.close(c.fd, s)
	}
}

// Reset is Close by which the peer sees a reset and not an end.
func (c Conn) Reset() {
	if s := c.slot(); s != nil && s.state == slotHeld {
		c.set.reset(c.fd, s)
	}
}

// reset closes a connection so that its peer sees that something is missing.
func (set *Set) reset(fd int32, s *slot) {
	// should it fail, the peer sees an end
	_ = unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	set.close(fd, s)
}
