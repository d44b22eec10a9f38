//go:build linux

// Package faults has a kernel and a poller that do their work badly, within what the real ones may
// do: what an engine of package conn makes of them is right under every load. It is for tests only,
// also of what is built on that package.
//
// Where the kernel holds back what is there (EAGAIN, a short read) it owes an edge for later, as
// the real one would give one: it adds the descriptor to its poller anew, which makes that look at
// it again. So loops that have a Kernel of this package must have pollers of its Poller.
package faults

import (
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/loop"
)

// Kernel does its work badly, within what the real one may do.
type Kernel struct {
	conn.Linux

	mu    sync.Mutex
	rand  *rand.Rand
	rates Rates
	conns map[int]*faultyConn // by descriptor
	harm  map[ends]Harm       // what was done
	count map[string]int      // faults by call and kind
	short int                 // how often accept found no descriptor
}

// Rates says how often something goes wrong: once in so many calls. Zero: never.
type Rates struct {
	Again     int // a transfer finds nothing to read, or no room
	Interrupt int // a transfer is interrupted
	Short     int // a transfer moves fewer bytes than it could
	Break     int // a transfer fails, and so does all that follows: the connection is dead
	Abort     int // accept is interrupted, or the connection is gone already
	Exhaust   int // accept finds no memory
	// accept finds no descriptor; idle connections are given up then, and Harm knows nothing of it
	Full     int
	Register int // the poller finds no memory for a connection
	Poll     int // a wait for events is interrupted
	Close    int // close is interrupted, after it has closed
	Shutdown int // shutdown fails: the connection is gone
	Dial     int // there is no descriptor for a socket, or connect fails, or never ends
}

// Harm is what has been done to a connection, as far as its peer may come to know.
type Harm uint8

const (
	Broken Harm = 1 << iota // it was ended
	// not all was written at once: what is sent on parting, without waiting, may be incomplete
	Held
	Refused // it was hung up on before anything had been read
)

// ends is how the other side names a connection: two of them may have the same peer if they came to
// different listeners.
type ends struct{ peer, local string }

type faultyConn struct {
	ends   ends
	read   bool
	poller loop.Poller // that watches it
	token  uint64
	broken syscall.Errno // every call fails with it from now on
}

// New makes a kernel whose faults follow from seed, as far as the order of calls does not differ.
func New(seed uint64, rates Rates) *Kernel {
	return &Kernel{
		rand: rand.New(rand.NewPCG(seed, 0)), rates: rates,
		conns: map[int]*faultyConn{}, harm: map[ends]Harm{}, count: map[string]int{},
	}
}

// SetRates changes the rates from now on.
func (k *Kernel) SetRates(rates Rates) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rates = rates
}

// Counts is how many faults there were so far, by call and kind.
func (k *Kernel) Counts() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.count)
}

// Open is how many connections were accepted and not closed yet.
func (k *Kernel) Open() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.conns)
}

// Exhausted is how often accept found no descriptor, or was told so.
func (k *Kernel) Exhausted() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.short
}

// Harm returns, and forgets, what was done to the connection whose other end is c.
func (k *Kernel) Harm(c net.Conn) Harm {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := ends{peer: c.LocalAddr().String(), local: c.RemoteAddr().String()}
	h := k.harm[e]
	delete(k.harm, e)
	return h
}

// Forget forgets what was done to connections, where nobody is left who would ask.
func (k *Kernel) Forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.harm)
}

// chance is true once in n calls, and counts what it lets happen. n is 0: never.
func (k *Kernel) chance(n int, what string) bool {
	if n == 0 || k.rand.IntN(n) != 0 {
		return false
	}
	k.count[what]++
	return true
}

// hurt books what happens to fd.
func (k *Kernel) hurt(fd int, h Harm) {
	if c := k.conns[fd]; c != nil && c.ends.peer != "" {
		k.harm[c.ends] |= h
	}
}

