package lwan

import (
	"errors"
	"io"
	"runtime/debug"
	"time"

	"github.com/golwan/golwan/lwan/internal/relay"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Tunnel configures one. For times zero means the default and negative none; they are counted in
// whole seconds on loops.
type Tunnel struct {
	Idle  time.Duration // nothing in either direction: 10 min; then both ends are closed
	Grace time.Duration // after draining has begun: 10 s
	// Done is told of the end, once for each Tunnel that has not failed: bytes from and to the
	// client, and why; nil: both sides have ended properly. It runs as a handler does, but has no
	// request.
	Done func(in, out int64, cause error)
}

const (
	defaultTunnelIdle  = 10 * time.Minute
	defaultTunnelGrace = 10 * time.Second
)

var (
	errTunnelStatus = errors.New("lwan: a Tunnel needs status 101, or 2xx for CONNECT")
	errTunnelAsked  = errors.New("lwan: a Tunnel of status 101 for a client that asked for none")
	errTunnelTLS    = errors.New("lwan: a Tunnel over TLS to a backend is not supported")
)

// Tunnel ends the request by joining the client's connection to c: return resp.Tunnel(101, c,
// lwan.Tunnel{...}). The head goes out with status 101, or 2xx for CONNECT, and fields as set;
// "Connection: Upgrade" is added, and Upgrade, as the client has asked for it, unless it is set.
// Then bytes go both ways until both sides have ended, at most 64 KiB are kept in between, and no
// handler, worker or buffer is held while none come. A FIN is passed on; what one side loses is a
// reset for the other. A WebSocket of HTTP/2 gets 200 in place of 101, and its stream is joined. When draining begins it ends Tunnel.Grace later.
//
// c is the tunnel's from the return of the handler's chain on; if that returns 400 and above both
// connections are closed. Middleware and observers see it as a conversation of Converse. On
// net/http and in a Blocking handler it takes the handler's goroutine and another one, and CONNECT
// is not served. A c that is encrypted by its Dialer is refused.
func (r *Response) Tunnel(st Status, c *Conn, t Tunnel) Status {
	r.mustLive()
	if err := r.enter(); err != nil {
		return r.Fail(err)
	}
	defer r.term.leave()
	if err := r.tunnel(st, c, t); err != nil {
		return r.Fail(err)
	}
	return StatusOK
}

func (r *Response) tunnel(st Status, c *Conn, t Tunnel) error {
	if err := r.begins(); err != nil {
		return err
	}
	if _, err := c.enter(); err != nil {
		return err
	}
	connect := r.req.method == "CONNECT"
	switch {
	case connect && (st < 200 || st > 299), !connect && st != switching:
		return errTunnelStatus
	case !connect && r.req.Upgrade() == "":
		return errTunnelAsked
	case c.tls != nil:
		return errTunnelTLS
	}
	if _, err := io.Copy(io.Discard, r.req.Body()); err != nil {
		return err
	}
	proto := r.Header("Upgrade")
	if proto == "" {
		proto = r.req.Upgrade()
	}
	r.DelHeader("Upgrade")
	r.replace()
	if !c.up.joins() {
		return r.tunnelHere(proto, c, t)
	}
	if err := r.prepareHead(st); err != nil {
		return err
	}
	if !connect {
		r.fields = append(r.fields, transport.Field{Name: "Connection", Value: "Upgrade"},
			transport.Field{Name: "Upgrade", Value: proto})
	}
	r.take(answerSubscribed, st)
	r.after = func(r *Response, alive bool) {
		if alive {
			r.leaving = &tunnelling{st: st, c: c, t: t}
			return
		}
		tellDone(r.req.table.core.process, t.Done, 0, 0, ErrGone) // both are closed, without an answer
	}
	return nil
}

// relay is t as loops have it.
func (t Tunnel) relay() relay.Config {
	return relay.Config{
		Idle:  seconds(orPause(t.Idle, defaultTunnelIdle)),
		Grace: seconds(orPause(t.Grace, defaultTunnelGrace)),
	}
}

// tunnelling is a tunnel that is about to begin.
type tunnelling struct {
	st Status
	c  *Conn
	t  Tunnel
}

// inherit implements heir.
func (h *tunnelling) inherit(x *exchange) guest {
	if !h.c.unbind(x.req) { // somebody has closed it
		x.by.Cut()
		return h.lost(x)
	}
	p, _, rest, err := x.handOver(h.st, transport.Unsaid, nil)
	if err != nil {
		h.c.finish()
		return h.lost(x)
	}
	client, ok := p.(relay.Pipe)
	if !ok {
		h.c.finish()
		p.End(transport.Close)
		return h.lost(x)
	}
	g := &tunnel{core: x.core, number: x.number(), st: h.st, done: h.t.Done, c: h.c, loop: p.Loop()}
	g.Start(client, h.c.up.join(), h.t.relay(), (*tunnelOwner)(g), rest, h.c.rest.b)
	return g
}

// lost tells that the tunnel has never begun: its client has left.
func (h *tunnelling) lost(x *exchange) guest {
	x.on.EnterUser(x.number())
	defer x.on.LeaveUser()
	tellDone(x.core, h.t.Done, 0, 0, ErrGone)
	return nil
}

// tunnel is one on a loop, which owns it until both of its connections are closed.
type tunnel struct {
	relay.Pair

	core   *process
	number uint64 // of the route, for the watchdog
	st     Status // 0: no request was answered
	done   func(in, out int64, cause error)
	c      *Conn
	loop   transport.Loop
	past   *pastRequest // what the observers are shown at the end; nil: there are none
	held   *holding     // the configuration of the request
}

var _ guest = (*tunnel)(nil)

// observed implements guest.
func (g *tunnel) observed(past *pastRequest) { g.past = past }

// lent implements guest.
func (g *tunnel) lent(h *holding) { g.held = h }

// tunnelOwner is a tunnel as its Pair sees it.
type tunnelOwner tunnel

// Over implements relay.Owner.
func (o *tunnelOwner) Over(cause error) {
	g := (*tunnel)(o)
	g.c.release()
	if g.st != 0 {
		counts := g.loop.Counts()
		counts[countRequests]++
		counts[statusClass(g.st)]++
	}
	if g.done == nil && g.past == nil {
		g.held.drop(g)
		return
	}
	ended := g.loop.Now()
	in, out := g.Moved()
	g.loop.Go(func(on transport.Task) {
		defer g.held.drop(g)
		on.EnterUser(g.number)
		defer on.LeaveUser()
		if g.past != nil {
			defer g.past.conclude(cause, false, out, ended) // whatever Done does
		}
		tellDone(g.core, g.done, in, out, cause)
	})
}

// tellDone calls a Tunnel's Done.
func tellDone(core *process, done func(in, out int64, cause error), in, out int64, cause error) {
	if done == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			core.log.Error("panic in Tunnel.Done", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	done(in, out, cause)
}
