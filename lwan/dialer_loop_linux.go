//go:build !golwan_nethttp

package lwan

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/relay"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// loopUpstream is a connection of a loop. It is the session of the connection while that rests.
type loopUpstream struct {
	of   *Conn
	c    conn.Conn
	pipe transport.Pipe

	readBy, writeBy time.Time
}

var (
	_ upstream          = (*loopUpstream)(nil)
	_ transport.Session = (*loopUpstream)(nil)
)

// loopTask is a Task of a loop, whatever protocol has made it.
type loopTask interface {
	Worker() *loop.Worker
	Ready() error
}

// taskOf is how req's handler parks.
func taskOf(req *Request) (loopTask, *loop.Task) {
	on, ok := req.on.(loopTask)
	if !ok {
		return nil, nil
	}
	return on, &on.Worker().Task
}

// reach opens a connection: of the loop, where the handler runs on one.
func (d *Dialer) reach(
	c *Conn, req *Request, a netip.AddrPort, limit time.Duration,
) (up upstream, err error) {
	if !req.on.Inline() {
		return d.netReach(c, req, a, limit)
	}
	err = req.outside(func() error {
		on, t := taskOf(req)
		if t == nil {
			return ErrForeign
		}
		if err := on.Ready(); err != nil {
			return err
		}
		to := conn.Target{Addr: a, Path: d.at.path, Local: d.Local}
		opened, err := conn.Dial(t, &to, limit)
		if err == nil {
			up = newLoopUpstream(c, opened)
			return nil
		}
		return waitError("connect", t, err)
	})
	return up, err
}

// adopt makes f a connection of the loop, where the handler runs on one.
func adopt(c *Conn, req *Request, f *os.File) (up upstream, err error) {
	if !req.on.Inline() {
		return adoptNet(c, f)
	}
	fd, err := duplicateSocket(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	err = req.outside(func() error {
		_, t := taskOf(req)
		if t == nil {
			return errors.Join(ErrForeign, unix.Close(fd))
		}
		adopted, err := conn.Adopt(t, fd)
		if err == nil {
			up = newLoopUpstream(c, adopted)
		}
		return err
	})
	return up, err
}

// duplicateSocket makes another descriptor of the socket f.
func duplicateSocket(f *os.File) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	e := raw.Control(func(from uintptr) {
		if _, err = unix.GetsockoptInt(int(from), unix.SOL_SOCKET, unix.SO_TYPE); err == nil {
			fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0)
		}
	})
	return fd, errors.Join(e, err)
}

func newLoopUpstream(of *Conn, c conn.Conn) *loopUpstream {
	return &loopUpstream{of: of, c: c, pipe: c.Pipe()}
}

// waitError makes what a call on a connection has returned what package net would say, but for the
// cause for which the handler's waits end.
func waitError(call string, t *loop.Task, err error) error {
	switch {
	case err == nil:
		return nil
	case t.Cause() != nil && (err == t.Cause() || err == transport.ErrOver):
		return t.Cause()
	case err == transport.ErrTimeout:
		return os.ErrDeadlineExceeded
	case err == transport.ErrOver:
		return net.ErrClosed
	}
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		return os.NewSyscallError(call, e)
	}
	return err
}

// left is how long may be waited until by; 0: for ever. late: not at all.
func left(by time.Time) (limit time.Duration, late bool) {
	if by.IsZero() {
		return 0, false
	}
	limit = time.Until(by)
	return limit, limit <= 0
}

// read implements upstream.
func (u *loopUpstream) read(req *Request, p []byte) (int, error) {
	on, t := taskOf(req)
	if t == nil {
		return 0, ErrForeign
	}
	for {
		if _, late := left(u.readBy); late {
			return 0, os.ErrDeadlineExceeded
		}
		n, err := u.c.TryShare(t, p)
		if err != transport.ErrAgain {
			return n, waitError("read", t, err)
		}
		if err := u.await(on, t, u.readBy, 0, u.c.AwaitInput); err != nil {
			return 0, waitError("read", t, err)
		}
	}
}

// await parks t until by at the latest, and for limit at most (0: none).
func (u *loopUpstream) await(
	on loopTask, t *loop.Task, by time.Time, limit time.Duration,
	wait func(t *loop.Task, limit time.Duration) error,
) error {
	until, late := left(by)
	if late {
		return transport.ErrTimeout
	}
	if until == 0 || limit > 0 && limit < until {
		until = limit
	}
	if err := on.Ready(); err != nil {
		return err
	}
	return wait(t, until)
}

// write implements upstream.
func (u *loopUpstream) write(req *Request, p []byte) (done int, err error) {
	on, t := taskOf(req)
	if t == nil {
		return 0, ErrForeign
	}
	for {
		if _, late := left(u.writeBy); late {
			return done, os.ErrDeadlineExceeded
		}
		n, err := u.c.TryWrite(p[done:])
		switch done += n; {
		case err == nil && done == len(p):
			return done, nil
		case err == nil:
			continue
		case err != transport.ErrAgain:
			return done, waitError("write", t, err)
		}
		if err := u.await(on, t, u.writeBy, 0, u.c.AwaitRoom); err != nil {
			return done, waitError("write", t, err)
		}
	}
}