// owe gives fd another edge.
func (k *Kernel) owe(fd int) {
	c := k.conns[fd]
	if c == nil || c.poller == nil {
		return
	}
	c.poller.Remove(fd)
	if e := c.poller.Add(fd, c.token); e != 0 {
		panic("faults: a descriptor that was watched cannot be: " + e.Error())
	}
}

// kill makes every call on fd fail with e from now on.
func (k *Kernel) kill(fd int, e syscall.Errno) {
	if c := k.conns[fd]; c != nil {
		c.broken = e
	}
	k.hurt(fd, Broken)
	// for the edges of a broken connection; one that has no peer any more has had them
	_ = unix.Shutdown(fd, unix.SHUT_RDWR)
}

// spoil decides about a transfer of n bytes: an error to return, or how many bytes may move.
func (k *Kernel) spoil(fd, n int, call string, reading bool) (int, syscall.Errno) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.conns[fd]; c != nil && c.broken != 0 {
		return 0, c.broken
	}
	switch r := &k.rates; {
	case k.chance(r.Interrupt, call+" EINTR"):
		return 0, syscall.EINTR
	case k.chance(r.Again, call+" EAGAIN"):
		k.held(fd, reading)
		k.owe(fd)
		return 0, syscall.EAGAIN
	case k.chance(r.Break, call+" broken"):
		all := []syscall.Errno{
			syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT, syscall.ENOMEM,
		}
		e := all[k.rand.IntN(len(all))]
		k.kill(fd, e)
		return 0, e
	case n > 1 && k.chance(r.Short, call+" short"):
		k.held(fd, reading)
		if reading {
			k.owe(fd)
		}
		return 1 + k.rand.IntN(min(n-1, 2000)), 0
	}
	return n, 0
}

func (k *Kernel) held(fd int, reading bool) {
	if !reading {
		k.hurt(fd, Held)
	}
}

func (k *Kernel) Read(fd int, p []byte) (int, syscall.Errno) {
	n, e := k.spoil(fd, len(p), "read", true)
	if e != 0 {
		return -1, e
	}
	got, e := k.Linux.Read(fd, p[:n])
	if got > 0 {
		k.noteRead(fd)
	}
	return got, e
}

func (k *Kernel) noteRead(fd int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.conns[fd]; c != nil {
		c.read = true
	}
}

func (k *Kernel) Write(fd int, p []byte) (int, syscall.Errno) {
	n, e := k.spoil(fd, len(p), "write", false)
	if e != 0 {
		return -1, e
	}
	return k.Linux.Write(fd, p[:n])
}

func (k *Kernel) WriteMore(fd int, p []byte) (int, syscall.Errno) {
	n, e := k.spoil(fd, len(p), "write", false)
	if e != 0 {
		return -1, e
	}
	return k.Linux.WriteMore(fd, p[:n])
}

// writev is short by ending in the first part, at its end, or in the second part.
func (k *Kernel) Writev(fd int, iov []unix.Iovec) (int, syscall.Errno) {
	n, e := k.spoil(fd, int(iov[0].Len+iov[1].Len), "writev", false)
	if e != 0 {
		return -1, e
	}
	cut := [2]unix.Iovec{iov[0], iov[1]}
	if first := int(iov[0].Len); n <= first {
		cut[0].SetLen(n)
		cut[1].SetLen(0)
	} else {
		cut[1].SetLen(n - first)
	}
	return k.Linux.Writev(fd, cut[:])
}

func (k *Kernel) Sendfile(out, in int, off *int64, n int, cached bool) (int, syscall.Errno) {
	n, e := k.spoil(out, n, "sendfile", false)
	if e != 0 {
		return -1, e
	}
	return k.Linux.Sendfile(out, in, off, n, cached)
}

