package lwan

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/golwan/golwan/lwan/internal/relay"
)

var (
	errConnFields = errors.New("the field Conn excludes Routes, Protocols and TrustPeers: no " +
		"requests come")
	errNotJoined = errors.New("lwan: Join wants the connection that an Endpoint's Conn function " +
		"was given, and one that it has from a Dialer")
)

// checkConn finds what is wrong beside Endpoint.Conn.
func (e Endpoint) checkConn() error {
	if e.Conn != nil && (e.Routes != nil || e.Protocols != 0 || e.TrustPeers) {
		return errConnFields
	}
	return nil
}

// served is a connection that an Endpoint's Conn function serves, in place of a request and its
// answer. It belongs to the exchange that runs the function, from Run to End; what others have of
// it is the Conn, which ends with it.
type served struct {
	fn   func(*Conn)
	c    *Conn
	up   clientUpstream
	ctx  context.Context // ends when draining begins, and with the request's
	end  context.CancelCauseFunc
	join *joining // what Join has left; nil: nothing
	told bool     // a read has returned ErrStopping
}

// clientUpstream is that of a served connection.
type clientUpstream interface {
	upstream
	// drain lets reading end where nothing is there, with errDraining, now and from now on.
	drain()
}

// errDraining is what reading a served connection returns when draining has begun. It ends nothing
// else: the function may say goodbye.
var errDraining = errors.New("lwan: draining has begun")

// serveConn runs the function of the endpoint. What it leaves is for End and the protocol.
func (x *exchange) serveConn() {
	s, req := x.served, x.req
	req.limits.Timeout = 0
	x.resp.take(answerTaken, switching)
	s.ctx, s.end = context.WithCancelCause(req.Context())
	s.c = &Conn{core: x.core, served: s, where: clientAddr(req.peer.Addr())}
	s.up = x.clientUpstream(s.c)
	s.c.up = s.up
	s.c.bind(req)
	if stop := x.watchServed(); stop != nil {
		defer stop()
	}
	x.on.EnterUser(0)
	s.call(x)
	x.on.LeaveUser()
	x.concludeServed()
}

// watchServed lets the beginning of draining be told where no loop does; on one it may be over.
func (x *exchange) watchServed() (stop func() bool) {
	stopping := x.req.table.core.stopping
	if x.loop == nil {
		return context.AfterFunc(stopping, x.served.drain)
	}
	if stopping.Err() != nil {
		x.served.drain()
	}
	return nil
}

// call calls the function. A panic of it ends the connection by a reset: nobody knows what of it is
// missing.
func (s *served) call(x *exchange) {
	defer func() {
		if v := recover(); v != nil {
			s.failed(x, v, debug.Stack())
		}
	}()
	s.fn(s.c)
}

// failed says that the function has failed, and resets the connection.
func (s *served) failed(x *exchange, v any, stack []byte) {
	x.core.log.Error("lwan: panic in Endpoint.Conn", "remote", s.c.where, "panic", v, "stack",
		string(stack))
	s.dropJoin(x.core, ErrGone)
	s.c.Reset()
}

// dropJoin tells a tunnel that it never begins.
func (s *served) dropJoin(core *process, cause error) {
	if j := s.join; j != nil {
		s.join = nil
		j.tell(core, cause)
	}
}

// drain is for the beginning of draining.
func (s *served) drain() {
	if s.join == nil { // else the tunnel has its Grace
		s.up.drain()
		s.end(ErrStopping)
	}
}

// diedServed is Died for a function that has ended its goroutine, or was unwound.
func (x *exchange) diedServed(value any, stack []byte) {
	if s := x.served; x.phase != exchangeConcluded && s.c != nil {
		x.on.EnterUser(0)
		switch {
		case value != nil:
			s.failed(x, value, stack)
		case x.req.dead.Load() == nil:
			s.failed(x, errGoexit, nil)
		}
		s.dropJoin(x.core, ErrGone)
		x.on.LeaveUser()
	}
	x.concludeServed()
}

// concludeServed ends the function's time, and leaves the connection to a tunnel if that is wished.
// Otherwise the protocol closes it: behind what was written, so that the peer can read that.
func (x *exchange) concludeServed() {
	if x.phase == exchangeConcluded {
		return
	}
	x.phase = exchangeConcluded
	s := x.served
	if s.end != nil {
		s.end(context.Canceled)
	}
	if s.join != nil && !s.join.told {
		x.resp.leaving = s.join
		x.leave()
	}
	if s.c != nil {
		s.c.unbind(x.req)
	}
	x.resp.conclude(answerEnded)
}

