//go:build !golwan_nethttp

package lwan

import (
	"os"
	"time"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// bareEndpoints says which endpoints have a function for their connections; nil: none.
func bareEndpoints(places []opened) (bare []bool) {
	for i, p := range places {
		if p.Conn != nil {
			if bare == nil {
				bare = make([]bool, len(places))
			}
			bare[i] = true
		}
	}
	return bare
}

// loopClient is a served connection of a loop. The worker that runs its function serves it, and
// nobody else does.
type loopClient struct {
	loopUpstream
	drained bool // see drain
}

var _ clientUpstream = (*loopClient)(nil)

// clientUpstream is the connection of the exchange, for c.
func (x *exchange) clientUpstream(c *Conn) clientUpstream {
	own := x.by.(interface{ Conn() conn.Conn }).Conn()
	return &loopClient{loopUpstream: loopUpstream{of: c, c: own}}
}

// drain implements clientUpstream.
func (u *loopClient) drain() {
	u.drained = true
	u.c.Wake()
}

// read implements upstream.
func (u *loopClient) read(req *Request, p []byte) (int, error) {
	on, t := taskOf(req)
	if t == nil {
		return 0, ErrForeign
	}
	for {
		if _, late := left(u.readBy); late {
			return 0, os.ErrDeadlineExceeded
		}
		n, err := u.c.TryShare(t, p)
		switch {
		case err != transport.ErrAgain:
			return n, waitError("read", t, err)
		case u.drained:
			return 0, errDraining
		}
		if err := u.await(on, t, u.readBy, 0, u.c.AwaitInput); err != nil {
			return 0, waitError("read", t, err)
		}
	}
}

// wait implements upstream.
func (u *loopClient) wait(req *Request, limit time.Duration) error {
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
		if u.drained {
			return errDraining
		}
		if err := u.await(on, t, u.readBy, still, u.c.AwaitInput); err != nil {
			return waitError("read", t, err)
		}
	}
	return nil
}

// write implements upstream. A peer that has ended its side may still read.
func (u *loopClient) write(req *Request, p []byte) (done int, err error) {
	on, t := taskOf(req)
	if t == nil {
		return 0, ErrForeign
	}
	_, pause := req.x.Pauses()
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
		limit := pause
		if !u.writeBy.IsZero() {
			limit = 0
		}
		if err := u.await(on, t, u.writeBy, limit, u.c.AwaitOutput); err != nil {
			return done, waitError("write", t, err)
		}
	}
}

// writev implements upstream.
func (u *loopClient) writev(req *Request, a, b []byte) (int, error) {
	n, err := u.c.TryWritev(a, b)
	if err != nil && err != transport.ErrAgain {
		_, t := taskOf(req)
		return n, waitError("write", t, err)
	}
	if n < len(a) {
		m, err := u.write(req, a[n:])
		if n += m; err != nil {
			return n, err
		}
	}
	m, err := u.write(req, b[n-len(a):])
	return n + m, err
}

// joins implements upstream: it is no backend.
func (u *loopClient) joins() bool { return false }

// close implements upstream.
func (u *loopClient) close() { u.c.Finish() }

// reset implements upstream.
func (u *loopClient) reset() { u.c.FinishReset() }
