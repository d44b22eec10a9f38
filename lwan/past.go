//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"time"
)

// pastRequest is a request with its answer, kept for the observers of a subscription: they see it
// at its end, and by then the worker that ran its handler has served others. It is a copy of what
// can be asked, and the carrier of itself: it knows where it came from, and carries nothing any
// more. It takes 2 KB and the request's head as long as the subscription lives, and is not made
// without observers.
type pastRequest struct {
	req       Request
	resp      Response
	from      netip.AddrPort
	encrypted bool
	proxy     bool          // the endpoint's peers are trusted
	start     int64         // on the loop's clock
	took      time.Duration // known at the end
	values    context.Context
}

// keepRequest copies a request that is about to end, and its answer.
func keepRequest(req *Request, resp *Response, start int64) *pastRequest {
	p := &pastRequest{from: req.car.peer(), encrypted: req.car.secure(), proxy: req.car.trusted(), start: start, values: req.car.parent()}
	r := &p.req
	r.car, r.resp, r.table, r.route, r.missed = p, &p.resp, req.table, req.route, req.missed
	r.buf = slices.Clone(req.buf[:req.head.Size])
	r.head = req.head
	r.head.Fields = slices.Clone(req.head.Fields)
	r.method, r.limits, r.log, r.tls = req.method, req.limits, req.log, req.tls
	r.trailers, r.values = slices.Clone(req.trailers), slices.Clone(req.values)
	r.ctx.Store(req.ctx.Load()) // it ends with the original
	ended := error(context.Canceled)
	r.lost.Store(&ended)
	r.body.err = http.ErrBodyReadAfterClose
	r.cleanPath(&p.resp)
	if r.route != nil { // the same route again, since what it matched points into the original's path
		_, r.result = r.table.router.Find(r.method, alias(r.head.Authority.Of(r.buf)), r.path, &r.params)
	}
	a := &p.resp
	a.req, a.status, a.ctype, a.length = r, resp.status, resp.ctype, resp.length
	a.fields = slices.Clone(resp.fields)
	a.message, a.failure, a.failed = resp.message, resp.failure, resp.failed
	a.state, a.sticky = answerEnded, ErrForeign
	return p
}

// conclude tells the observers of the end of the subscription, at now on the loop's clock.
func (p *pastRequest) conclude(cause error, cut bool, sent, now int64) {
	p.took = time.Duration(now - p.start)
	p.resp.sent = sent
	if cause == ErrGone || cause == ErrSlow || cut {
		p.resp.failure, p.resp.failed = cause, knownStatus(cause)
	}
	p.req.table.core.observe(&p.req, &p.resp, p.took)
	p.req.end()
	p.resp.end()
}

func (p *pastRequest) peer() netip.AddrPort    { return p.from }
func (p *pastRequest) secure() bool            { return p.encrypted }
func (p *pastRequest) trusted() bool           { return p.proxy }
func (p *pastRequest) elapsed() time.Duration  { return p.took }
func (p *pastRequest) parent() context.Context { return p.values }

// What follows is for a request under way, and this one is over.

func (p *pastRequest) readBody([]byte) (int, error)                 { return 0, http.ErrBodyReadAfterClose }
func (p *pastRequest) finish(*Response, Status)                     {}
func (p *pastRequest) startStream(*Response, Status) error          { return ErrForeign }
func (p *pastRequest) stream([]byte) error                          { return ErrForeign }
func (p *pastRequest) streamFile(*os.File, int64, int64) error      { return ErrForeign }
func (p *pastRequest) flush() error                                 { return ErrForeign }
func (p *pastRequest) endStream(*Response) error                    { return ErrForeign }
func (p *pastRequest) cut()                                         {}
func (p *pastRequest) interim(Status, []field) error                { return ErrForeign }
func (p *pastRequest) sleep(time.Duration) error                    { return ErrForeign }
func (p *pastRequest) wait(func(func()), time.Duration) error       { return ErrForeign }
func (p *pastRequest) offload(func()) error                         { return ErrForeign }
func (p *pastRequest) readAside(func(io.Reader)) error              { return ErrForeign }
func (p *pastRequest) outlast(func(wake func()))                    {}
func (p *pastRequest) entered(*route)                               {}
func (p *pastRequest) returned()                                    {}
func (p *pastRequest) onLoop() bool                                 { return true }
func (p *pastRequest) canceller() func(error)                       { return func(error) {} }
func (p *pastRequest) abandoner() func()                            { return func() {} }
func (p *pastRequest) local() netip.AddrPort                        { return netip.AddrPort{} }
func (p *pastRequest) unwind()                                      {}
func (p *pastRequest) drained() <-chan struct{}                     { return nil }
func (p *pastRequest) hijack() (net.Conn, []byte, error)            { return nil, nil, ErrForeign }
func (p *pastRequest) blocking(Handler, *Request, *Response) Status { return StatusInternalServerError }
func (p *pastRequest) upgrade(*Response, string) (net.Conn, error)  { return nil, ErrForeign }
