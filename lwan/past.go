package lwan

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/golwan/golwan/lwan/internal/message"
)

// pastRequest is a request with its answer, kept for the observers of a subscription: they see it
// at its end, and by then the worker that ran its handler has served others. It is a copy of what
// can be asked, and has neither Stream nor Task: what waits finds that it is over. It takes 2 KB
// and the request's head as long as the subscription lives, and is not made without observers.
type pastRequest struct {
	req  Request
	resp Response
	head message.Head
	peer peerCopy
}

// keepRequest copies a request that is about to end, and its answer.
func keepRequest(req *Request, resp *Response) *pastRequest {
	p := new(pastRequest)
	p.peer.copyFrom(req.peer, false)
	r := &p.req
	r.peer, r.trusted, r.start = &p.peer, req.trusted, req.start
	r.resp, r.table, r.route, r.missed = &p.resp, req.table, req.route, req.missed
	r.buf = slices.Clone(req.buf[:req.head.Size])
	r.head, p.head = &p.head, *req.head
	r.head.Fields = slices.Clone(req.head.Fields)
	r.method, r.limits, r.log = req.method, req.limits, req.log
	r.trailers, r.values = slices.Clone(req.trailers), slices.Clone(req.values)
	r.ctx.Store(req.ctx.Load()) // it ends with the original
	ended := error(context.Canceled)
	r.lost.Store(&ended)
	r.body.err = http.ErrBodyReadAfterClose
	r.detour = req.detour
	r.cleanPath(&p.resp)
	// the same route again, since what it matched points into the original's path
	if r.route != nil {
		_, r.result = r.table.router.Find(r.method,
			alias(r.head.Authority.Of(r.buf)), r.path, &r.params)
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
	p.resp.sent = sent
	if cause == ErrGone || cause == ErrSlow || cut {
		p.resp.failure, p.resp.failed = cause, knownStatus(cause)
	}
	p.req.table.core.observe(&p.req, &p.resp, time.Duration(now-p.req.start))
	p.req.end()
	p.resp.end()
}
