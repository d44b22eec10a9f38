//go:build linux

package conn

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Layer is what lies between a connection and its socket, as TLS: a codec, bytes in and bytes out.
// None of its calls waits, and all of them are made on the loop. Package tlslayer has one.
type Layer interface {
	// Open takes all of in, which came from the peer, and decodes into p: as much as there is, or
	// all of p. io.EOF: the peer has said that nothing follows. n may be positive with an error.
	Open(p, in []byte) (n int, err error)
	// Pending reports whether Open may have more without anything new from the peer.
	Pending() bool
	// Seal appends to out what sends p.
	Seal(out, p []byte) ([]byte, error)
	// Close appends to out what says that nothing follows. Nothing can be sealed after it.
	Close(out []byte) []byte
	// Rest says that nothing was sent for a second and more.
	Rest()
	// State is what the handshake has found out.
	State() *tls.ConnectionState
	// Release gives the connection away: to is the same one with a socket of package net, and what
	// comes back goes on where the Layer was.
	Release(to net.Conn) net.Conn
	// Kernel reports that the system does all that Open and Seal do, so that they are passed by.
	Kernel() bool
}

// layered is the Layer of a connection with what goes with it. It belongs to the record, so to the
// loop, from the handshake until the connection is closed or released. What Seal has made is on its
// way: what the kernel does not take of it stays here, goes before everything else, and leaves by
// itself when there is room (flush).
type layered struct {
	Layer
	kernel bool                 // Layer.Kernel()
	unsent []byte               // of what was sealed
	ended  error                // nothing more can be read: io.EOF, or why; nil: it can
	lost   error                // nothing more can be written; nil: it can
	fin    bool                 // a FIN follows unsent
	mute   bool                 // the end of the connection is to look like none of the content
	sealed uint32               // the second of the loop's clock in which something was sealed last
	state  *tls.ConnectionState // made when somebody asks
}

// layer is what the connection's bytes have to go through; nil: nothing.
func (set *Set) layer(s *slot) *layered {
	if s.rec < 0 {
		return nil
	}
	if ly := set.records.at(s.rec).layer; ly != nil && !ly.kernel {
		return ly
	}
	return nil
}

// Layer is the connection's, whoever does its work; nil: it has none.
func (c Conn) Layer() Layer {
	if s := c.slot(); s != nil && s.rec >= 0 {
		if ly := c.set.records.at(s.rec).layer; ly != nil {
			return ly.Layer
		}
	}
	return nil
}

// TLS is what the handshake has found out; nil: there was none. It is the same for all who ask.
func (c Conn) TLS() *tls.ConnectionState {
	s := c.slot()
	if s == nil || s.rec < 0 {
		return nil
	}
	ly := c.set.records.at(s.rec).layer
	if ly == nil {
		return nil
	}
	if ly.state == nil {
		ly.state = ly.State()
	}
	return ly.state
}

// Release gives the Layer to a connection of package net over a duplicate of the descriptor: what
// comes back is that, with the Layer. All that was written must have left. The connection has no
// Layer afterwards, and its loop may only half-close and close it.
func (c Conn) Release(to net.Conn) net.Conn {
	s := c.slot()
	if s == nil || s.rec < 0 {
		return to
	}
	r := c.set.records.at(s.rec)
	ly := r.layer
	if ly == nil {
		return to
	}
	r.layer = nil
	return ly.Release(to)
}

