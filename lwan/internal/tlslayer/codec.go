package tlslayer

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// codec is the connection that crypto/tls reads and writes: a piece of memory. While over is set,
// during the handshake and after Release, it is that one, behind what memory has.
//
// crypto/tls gets one record at a time, and never the beginning of the next: its read buffer is
// then as large as the largest record, and not as what comes in one piece.
type codec struct {
	in       []byte // what is to be read first
	borrowed bool   // in is the caller's, or buf's
	out      []byte // what was written
	over     net.Conn
	free     bool   // since Release
	buf      []byte // for reading from over; nil: crypto/tls reads from it itself

	header [recordHeader]byte // of the record that is being read
	have   int                // bytes of header
	left   int                // bytes of the record behind it

	mu      sync.Mutex   // since Release: of out, and of who writes to over
	writeBy atomic.Int64 // deadline of over's writes, in ns since 1970; 0: none
}

// handshakeBuffer holds what a client sends in one piece during a handshake.
const handshakeBuffer = 2 << 10

// again is what Read returns where nothing is left: crypto/tls does not remember an error that is
// temporary.
type again struct{}

func (again) Error() string   { return "tls: no whole record has come" }
func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

var errAgain net.Error = again{}

// give puts in behind what is there.
func (c *codec) give(in []byte) {
	switch {
	case len(in) == 0:
	case len(c.in) == 0:
		c.in, c.borrowed = in, true
	default:
		c.in = append(c.in, in...)
	}
}

// keep makes what is left ours.
func (c *codec) keep() {
	switch {
	case len(c.in) == 0:
		c.in = nil
	case c.borrowed:
		c.in = bytes.Clone(c.in)
	}
	c.borrowed = false
}

// take returns what was written.
func (c *codec) take() []byte {
	b := c.out
	c.out = nil
	return b
}

func (c *codec) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		switch {
		case c.over == nil:
			return 0, errAgain
		case c.buf == nil:
			return c.over.Read(p)
		}
		n, err := c.over.Read(c.buf)
		if n == 0 {
			return 0, err
		}
		c.give(c.buf[:n]) // an error comes again
	}
	n := copy(p[:min(len(p), c.step())], c.in)
	c.passed(c.in[:n])
	c.in = c.in[n:]
	return n, nil
}

// step is how many bytes are missing to the end of the header, or of the record.
func (c *codec) step() int {
	if c.have < recordHeader {
		return recordHeader - c.have
	}
	return c.left
}

// passed books b, of at most step bytes.
func (c *codec) passed(b []byte) {
	if c.have < recordHeader {
		c.have += copy(c.header[c.have:], b)
		c.left = int(c.header[3])<<8 | int(c.header[4])
	} else {
		c.left -= len(b)
	}
	if c.have == recordHeader && c.left == 0 {
		c.have = 0
	}
}

func (c *codec) Write(p []byte) (int, error) {
	switch {
	case c.over == nil:
		c.out = append(c.out, p...)
		return len(p), nil
	case !c.free:
		return c.over.Write(p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.out) == 0 {
		n, err := c.over.Write(p)
		if n == len(p) || !timedOut(err) {
			return n, err
		}
		p = p[n:]
		c.out = append(c.out, p...)
		return len(p) + n, nil
	}
	c.out = append(c.out, p...)
	if err := c.push(); err != nil && (!timedOut(err) || len(c.out) > maxKept) {
		return 0, err
	}
	return len(p), nil
}

// maxKept bounds what waits behind a deadline: a record, and answers to key updates.
const maxKept = largeRecord + 1<<10 + maxUnsent

// settle writes what is left of a record, before anything else is sealed: then a deadline that is
// over must let nothing pass, either.
func (c *codec) settle() error {
	if by := c.writeBy.Load(); by != 0 && by <= time.Now().UnixNano() {
		return os.ErrDeadlineExceeded
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.push()
}

// push writes out, or the beginning of it.
func (c *codec) push() error {
	if len(c.out) == 0 {
		return nil
	}
	n, err := c.over.Write(c.out)
	if c.out = c.out[n:]; len(c.out) == 0 {
		c.out = nil
	}
	return err
}

// timedOut reports whether a call has ended because of a deadline, and for no other reason.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func (c *codec) Close() error {
	if c.over != nil {
		return c.over.Close()
	}
	return nil
}

// The addresses are asked for by callbacks of a Config, during the handshake, and after Release.
// Whoever keeps the connection of a ClientHelloInfo beyond that finds none.

func (c *codec) LocalAddr() net.Addr {
	if c.over == nil {
		return &net.TCPAddr{}
	}
	return c.over.LocalAddr()
}

func (c *codec) RemoteAddr() net.Addr {
	if c.over == nil {
		return &net.TCPAddr{}
	}
	return c.over.RemoteAddr()
}

// Deadlines are those of the connection below. Memory has none: crypto/tls sets one around a
// close_notify.

func (c *codec) SetDeadline(t time.Time) error {
	c.noteWriteBy(t)
	return c.set(net.Conn.SetDeadline, t)
}

func (c *codec) SetReadDeadline(t time.Time) error { return c.set(net.Conn.SetReadDeadline, t) }

func (c *codec) SetWriteDeadline(t time.Time) error {
	c.noteWriteBy(t)
	return c.set(net.Conn.SetWriteDeadline, t)
}

func (c *codec) noteWriteBy(t time.Time) {
	by := int64(0)
	if !t.IsZero() {
		by = max(t.UnixNano(), 1)
	}
	c.writeBy.Store(by)
}

func (c *codec) set(set func(net.Conn, time.Time) error, t time.Time) error {
	if c.over == nil {
		return nil
	}
	return set(c.over, t)
}
