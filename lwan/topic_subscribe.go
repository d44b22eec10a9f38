package lwan

import "github.com/golwan/golwan/lwan/internal/transport"

// Subscribe ends the request with a stream of the topic's events: return topic.Subscribe(resp,
// sub). Middleware sees 200, Defer runs, the worker goes. What stays is the subscription, which
// begins now and is served once the chain has returned; if it returns 400 and above the connection
// is cut. OnEnd reports the end, and observers see the request then. A topic that was closed
// answers 204, on which EventSource does not come back. The answer to HEAD is the head.
func (t *Topic) Subscribe(resp *Response, s Subscription) Status {
	t.init()
	if err := resp.begins(); err != nil {
		return resp.Fail(err)
	}
	if t.over.Load() {
		return StatusNoContent
	}
	resp.SetContentType("text/event-stream")
	resp.SetHeader("Cache-Control", "no-cache, no-transform")
	resp.SetHeader("X-Accel-Buffering", "no")
	resp.replace()
	if resp.req.method == "HEAD" {
		return StatusOK
	}
	sub, first, err := t.join(resp.req, s)
	if err != nil {
		return resp.Fail(err)
	}
	if len(resp.filters) == 0 {
		if ok, err := subscribeOnLoop(resp, sub, first); ok || err != nil {
			if err != nil {
				return resp.Fail(err)
			}
			return StatusOK
		}
	}
	return subscribeHere(resp, sub, first)
}

// subscription is a connection that is about to be left to a subscriber, with what it is sent
// first.
type subscription struct {
	sub   *subscriber
	first []byte
}

// inherit implements heir.
func (s *subscription) inherit(x *exchange) guest {
	p, form, _, err := x.handOver(StatusOK, transport.Unknown, s.first)
	if err != nil {
		x.on.EnterUser(x.number())
		s.sub.end(ErrGone)
		x.on.LeaveUser()
		return nil
	}
	s.sub.form = form
	x.resp.sent = int64(len(s.first))
	g := &topicGuest{
		subscriber: s.sub, core: x.core, pipe: p, loop: p.Loop(), number: x.number(),
		limit: int64(x.req.limits.Write), sent: x.resp.sent,
	}
	p.Attach(g)
	return g
}

// subscribeOnLoop reports false if there is no loop that can serve the subscription. That has ended
// when it returns an error, or does not return as a hook has died.
func subscribeOnLoop(resp *Response, sub *subscriber, first []byte) (bool, error) {
	if resp.req.x.loop == nil {
		return false, nil
	}
	prepared := false
	defer func() {
		if !prepared {
			sub.end(ErrDropped)
		}
	}()
	if err := resp.prepareHead(StatusOK); err != nil {
		return true, err
	}
	prepared = true
	if resp.filter != nil { // the hooks have asked for one just now
		resp.state = answerHeld // Events sends the head
		return false, nil
	}
	resp.take(answerSubscribed, StatusOK)
	resp.after = func(resp *Response, alive bool) {
		if alive { // the exchange leaves the connection to it when all is over
			resp.leaving = &subscription{sub, first}
			return
		}
		defer sub.end(ErrDropped)
		_ = resp.req.outside(func() error { // an error means that nobody is there to see it cut
			return resp.req.by.Head(resp.describe(StatusOK, transport.Unknown))
		})
	}
	return true, nil
}