// ResetOnClose makes the close that follows a reset, so that the peer sees that something is
// missing where the end of the connection would be that of the content.
func (c Conn) ResetOnClose() {
	s := c.slot()
	if s == nil {
		return
	}
	if ly := c.set.layer(s); ly != nil {
		ly.mute = true
	}
	// The error has no other meaning than that the peer is gone already.
	_ = unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// readable reports whether a read would tell something: what has come, or what the Layer still has,
// of which no edge tells.
func (set *Set) readable(s *slot) bool {
	if s.readable() {
		return true
	}
	ly := set.layer(s)
	return ly != nil && (ly.ended != nil || ly.Pending())
}

// What is decoded and sealed at once.
const (
	// of ciphertext, if the reader has no more room: a record of TLS and a little
	openAtOnce = 16<<10 + 512
	sealAtOnce = 64 << 10
)

// open is TryRead through a Layer. It returns ErrAgain only when both the Layer and the kernel have
// nothing more. A peer that leaves without a word may have been cut off by anybody.
func (c Conn) open(s *slot, ly *layered, p []byte) (int, error) {
	for {
		if ly.ended != nil {
			c.heardEnd(s)
		}
		switch {
		case ly.ended == io.EOF:
			return 0, nil
		case ly.ended != nil:
			return 0, ly.ended
		}
		var in []byte
		if !ly.Pending() {
			var err error
			if in, err = c.ciphertext(s, len(p)); err != nil {
				return 0, err
			}
			if len(in) == 0 {
				ly.ended = transport.ErrGone
				continue
			}
		}
		n, err := ly.Open(p, in)
		switch {
		case err == io.EOF:
			ly.ended = io.EOF
		case err != nil: // it breaks the rules, or somebody in between does
			ly.ended = transport.ErrGone
		}
		if n > 0 {
			return n, nil
		}
	}
}

// ciphertext reads what is there, for a reader who takes n bytes; nothing: the peer has closed. It
// lies in a buffer of the loop's.
func (c Conn) ciphertext(s *slot, n int) ([]byte, error) {
	set := c.set
	if !s.readable() {
		return nil, transport.ErrAgain
	}
	if set.opens == nil {
		set.opens = make([]byte, maxOpened)
	}
	buf := set.opens[:min(max(n+512, openAtOnce), maxOpened)]
	for {
		n, e := set.kernel.Read(int(c.fd), buf)
		switch e {
		case 0:
			set.received(c.fd, s, n, n < len(buf))
			return buf[:n], nil
		case syscall.EAGAIN:
			set.used(c.fd, s, loop.In|loop.Urgent)
			return nil, transport.ErrAgain
		case syscall.EINTR:
		default:
			return nil, e
		}
	}
}

// maxOpened is the loop's buffer for ciphertext.
const maxOpened = 64 << 10

// seal writes a and b, or the beginning of them, through a Layer: what it has sealed is on its way,
// whether the kernel has taken all of it or not. ErrAgain: the kernel takes nothing at all. 0 and
// nil: it has taken some of what was sealed before, and no more.
func (c Conn) seal(s *slot, ly *layered, a, b []byte, more bool) (int, error) {
	if ly.lost != nil {
		return 0, ly.lost
	}
	if len(ly.unsent) > 0 {
		if err := c.push(s, ly); err != nil || len(ly.unsent) > 0 {
			return 0, err
		}
	}
	set := c.set
	if now := set.loop.Second(); now != ly.sealed {
		if now-ly.sealed > 1 {
			ly.Rest()
		}
		ly.sealed = now
	}
	a = a[:min(len(a), sealAtOnce)]
	b = b[:min(len(b), sealAtOnce-len(a))]
	out, err := ly.Seal(set.seals[:0], a)
	if err == nil && len(b) > 0 {
		out, err = ly.Seal(out, b)
	}
	if cap(out) <= 2*sealAtOnce {
		set.seals = out
	}
	if err != nil {
		ly.lost = transport.ErrGone
		return 0, ly.lost
	}
	sent, err := c.sendAll(s, out, more)
	if err != nil {
		ly.lost = err
		return 0, err
	}
	ly.unsent = append(ly.unsent, out[sent:]...)
	return len(a) + len(b), nil
}

// sealFile is seal for a piece of a file. As with Sendfile it may be the disk that is waited for,
// and the piece is not larger than what that reads at once.
func (c Conn) sealFile(s *slot, ly *layered, in int, off int64, n int) (int, error) {
	if len(ly.unsent) > 0 {
		if err := c.push(s, ly); err != nil || len(ly.unsent) > 0 {
			return 0, err
		}
	}
	set := c.set
	if set.file == nil {
		set.file = make([]byte, sealAtOnce)
	}
	for {
		got, err := unix.Pread(in, set.file[:min(n, sealAtOnce)], off)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case got == 0:
			return 0, io.ErrUnexpectedEOF
		default:
			return c.seal(s, ly, set.file[:got], nil, false)
		}
	}
}

// push writes what was sealed before. ErrAgain: the kernel has taken nothing of it.
func (c Conn) push(s *slot, ly *layered) error {
	sent, err := c.sendAll(s, ly.unsent, false)
	switch {
	case err != nil:
		ly.lost, ly.unsent = err, nil
		return err
	case sent == len(ly.unsent):
		ly.unsent = nil
	case sent == 0:
		return transport.ErrAgain
	default:
		ly.unsent = append(ly.unsent[:0], ly.unsent[sent:]...)
	}
	return nil
}

// sendAll writes p until the kernel takes no more.
func (c Conn) sendAll(s *slot, p []byte, more bool) (sent int, err error) {
	for sent < len(p) && s.writable() {
		n, e := c.send(p[sent:], more)
		switch e {
		case 0:
			c.set.counts.BytesOut += int64(n)
			sent += n
		case syscall.EAGAIN:
			c.set.used(c.fd, s, loop.Out)
		case syscall.EINTR:
		default:
			return sent, e
		}
	}
	return sent, nil
}

// flush writes what was sealed before, as there is room again; and the FIN behind it.
func (set *Set) flush(fd int32, s *slot) {
	ly := set.layer(s)
	if ly == nil || len(ly.unsent) == 0 {
		return
	}
	if set.connOf(fd, s).push(s, ly) == nil && len(ly.unsent) == 0 && ly.fin {
		_ = set.kernel.Shutdown(int(fd), unix.SHUT_WR) // it fails if the peer is gone
	}
}

// say seals that nothing follows, and writes what it can. It reports whether all has left.
func (set *Set) say(fd int32, s *slot, ly *layered) (all bool, err error) {
	if ly.lost == nil {
		ly.unsent = ly.Close(ly.unsent)
		ly.lost = transport.ErrOver
	}
	if len(ly.unsent) == 0 {
		return true, nil
	}
	lost := ly.lost
	err = set.connOf(fd, s).push(s, ly)
	if err == nil || err == transport.ErrAgain {
		ly.lost, err = lost, nil
	}
	return len(ly.unsent) == 0, err
}

// part is close for a connection whose last answer is whole: the peer is told so behind what is on
// its way. Where something is missing nothing is said.
func (set *Set) part(fd int32, s *slot) {
	if ly := set.layer(s); ly != nil && !ly.mute {
		if all, err := set.say(fd, s, ly); !all && err == nil && set.phase < phaseHard {
			set.startLinger(fd, s)
			return
		}
	}
	set.close(fd, s)
}