func (k *Kernel) Accept(fd int, from *conn.Sockaddr) (int, syscall.Errno) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch r := &k.rates; {
	case k.chance(r.Abort, "accept EINTR"):
		return -1, syscall.EINTR
	case k.chance(r.Abort, "accept ECONNABORTED"):
		return -1, syscall.ECONNABORTED
	case k.chance(r.Exhaust, "accept exhausted"):
		return -1, []syscall.Errno{syscall.ENOMEM, syscall.ENOBUFS}[k.rand.IntN(2)]
	case k.chance(r.Full, "accept full"):
		k.short++
		return -1, []syscall.Errno{syscall.EMFILE, syscall.ENFILE}[k.rand.IntN(2)]
	}
	n, e := k.Linux.Accept(fd, from)
	switch e {
	case 0:
		k.accepted(n)
	case syscall.EMFILE, syscall.ENFILE:
		k.short++
	}
	return n, e
}

// accepted takes notice of a new connection. What is known of an address is of an earlier one.
func (k *Kernel) accepted(fd int) {
	c := &faultyConn{}
	peer, gone := unix.Getpeername(fd)
	local, err := unix.Getsockname(fd)
	if gone == nil && err == nil { // else nobody will ask
		c.ends = ends{nameOf(peer), nameOf(local)}
	}
	delete(k.harm, c.ends)
	k.conns[fd] = c
}

func nameOf(sa unix.Sockaddr) string {
	if u, ok := sa.(*unix.SockaddrUnix); ok {
		return u.Name
	}

	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port)).String()
	}
	return ""
}

// close closes, whatever it says: so does the kernel's when it says EINTR.
func (k *Kernel) Close(fd int) syscall.Errno {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left(fd)
	delete(k.conns, fd)
	interrupted := k.chance(k.rates.Close, "close EINTR")
	if e := k.Linux.Close(fd); e != 0 || !interrupted {
		return e
	}
	return syscall.EINTR
}

func (k *Kernel) Shutdown(fd, how int) syscall.Errno {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.chance(k.rates.Shutdown, "shutdown ENOTCONN") {
		k.kill(fd, syscall.ENOTCONN)
		return syscall.ENOTCONN
	}
	k.left(fd)
	return k.Linux.Shutdown(fd, how)
}

// left is called when the server hangs up.
func (k *Kernel) left(fd int) {
	if c := k.conns[fd]; c != nil && !c.read {
		k.hurt(fd, Refused)
	}
}

// Socket finds no descriptor, at times, and makes one that is known.
func (k *Kernel) Socket(domain int) (int, syscall.Errno) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.chance(k.rates.Dial, "socket full") {
		return -1, []syscall.Errno{syscall.EMFILE, syscall.ENFILE}[k.rand.IntN(2)]
	}
	fd, e := k.Linux.Socket(domain)
	if e == 0 {
		k.conns[fd] = &faultyConn{}
	}
	return fd, e
}

// Connect fails, or is in progress for ever: the socket stays as it is.
func (k *Kernel) Connect(fd int, to unix.Sockaddr) syscall.Errno {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := &k.rates
	switch {
	case k.chance(r.Dial, "connect fails"):
		all := []syscall.Errno{
			syscall.ECONNREFUSED, syscall.EAGAIN, syscall.EHOSTUNREACH, syscall.ETIMEDOUT,
		}
		return all[k.rand.IntN(len(all))]
	case k.chance(r.Dial, "connect never ends"):
		return syscall.EINPROGRESS
	case k.chance(r.Interrupt, "connect EINTR"):
		if e := k.Linux.Connect(fd, to); e != 0 {
			return e
		}
		return syscall.EINTR
	}
	return k.Linux.Connect(fd, to)
}

// Connected tells of a connection that was reset before it was used.
func (k *Kernel) Connected(fd int) syscall.Errno {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.Linux.Connected(fd); e != 0 {
		return e
	}
	if k.chance(k.rates.Break, "connected reset") {
		k.kill(fd, syscall.ECONNRESET)
		return syscall.ECONNRESET
	}
	return 0
}
