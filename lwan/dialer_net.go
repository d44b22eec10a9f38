package lwan

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/relay"
)

// netUpstream is a connection of package net: of a Blocking handler, or where there are no loops.
type netUpstream struct {
	of *Conn
	nc net.Conn

	mu    sync.Mutex
	cause error       // why the waits of its user have ended
	stop  func() bool // the watch over the end of its user's request
	timer *time.Timer // ends its rest

	readBy, writeBy time.Time // the user's deadlines
}

var _ upstream = (*netUpstream)(nil)

// past is a deadline that is over.
var past = time.Unix(1, 0)

// bind implements upstream.
func (u *netUpstream) bind(req *Request) bool {
	if req == nil {
		if !u.stop() {
			return false
		}
		u.deadline(time.Time{}, true, true)
		return u.ended() == nil
	}
	u.stop = context.AfterFunc(req.Context(), func() { u.cut(req) })
	return true
}

// cut ends what the user waits for.
func (u *netUpstream) cut(req *Request) {
	cause := req.cancelled()
	if cause == nil {
		cause = ErrGone
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cause = cause
	_ = u.nc.SetDeadline(past) // it fails if it is closed already
}

func (u *netUpstream) ended() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.cause
}

// errorOf says why a call that has failed has done so.
func (u *netUpstream) errorOf(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if cause := u.ended(); cause != nil {
			return cause
		}
	}
	return err
}

// read implements upstream.
func (u *netUpstream) read(_ *Request, p []byte) (int, error) {
	n, err := u.nc.Read(p)
	return n, u.errorOf(err)
}

// write implements upstream.
func (u *netUpstream) write(_ *Request, p []byte) (int, error) {
	n, err := u.nc.Write(p)
	return n, u.errorOf(err)
}

// writeSome implements upstream.
func (u *netUpstream) writeSome(_ *Request, p []byte) (done int, err error) {
	u.mu.Lock()
	by := u.writeBy
	u.mu.Unlock()
	defer u.deadline(by, false, true)
	for done < len(p) && (done == 0 || !u.answered()) {
		look := time.Now().Add(answerLook)
		last := !by.IsZero() && by.Before(look)
		if last {
			look = by
		}
		u.setWriteBy(look)
		n, err := u.nc.Write(p[done:])
		done += n
		switch {
		case err == nil:
		case !isTimeout(err) || last || u.ended() != nil:
			return done, u.errorOf(err)
		case u.answered():
			return done, nil
		}
	}
	return done, nil
}

// setWriteBy sets a deadline of writing that is not the user's.
func (u *netUpstream) setWriteBy(t time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.cause == nil {
		_ = u.nc.SetWriteDeadline(t) // the write says what is wrong
	}
}

// answered implements upstream.
func (u *netUpstream) answered() bool { return peerSpoke(u.nc) }

// alarm implements upstream.
func (u *netUpstream) alarm(*Request) {}

// writev implements upstream.
func (u *netUpstream) writev(_ *Request, a, b []byte) (int, error) {
	both := net.Buffers{a, b}
	n, err := both.WriteTo(u.nc)
	return int(n), u.errorOf(err)
}

// wait implements upstream. Where package net tells only by a byte that it has read, who waits
// without a limit is left to read at once.
func (u *netUpstream) wait(req *Request, limit time.Duration) error {
	if limit > 0 {
		u.mu.Lock()
		before := u.readBy
		u.mu.Unlock()
		if by := time.Now().Add(limit); before.IsZero() || by.Before(before) {
			u.deadline(by, true, false)
			defer u.deadline(before, true, false)
		}
	}
	if err, ok := awaitPeer(u.nc); ok || limit <= 0 {
		return u.errorOf(err)
	}
	var b [1]byte
	n, err := u.read(req, b[:])
	u.of.rest.keep(b[:n], nil)
	if n > 0 || err != nil && !isTimeout(err) && u.ended() == nil {
		return nil // an end is something to read
	}
	return err
}

// tryRead implements upstream.
func (u *netUpstream) tryRead(p []byte) (int, error) {
	u.mu.Lock()
	before := u.readBy
	u.mu.Unlock()
	u.deadline(past, true, false)
	defer u.deadline(before, true, false)
	return u.nc.Read(p)
}

// deadline implements upstream.
func (u *netUpstream) deadline(t time.Time, read, write bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if read {
		u.readBy = t
	}
	if write {
		u.writeBy = t
	}
	switch { // an error of these is that it is closed: who reads or writes sees that
	case u.cause != nil:
	case read && write:
		_ = u.nc.SetDeadline(t)
	case read:
		_ = u.nc.SetReadDeadline(t)
	case write:
		_ = u.nc.SetWriteDeadline(t)
	}
}

// rest implements upstream.
func (u *netUpstream) rest(limit time.Duration) bool {
	if limit > 0 {
		u.timer = time.AfterFunc(limit, func() {
			if u.of.from.spare.remove(u.of) {
				u.of.finish()
			}
		})
	}
	return true
}

// hold implements upstream.
func (u *netUpstream) hold() bool {
	if u.timer != nil {
		u.timer.Stop()
		u.timer = nil
	}
	return !peerSpoke(u.nc)
}

// silent implements upstream: hold has asked.
func (u *netUpstream) silent() bool { return true }

// closeWrite implements upstream.
func (u *netUpstream) closeWrite() error {
	if half, ok := u.nc.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// joins implements upstream.
func (u *netUpstream) joins() bool { return false }

// join implements upstream: nobody asks for it.
func (u *netUpstream) join() relay.Pipe { return nil }

// close implements upstream. An error of it is that it was closed before.
func (u *netUpstream) close() { _ = u.nc.Close() }

// reset implements upstream.
func (u *netUpstream) reset() {
	nc := u.nc
	if t, ok := nc.(*tls.Conn); ok { // whose Close would say that nothing is missing
		nc = t.NetConn()
	}
	if tcp, ok := nc.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0) // should it fail, the peer sees an end
	}
	_ = nc.Close() // it fails if it was closed before
}

// local implements upstream.
func (u *netUpstream) local() net.Addr { return u.nc.LocalAddr() }

// letter implements upstream: everybody may touch it.
func (u *netUpstream) letter(fn func()) { fn() }