// writeSome implements upstream.
func (u *loopUpstream) writeSome(req *Request, p []byte) (done int, err error) {
	on, t := taskOf(req)
	if t == nil {
		return 0, ErrForeign
	}
	for done < len(p) {
		n, err := u.c.TryWrite(p[done:])
		if done += n; err == nil {
			continue
		}
		if err != transport.ErrAgain {
			return done, waitError("write", t, err)
		}
		if u.c.Readable() {
			return done, nil
		}
		if err := u.await(on, t, u.writeBy, 0, u.c.AwaitEither); err != nil {
			return done, waitError("write", t, err)
		}
	}
	return done, nil
}

// answered implements upstream.
func (u *loopUpstream) answered() bool { return u.c.Readable() && u.c.Stray() }

// alarm implements upstream.
func (u *loopUpstream) alarm(req *Request) {
	if req == nil {
		u.c.Alarm(nil)
		return
	}
	if _, t := taskOf(req); t != nil {
		u.c.Alarm(t)
	}
}

// writev implements upstream.
func (u *loopUpstream) writev(req *Request, a, b []byte) (int, error) {
	_, t := taskOf(req)
	if t == nil {
		return 0, ErrForeign
	}
	n, err := u.c.TryWritev(a, b)
	if err != nil && err != transport.ErrAgain {
		return n, waitError("write", t, err)
	}
	if n < len(a) {
		m, err := u.write(req, a[n:])
		if n += m; err != nil {
			return n, err
		}
	}
	if rest := b[n-len(a):]; len(rest) > 0 {
		m, err := u.write(req, rest)
		return n + m, err
	}
	return n, nil
}

// wait implements upstream.
func (u *loopUpstream) wait(req *Request, limit time.Duration) error {
	on, t := taskOf(req)
	if t == nil {
		return ErrForeign
	}
	for began := t.Clock(); !u.c.Readable(); {
		still := limit
		if limit > 0 {
			if still -= time.Duration(t.Clock() - began); still <= 0 {
				return os.ErrDeadlineExceeded
			}
		}
		if err := u.await(on, t, u.readBy, still, u.c.AwaitInput); err != nil {
			return waitError("read", t, err)
		}
	}
	return nil
}

// tryRead implements upstream.
func (u *loopUpstream) tryRead(p []byte) (int, error) {
	n, err := u.c.TryRead(p)
	if err == transport.ErrAgain {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// deadline implements upstream.
func (u *loopUpstream) deadline(t time.Time, read, write bool) {
	if read {
		u.readBy = t
	}
	if write {
		u.writeBy = t
	}
	u.c.Wake()
}

// bind implements upstream. The end of the request ends the waits of its task: nothing has to look
// for it.
func (u *loopUpstream) bind(*Request) bool {
	u.readBy, u.writeBy = time.Time{}, time.Time{}
	return u.c.Open()
}

// rest implements upstream.
func (u *loopUpstream) rest(limit time.Duration) bool {
	return u.c.Rest(u.pipe, u, conn.Seconds(limit))
}

// hold implements upstream.
func (u *loopUpstream) hold() bool { return u.c.Hold() }

// silent implements upstream.
func (u *loopUpstream) silent() bool { return u.c.Silent() }

// closeWrite implements upstream.
func (u *loopUpstream) closeWrite() error { return u.c.CloseWrite() }

// joins implements upstream.
func (u *loopUpstream) joins() bool { return true }

// join implements upstream.
func (u *loopUpstream) join() relay.Pipe { return u.pipe.(relay.Pipe) }

// close implements upstream.
func (u *loopUpstream) close() { u.c.Close() }

// reset implements upstream.
func (u *loopUpstream) reset() { u.c.Reset() }

// local implements upstream.
func (u *loopUpstream) local() net.Addr {
	if a := u.c.Local(); a.IsValid() {
		return net.TCPAddrFromAddrPort(a)
	}
	return &net.UnixAddr{Net: "unix"}
}

// letter implements upstream.
func (u *loopUpstream) letter(fn func()) { u.c.Loop().Post(fn) }

// Ready implements transport.Session.
func (u *loopUpstream) Ready(p transport.Pipe) {
	if u.c.Stray() {
		p.End(transport.Close)
		u.of.pool.(*dialerPool).lost(u.of, true)
	}
}

// Expired implements transport.Session.
func (u *loopUpstream) Expired(p transport.Pipe) { u.Draining(p) }

// AtRest implements transport.Session.
func (u *loopUpstream) AtRest(transport.Pipe) bool { return true }

// Draining implements transport.Session.
func (u *loopUpstream) Draining(p transport.Pipe) {
	p.End(transport.Close)
	u.of.pool.(*dialerPool).lost(u.of, false)
}

// Ended implements transport.Session: its descriptor is needed, or the server ends.
func (u *loopUpstream) Ended(transport.Pipe, error) {
	u.of.pool.(*dialerPool).lost(u.of, false)
}