// clientAddr is the address of a client; of a unix socket, whose peers have none, an empty one.
func clientAddr(a netip.AddrPort) net.Addr {
	if !a.IsValid() {
		return &net.UnixAddr{Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(a)
}

// Join joins client, which an Endpoint's Conn function was given, to backend, which it has from a
// Dialer. It is the last call of the function: from its return on bytes go both ways until both
// sides have ended, at most 64 KiB are kept in between for each, and no handler, worker or buffer
// is held while none come. An end is passed on, and the other direction goes on; what one side
// loses is a reset for the other. When draining begins the tunnel ends Tunnel.Grace later. On net/http it
// takes the function's goroutine and another one, and Join returns at the end.
//
// Tunnel.Done is told of the end in any case; also, with the reason, if the connections cannot be
// joined: one of them is closed, or belongs to somebody else, or backend is encrypted by its
// Dialer. Both are closed then.
func Join(client, backend *Conn, t Tunnel) {
	j := &joining{backend: backend, t: t}
	err := j.begin(client)
	if err == nil {
		return
	}
	if err == errNotJoined || err == errTunnelTLS {
		backend.core.log.Error("lwan: a Join that cannot be", "err", err)
	}
	_ = client.Close() // it may be closed, or another goroutine's, as backend
	_ = backend.Close()
	j.tell(backend.core, err)
}

// joining is a tunnel that begins when the function has returned.
type joining struct {
	backend *Conn
	t       Tunnel
	told    bool // Done was called
}

// tell is for the end of a tunnel that has not begun.
func (j *joining) tell(core *process, cause error) {
	if !j.told {
		j.told = true
		tellDone(core, j.t.Done, 0, 0, cause)
	}
}

// begin leaves a tunnel to be begun, or runs it where no loop can.
func (j *joining) begin(client *Conn) error {
	req, err := client.enter()
	if err != nil {
		return err
	}
	of, err := j.backend.enter()
	s := client.served
	switch {
	case err != nil:
		return err
	case s == nil, of != req, j.backend.served != nil, s.join != nil:
		return errNotJoined
	case j.backend.tls != nil:
		return errTunnelTLS
	}
	s.join = j
	if !j.backend.up.joins() {
		return j.here(req, client)
	}
	return nil
}

// here is the tunnel in the function's own goroutine.
func (j *joining) here(req *Request, client *Conn) error {
	from, mine := client.up.(interface{ release() net.Conn })
	to, its := j.backend.up.(*netUpstream)
	if !mine || !its {
		return ErrForeign
	}
	if !j.backend.unbind(req) || j.backend.broken {
		j.backend.finish()
		return net.ErrClosed
	}
	defer j.backend.finish()
	h := &hereTunnel{
		client: from.release(), backend: to.nc, start: time.Now(), ahead: client.rest.b,
	}
	j.told = true
	defer func() { tellDone(j.backend.core, j.t.Done, h.in.Load(), h.out.Load(), h.cause) }()
	h.run(req, j.backend, j.t)
	if h.cause != nil && h.cause != ErrTimeout && h.cause != ErrStopping { // bytes may be missing
		client.Reset()
	}
	return nil
}

// inherit implements heir.
func (j *joining) inherit(x *exchange) guest {
	client := x.served.c
	if !client.unbind(x.req) || !j.backend.unbind(x.req) { // somebody has closed one of them
		return j.lost(x, net.ErrClosed)
	}
	p, _, _, err := x.by.Take(nil, nil)
	if err != nil {
		j.backend.finish()
		return j.lost(x, err)
	}
	x.handed = p
	g := &tunnel{core: x.core, done: j.t.Done, c: j.backend, loop: p.Loop()}
	g.Start(p.(relay.Pipe), j.backend.up.join(), j.t.relay(), (*tunnelOwner)(g), client.rest.b,
		j.backend.rest.b)
	return g
}

// lost tells that the tunnel has never begun.
func (j *joining) lost(x *exchange, cause error) guest {
	x.on.EnterUser(0)
	defer x.on.LeaveUser()
	j.tell(x.core, cause)
	return nil
}
