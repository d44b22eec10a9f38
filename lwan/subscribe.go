package lwan

import "bytes"

// Subscribe ends the request with a stream of the topic's events: return topic.Subscribe(resp, sub). Middleware and
// observers see 200, Defer runs, the worker goes. What stays is the subscription; OnEnd reports its end. A topic that was
// closed answers 204, on which EventSource does not come back.
func (t *Topic) Subscribe(resp *Response, s Subscription) Status {
	t.init()
	if resp.streamed {
		return resp.Fail(ErrHeadSent)
	}
	if t.over.Load() {
		return StatusNoContent
	}
	req := resp.req
	resp.SetContentType("text/event-stream")
	resp.SetHeader("Cache-Control", "no-cache, no-transform")
	resp.SetHeader("X-Accel-Buffering", "no")
	resp.replace()
	if req.method == "HEAD" {
		return StatusOK
	}
	sub := subscriber{}
	first, err := appendEvents(resp.body[:0], t.join(req, s, &sub))
	if err != nil {
		t.count.Add(-1)
		return resp.Fail(err)
	}
	if len(resp.filters) == 0 {
		if ok, err := t.subscribeOnLoop(resp, sub, first); ok || err != nil {
			return resp.subscribed(err)
		}
	}
	return t.subscribeHere(resp, &sub, bytes.Clone(first)) // it was made in the response's buffer
}

func appendEvents(b []byte, events []Event) (_ []byte, err error) {
	for i := range events {
		if b, err = events[i].appendTo(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// loopSubscriber is a carrier that can serve a subscription without a worker.
type loopSubscriber interface {
	subscribe(resp *Response, sub subscriber, first []byte) error
}

func (t *Topic) subscribeOnLoop(resp *Response, sub subscriber, first []byte) (bool, error) {
	car, ok := resp.req.car.(loopSubscriber)
	if !ok {
		return false, nil
	}
	resp.prepareHead(StatusOK)
	if resp.bad != nil {
		sub.topic.count.Add(-1)
		return true, resp.bad
	}
	if len(resp.filters) > 0 || resp.filter != nil { // the hooks have asked for one just now
		return false, nil
	}
	return true, car.subscribe(resp, sub, first)
}

// subscribed ends the request: the status is on the wire already.
func (r *Response) subscribed(err error) Status {
	if err != nil {
		return r.Fail(err)
	}
	r.streamed, r.taken, r.status = true, true, StatusOK
	r.req.headOut = true
	r.req.resetDeadline()
	return StatusOK
}

// hereAudience is one subscriber whose handler waits for events itself, as under net/http or behind a Filter.
type hereAudience struct{ q Queue[error] }

// notify lets it look; a full queue means that it will anyway.
func (a *hereAudience) notify() { a.q.Push(nil) }

func (a *hereAudience) drop(cause error) { a.q.Push(cause) }

// subscribeHere lets the subscription begin now, and be served once the handler and its middleware have returned: as on
// a loop, but for the worker or goroutine that it holds.
func (t *Topic) subscribeHere(resp *Response, sub *subscriber, first []byte) Status {
	a := &hereAudience{}
	a.q.Cap = 2
	t.mu.Lock()
	t.audiences[a] = a
	t.mu.Unlock()
	t.register(sub.key, a)
	ev := resp.Events()
	ev.heartbeat = t.Heartbeat
	resp.after = func(alive bool) { t.serveHere(ev, sub, a, first, alive) }
	return StatusOK
}

// serveHere sends events until the subscription ends: at once if the handler has died after Subscribe.
func (t *Topic) serveHere(ev *Events, sub *subscriber, a *hereAudience, first []byte, alive bool) {
	cause := ErrDropped
	defer func() { // also when the wait is unwound
		t.mu.Lock()
		delete(t.audiences, a)
		t.mu.Unlock()
		sub.leave(a, cause)
	}()
	if !alive {
		return
	}
	cause = ErrGone // should the wait be unwound
	cause = sub.pump(ev.resp.req, ev, a, first)
	if cause == ErrStopping || cause == ErrDropped {
		ev.resp.lastWords(t.farewell())
		ev.resp.events = nil // nothing more is to be said on it
	}
}

// pump sends events as they come. It returns why it ended.
func (s *subscriber) pump(req *Request, ev *Events, a *hereAudience, out []byte) error {
	for {
		for w := s.at.next.Load(); w != nil; w = s.at.next.Load() {
			s.at = w
			out = append(out, w.bytes(false)...)
		}
		if len(out) > 0 {
			if err := ev.write(out); err != nil {
				return err
			}
		}
		out = out[:0]
		if s.topic.over.Load() {
			return ErrDropped
		}
		if dropped, err := a.q.Pop(req); err != nil || dropped != nil {
			if err != nil {
				return err
			}
			return dropped
		}
	}
}

// lastWords sends b on a stream whose waits are over already. What goes wrong is of no use to anybody.
func (r *Response) lastWords(b []byte) {
	if r.filter == nil && r.sticky == nil && len(b) > 0 {
		_ = r.req.car.stream(b)
	}
}
