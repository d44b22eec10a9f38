package lwan

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// TLS to a backend: crypto/tls over rawConn, whose calls park. Its code and the callbacks of its
// configuration run as those of the handler do; only where it reads or writes the handler leaves
// the program's code.

// rawConn is the encrypted side of a Conn.
type rawConn struct{ c *Conn }

// Read implements net.Conn.
func (r rawConn) Read(p []byte) (n int, err error) {
	req := r.c.user.Load()
	if req == nil {
		return 0, net.ErrClosed
	}
	if !r.c.probe {
		return r.c.readRaw(req, p)
	}
	err = req.outside(func() (err error) {
		n, err = r.c.up.tryRead(p)
		return err
	})
	if err == nil && n == 0 {
		err = io.EOF
	}
	return n, err
}

// Write implements net.Conn.
func (r rawConn) Write(p []byte) (int, error) {
	req := r.c.user.Load()
	if req == nil {
		return 0, net.ErrClosed
	}
	return r.c.writeRaw(req, p)
}

// Close implements net.Conn. Who closes the Conn closes what is below.
func (r rawConn) Close() error { return nil }

// LocalAddr implements net.Conn.
func (r rawConn) LocalAddr() net.Addr { return r.c.LocalAddr() }

// RemoteAddr implements net.Conn.
func (r rawConn) RemoteAddr() net.Addr { return r.c.RemoteAddr() }

// SetDeadline implements net.Conn.
func (r rawConn) SetDeadline(t time.Time) error { return r.c.SetDeadline(t) }

// SetReadDeadline implements net.Conn.
func (r rawConn) SetReadDeadline(t time.Time) error { return r.c.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (r rawConn) SetWriteDeadline(t time.Time) error { return r.c.SetWriteDeadline(t) }

// encrypt shakes hands. Handshake, and not HandshakeContext, which starts a goroutine.
func (c *Conn) encrypt(cfg *tls.Config) error {
	t := tls.Client(rawConn{c}, cfg)
	if err := t.Handshake(); err != nil {
		return c.tlsError("handshake", err)
	}
	c.tls = t
	return nil
}

// tlsEmpty reports whether nothing of TLS is there to be read: what was decrypted already, or could
// be. What is found is kept for the next Read.
func (c *Conn) tlsEmpty() bool {
	c.probe = true
	var b [1]byte
	n, err := c.tls.Read(b[:])
	c.probe = false
	c.rest.keep(b[:n], nil) // there is nothing yet, or nobody asks
	return n == 0 && isTimeout(err)
}

// tlsPeek reads what is there, without a wait. An error comes again when somebody waits.
func (c *Conn) tlsPeek(p []byte) int {
	if len(p) == 0 || len(c.rest.b) > 0 {
		return 0
	}
	c.probe = true
	n, _ := c.tls.Read(p)
	c.probe = false
	return n
}

// farewell sends close_notify, if that can be done without a wait of more than a moment.
func (c *Conn) farewell() {
	if c.SetWriteDeadline(time.Now().Add(farewellTime)) == nil {
		_ = c.tls.CloseWrite() // a courtesy
	}
}

const farewellTime = time.Second

// tlsError is what crypto/tls has returned: what came from below is what its caller is to see
// already.
func (c *Conn) tlsError(op string, err error) error {
	switch {
	case err == nil, err == io.EOF:
		return err
	case errors.Is(err, net.ErrClosed):
		return net.ErrClosed
	case errors.Is(err, ErrForeign):
		return ErrForeign
	case errors.Is(err, os.ErrDeadlineExceeded):
		return backendFailure(op, "tcp", c.where, os.ErrDeadlineExceeded)
	}
	for _, end := range []error{ErrGone, ErrTimeout, ErrStopping} {
		if errors.Is(err, end) {
			return end
		}
	}
	return backendFailure(op, "tcp", c.where, err)
}
