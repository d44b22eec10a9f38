package lwan

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// requesterKey finds the requester of a request's context.
type requesterKey struct{}

// requester is how code that has only the context of a request finds that, if it runs in the
// handler. It is a handle: who has it looks first whether it is here.
type requester struct {
	x      *exchange
	req    *Request
	serial uint64
}

// requestOf is the request of which ctx is the context, or derives from it, if the caller runs its
// handler on a loop; else nil.
func requestOf(ctx context.Context) *Request {
	at, ok := ctx.Value(requesterKey{}).(requester)
	if !ok || !at.x.here() || at.req.serial != at.serial {
		return nil
	}
	return at.req
}

// Dial is for libraries that dial by themselves, as pgx by its DialFunc: with the context of a
// request, or one that derives from it, and in its handler on a loop, the connection parks: it is a
// *Conn, which ends with the handler. Else it is one of net.Dialer. A name is looked up on a
// goroutine. The deadline of ctx bounds connecting, or 5 s if it has none; its cancellation alone
// ends nothing that waits.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	req := requestOf(ctx)
	if req == nil {
		var d net.Dialer
		if _, ok := ctx.Deadline(); !ok {
			d.Timeout = defaultDial
		}
		return d.DialContext(ctx, network, address)
	}
	d := &Dialer{Network: network, Address: address}
	if by, ok := ctx.Deadline(); ok {
		d.Timeout = max(time.Until(by), 1)
	}
	if err := req.beginWait(); err != nil {
		return nil, err
	}
	if err := d.prepare(); err != nil {
		return nil, err
	}
	c, err := d.open(req, nil, false)
	if err != nil {
		return nil, req.endWait(err)
	}
	return c, nil
}

// Adopt makes the socket f a connection that parks, of w's handler: for what other means have
// opened, as a program's end of a socketpair. f is closed, also on failure.
func Adopt(w Waiter, f *os.File) (*Conn, error) {
	req := w.waiter()
	if req == nil {
		return nil, errors.Join(net.ErrClosed, f.Close())
	}
	if err := req.beginWait(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	c := &Conn{core: req.table.core.process, opened: time.Now(), where: fileAddr(f.Name())}
	up, err := adopt(c, req, f)
	if err != nil {
		return nil, backendFailure("adopt", c.where.Network(), c.where, err)
	}
	c.up = up
	c.bind(req)
	return c, nil
}

// fileAddr names what a file was opened as.
type fileAddr string

func (fileAddr) Network() string  { return "file" }
func (a fileAddr) String() string { return string(a) }

// adoptNet makes f a connection of package net.
func adoptNet(c *Conn, f *os.File) (upstream, error) {
	nc, err := net.FileConn(f) // a duplicate
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return &netUpstream{of: c, nc: nc}, nil
}
