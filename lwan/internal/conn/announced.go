//go:build linux

package conn

import (
	"io"
	"log/slog"
	"net/netip"
	"syscall"
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/proxyhead"
)

// A proxy that passes connections on can say whom each one is of, by a header of the PROXY protocol
// before the first byte of the client's: before a handshake, where there is one. The address that
// it tells takes the place of the peer's, for good (Conn.Peer).
//
// The header is collected by the loop as a hello is: no worker has to do with it. It is the slot's
// while it is not whole, and nothing of it is left afterwards. Of what follows it nothing is read:
// it is looked at first, so that whoever serves the connection finds the socket as if there had
// been no header.

// Announced makes connections of the lane whose peer may speak for others begin with a header of
// the PROXY protocol, which has to come within limit, counted from accepting and rounded up to
// seconds; 0: any time. With Secure the limit is for both together, and has to be the same. The
// peer is invalid on a unix socket. may is called on all loops, and must not wait.
func (l *Lane) Announced(may func(peer netip.Addr) bool, limit time.Duration) {
	l.announced, l.handshake = may, Seconds(limit)
}

// hear reads the header, or as much of it as has come. Once it is whole the connection begins.
func (set *Set) hear(w *loop.Worker, fd int32, s *slot) {
	for s.readable() {
		client, whole, err := set.hearMore(fd, s)
		switch {
		case err == syscall.EAGAIN:
			set.used(fd, s, loop.In|loop.Urgent)
			return
		case err != nil:
			set.unannounced(fd, s, err)
			return
		case whole:
			set.arrive(w, fd, s, client)
			return
		}
	}
}

// hearMore reads what is there of the header, and no byte behind it.
func (set *Set) hearMore(fd int32, s *slot) (client netip.AddrPort, whole bool, err error) {
	var head []byte
	if s.rec >= 0 {
		head, _ = set.records.at(s.rec).what.([]byte)
	}
	buf := set.loop.Scratch()[:proxyhead.MaxBytes]
	have := copy(buf, head)
	there, e := set.kernel.Peek(int(fd), buf[have:])
	switch {
	case e == syscall.EINTR:
		return client, false, nil
	case e != 0:
		return client, false, e
	case there == 0 && have == 0:
		return client, false, io.EOF
	case there == 0:
		return client, false, io.ErrUnexpectedEOF
	}
	client, size, err := proxyhead.Parse(buf[:have+there])
	if err != nil {
		return client, false, err
	}
	want := there
	if size > 0 {
		want = size - have
	}
	n, e := set.kernel.Read(int(fd), buf[have:have+want])
	switch {
	case e == syscall.EINTR:
		return client, false, nil
	case e != 0:
		return client, false, e
	}
	set.received(fd, s, n, n == there && have+there < len(buf))
	if have += n; have == size {
		return client, true, nil
	}
	set.record(s).what = append([]byte(nil), buf[:have]...)
	return client, false, nil
}

// arrive lets the connection begin, as one of client's; invalid: its peer is the client.
func (set *Set) arrive(w *loop.Worker, fd int32, s *slot, client netip.AddrPort) {
	set.dropRecord(s)
	eng := set.eng
	if client.IsValid() {
		eng.peers[fd].keep(s.gen, client)
	}
	secure := eng.lanes[s.lane].security != nil
	a := eng.peers[fd].addrPort(s.gen).Addr()
	if eng.addrs != nil && !eng.addrs.enter(int(fd), s.lane, a) {
		set.refuseAnnounced(fd, s, secure)
		return
	}
	if secure {
		set.expectHello(s)
		set.greet(fd, s)
		return
	}
	set.welcome(fd, s)
	if s.readable() && s.latch&latchTurn == 0 {
		set.serve(w, fd, s, Readable)
	}
}

// refuseAnnounced is refuse for a connection whose client's address has too many.
func (set *Set) refuseAnnounced(fd int32, s *slot, secure bool) {
	set.counts.Rejected++
	if secure || set.bare(s) { // its peer could not read what is in the clear, or HTTP
		set.close(fd, s)
		return
	}
	set.eng.protocol.Refuse(int(fd))
	set.startLinger(fd, s)
}

// unannounced ends a connection that has not begun with a header. One that has said nothing was
// opened to see whether somebody listens.
func (set *Set) unannounced(fd int32, s *slot, err error) {
	if _, broken := err.(syscall.Errno); !broken && err != io.EOF {
		set.eng.repeats.Say(set.eng.log, "unannounced", slog.LevelWarn,
			"conn: closed for want of a PROXY protocol header", "peer",
			set.connOf(fd, s).Peer().Addr(), "err", err)
	}
	set.close(fd, s)
}
