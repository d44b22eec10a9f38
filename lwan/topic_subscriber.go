package lwan

import (
	"cmp"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// Subscription is how a client takes part in a topic.
//
// For a snapshot without a gap: after := topic.LastID(); read the state; Subscribe with After:
// after and First: the state.
type Subscription struct {
	// send what came after the event with this ID; "": the request's Last-Event-ID, if it has one
	After string
	First []Event // sent first, to this subscriber alone
	// sent when the client has missed something: After is not kept any more, or DropOldest has
	// dropped
	Gap []Event
	Key string // for Topic.Drop
	// called once the subscription has ended, on the loop or the handler's goroutine: it should not
	// block. A panic is logged
	OnEnd func(cause error)
}

// subscriber is the state of a subscription, wherever it is served. What it may owe is the same
// everywhere:
//
//   - Once it owes no more than Backlog, and then owes more, it is slow.
//   - Before, it is being sent a replay: it may be behind as far as the topic keeps events, which
//     costs nothing.
//   - It is held to that only while its client takes nothing, for as long as a client reads it is
//     not slow.
//   - The newest event is never dropped.
type subscriber struct {
	topic *Topic
	key   string
	onEnd func(cause error)
	gap   []Event
	log   *slog.Logger // the server's

	at       *wire  // the last one that was sent, or is being sent
	part     []byte // what is not sent yet of it
	form     transport.Form
	catching bool // it is being sent a replay, and has not come as far as Backlog yet
	// events were dropped since the last one that was sent, and gap is to be sent in their place
	lost  bool
	quiet bool // nothing was sent since the last heartbeat

	dropped atomic.Bool // by Topic.Drop: nothing is sent that was published later
	host    host        // who serves it; nil: nobody does yet. Guarded by topic.mu
}

// host serves a subscriber. drop is called once it was dropped, from any goroutine.
type host interface{ drop() }

// join begins a subscription: it finds where the subscriber begins, and what it is sent before.
func (t *Topic) join(req *Request, s Subscription) (sub *subscriber, first []byte, err error) {
	last := req.Header("Last-Event-ID")
	after := cmp.Or(s.After, last)
	t.mu.Lock()
	defer t.mu.Unlock()
	sub, found := t.newSubscriber(s, after, req.table.core.log)
	at := sub.at
	if !found {
		first, err = appendEvents(first, s.Gap)
	}
	if err == nil {
		first, err = appendEvents(first, s.First)
	}
	if err != nil {
		return nil, nil, err
	}
	// Last, since a client that has not got the others must not come back as if it had.
	begin := Event{Retry: max(t.Retry, 0)}
	if at.id != last {
		begin.ID = at.id
	}
	if begin.ID != "" || begin.Retry > 0 {
		if first, err = begin.append(first, false); err != nil {
			return nil, nil, err
		}
	}
	t.enlist(sub)
	return sub, first, nil
}

// newSubscriber is one that goes on behind the event with the ID after; found is false if that is
// not kept. mu is held.
func (t *Topic) newSubscriber(s Subscription, after string, log *slog.Logger) (
	sub *subscriber, found bool,
) {
	at, found := t.kept.find(after)
	return &subscriber{
		topic: t, key: s.Key, onEnd: s.OnEnd, gap: s.Gap, log: log,
		at: at, catching: at != t.kept.tail,
	}, found
}

// enlist counts a subscriber, until leave; mu is held.
func (t *Topic) enlist(sub *subscriber) {
	t.count.Add(1)
	t.accountIdle()
	if sub.key == "" {
		return
	}
	if t.keys[sub.key] == nil {
		t.keys[sub.key] = map[*subscriber]struct{}{}
	}
	t.keys[sub.key][sub] = struct{}{}
}

func appendEvents(b []byte, events []Event) (_ []byte, err error) {
	for i := range events {
		if b, err = events[i].appendTo(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// servedBy makes h known to Drop. It reports false if the subscriber was dropped before.
func (s *subscriber) servedBy(h host) bool {
	s.topic.mu.Lock()
	defer s.topic.mu.Unlock()
	s.host = h
	return !s.dropped.Load()
}

// end ends the subscription, and calls OnEnd.
func (s *subscriber) end(cause error) {
	s.leave()
	s.callOnEnd(cause)
}

// callOnEnd calls OnEnd. One that panics must take neither the loop with it nor the request.
func (s *subscriber) callOnEnd(cause error) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("panic in OnEnd", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	if s.onEnd != nil {
		s.onEnd(cause)
	}
}

// leave ends the subscription.
func (s *subscriber) leave() {
	t := s.topic
	t.mu.Lock()
	if s.key != "" {
		delete(t.keys[s.key], s)
		if len(t.keys[s.key]) == 0 {
			delete(t.keys, s.key)
		}
	}
	t.count.Add(-1)
	t.used.Store(time.Now().UnixNano())
	t.accountIdle()
	t.mu.Unlock()
}

// slow reports whether the subscriber owes more than it may.
func (s *subscriber) slow() bool {
	owed := s.topic.total.Load() - s.at.total + int64(len(s.part))
	switch {
	case owed <= int64(s.topic.Backlog):
		s.catching = false
		return false
	case s.catching:
		return s.at.total < s.topic.floor.Load()
	}
	return true
}

// skip forgets the oldest events, but for the one that is on its way and the newest, until the rest
// is not too much.
func (s *subscriber) skip() {
	for s.slow() {
		next := s.at.next.Load()
		if next == nil || next.next.Load() == nil {
			return
		}
		s.at, s.lost = next, true
	}
}

// behind is the event behind w, if the subscriber is to be sent it: one that was dropped before it
// was published is not.
func (s *subscriber) behind(w *wire) *wire {
	next := w.next.Load()
	if s.dropped.Load() {
		return nil
	}
	return next
}

// next is what is sent next, and nil if there is nothing. take has to follow.
func (s *subscriber) next() *wire {
	next := s.behind(s.at)
	for next != nil && next.gap {
		s.at, s.lost = next, true
		next = s.behind(next)
	}
	if !s.lost || len(s.gap) == 0 || s.dropped.Load() {
		return next
	}
	b, err := appendEvents(nil, s.gap)
	if err != nil { // an ID or name that cannot be sent, and was not needed until now
		return next
	}
	return newWire(b)
}

// take notes that w, which came of next, is on its way.
func (s *subscriber) take(w *wire) {
	if s.at.next.Load() == w {
		s.at = w
	}
	s.lost = false
}
