package nethttp

import (
	"errors"
	"io"
	"os"
	"time"
)

// What package lwan asks of an upgraded connection at the end of its handler.

// Hurry limits what is being written, and what will be.
func (u *rawConn) Hurry(by time.Time) { _ = u.Conn.SetWriteDeadline(by) } // or Write fails

// LastWords writes b although the request is over, if the client takes it by then. It reports
// whether the client needs Linger to read it.
func (u *rawConn) LastWords(b []byte, by time.Time) (linger bool) {
	return u.despite(by, func() error { _, err := u.Conn.Write(b); return err }) == nil
}

// Linger throws away what the client sends until it leaves, or until by: the close of a connection
// that has unread bytes would take back what was written last.
func (u *rawConn) Linger(by time.Time) {
	if half, ok := u.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		return
	}
	// Whatever ends it, there is nothing more to be done.
	_ = u.despite(by, func() error { _, err := io.Copy(io.Discard, u.Conn); return err })
}

// despite does it until then, although draining may set a deadline of its own at any moment.
func (u *rawConn) despite(by time.Time, do func() error) error {
	for {
		if err := u.Conn.SetDeadline(by); err != nil {
			return err
		}
		if err := do(); !errors.Is(err, os.ErrDeadlineExceeded) || !time.Now().Before(by) {
			return err
		}
	}
}
