package lwan

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// How a Dialer opens a connection: a place, the addresses, connect, TLS, Greet.

// open opens a connection for req's handler. With reuse it may also be one that somebody keeps
// while the handler waits for a place.
func (d *Dialer) open(req *Request, pool idlePool, reuse bool) (*Conn, error) {
	c, err := d.places.take(req, d, pool, reuse)
	if err != nil {
		return nil, err
	}
	if c != nil {
		c.bind(req)
		pool.counts().reused.Add(1)
		return c, nil
	}
	c = &Conn{from: d, pool: pool, core: req.table.core.process, placed: d.at.maxOpen > 0}
	done := false
	defer func() { // also when Greet panics, or the handler is unwound
		if !done {
			d.abandon(c, req)
		}
	}()
	until := time.Time{}
	if d.at.timeout > 0 {
		until = time.Now().Add(d.at.timeout)
	}
	if err := d.connect(c, req, until); err != nil {
		return nil, err
	}
	if err := d.greet(c, until); err != nil {
		return nil, err
	}
	if pool != nil {
		pool.counts().fresh.Add(1)
	}
	c.begins() // what Greet has done is its own
	done = true
	return c, nil
}

// abandon closes what has not become a connection of the handler's.
func (d *Dialer) abandon(c *Conn, req *Request) {
	_ = req.outside(func() error {
		switch {
		case c.up == nil:
			c.release()
		case c.unbind(req):
			c.finish()
		}
		return nil
	})
}

// connect connects c to one of the addresses.
func (d *Dialer) connect(c *Conn, req *Request, until time.Time) error {
	addrs := []netip.AddrPort{{}}
	var err error
	if d.at.path == "" && (d.Via == nil || req.on.Inline()) { // else nothing is to be looked up
		if addrs, err = d.at.addrs(req); err != nil {
			return err
		}
	}
	c.opened = time.Now()
	for i, a := range addrs {
		if err = d.connectTo(c, req, a, timeFor(until, len(addrs)-i)); err == nil {
			c.bind(req)
			return nil
		}
		if err == ErrGone || err == ErrTimeout || err == ErrStopping || err == ErrForeign {
			return err
		}
		if until := until; !until.IsZero() && !time.Now().Before(until) {
			break
		}
	}
	return err
}

// timeFor is how long one of n addresses may take that are still to be tried; 0: as long as it
// likes.
func timeFor(until time.Time, n int) time.Duration {
	if until.IsZero() {
		return 0
	}
	return max(time.Until(until)/time.Duration(n), 1)
}

// connectTo connects c to a.
func (d *Dialer) connectTo(c *Conn, req *Request, a netip.AddrPort, limit time.Duration) error {
	c.where = d.at.netAddr(a)
	up, err := d.reach(c, req, a, limit)
	switch {
	case err == nil:
		c.up = up
		return nil
	case err == ErrGone, err == ErrTimeout, err == ErrStopping, err == ErrForeign:
		return err
	}
	return backendFailure("dial", c.where.Network(), c.where, err)
}

// greet does what has to be done before c is a handler's.
func (d *Dialer) greet(c *Conn, until time.Time) error {
	if d.at.tls == nil && d.Greet == nil {
		return nil
	}
	if !until.IsZero() {
		if err := c.SetDeadline(until); err != nil {
			return err
		}
	}
	if d.at.tls != nil {
		if err := c.encrypt(d.at.tls); err != nil {
			return err
		}
	}
	if d.Greet != nil {
		if err := d.Greet(c); err != nil {
			return err
		}
	}
	return c.SetDeadline(time.Time{})
}

// netReach opens a connection of package net.
func (d *Dialer) netReach(
	c *Conn, req *Request, a netip.AddrPort, limit time.Duration,
) (upstream, error) {
	ctx := req.Context()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	to := d.at.address()
	if d.at.path == "" && d.Via == nil {
		to = a.String()
	}
	open := d.Via
	if open == nil {
		open = d.netDialer().DialContext
	}
	nc, err := open(ctx, d.at.network, to)
	if err == nil {
		return &netUpstream{of: c, nc: nc}, nil
	}
	if cause := req.cancelled(); cause != nil {
		return nil, cause
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = &net.OpError{
			Op: "dial", Net: d.at.network, Addr: c.where, Err: os.ErrDeadlineExceeded,
		}
	}
	return nil, err
}

// netDialer is that of package net.
func (d *Dialer) netDialer() *net.Dialer {
	var nd net.Dialer
	if d.Local.IsValid() {
		nd.LocalAddr = &net.TCPAddr{IP: d.Local.AsSlice(), Zone: d.Local.Zone()}
	}
	return &nd
}
