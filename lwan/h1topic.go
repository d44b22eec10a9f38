//go:build linux && !golwan_nethttp

package lwan

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"github.com/golwan/golwan/lwan/internal/evloop"
	"github.com/golwan/golwan/lwan/internal/http1"
)

// countSubscribed is a gauge among the protocol's counts.
const countSubscribed = 7

// subscribe implements loopSubscriber: the head and the first events become the subscriber's first bytes.
func (h *h1) subscribe(resp *Response, sub subscriber, first []byte) error {
	defer h.w.Return(h.w.Leave())
	h.keep = false
	h.noBody = false
	sub.chunked = h.req.head.Minor == 1
	h.appendHead(resp, StatusOK)
	if sub.chunked {
		h.out = append(h.out, "Transfer-Encoding: chunked\r\n"...)
	}
	h.endHead()
	if sub.chunked && len(first) > 0 {
		h.out = http1.AppendChunkHead(h.out, len(first))
		h.out = append(append(h.out, first...), "\r\n"...)
	} else {
		h.out = append(h.out, first...)
	}
	h.guest = &topicGuest{subscriber: sub, core: h.core, handle: h.c.Handle()}
	sub.topic.register(sub.key, h.guest)
	return nil
}

// handOver leaves the connection to its subscription, with what the kernel does not take at once of the head and the
// first events.
func (h *h1) handOver() evloop.Verdict {
	g := h.guest
	h.guest = nil
	n, err := h.c.TryWrite(h.out)
	if err != nil && err != evloop.ErrAgain {
		g.end(ErrGone)
		return h.drop()
	}
	if n < len(h.out) {
		g.part = append([]byte(nil), h.out[n:]...)
	}
	h.out = h.out[:0]
	h.c.ExpireAfter(0)
	h.c.SetGuest(g)
	return evloop.Hand
}

// topicGuest is a subscription on a loop. It is touched by its loop only.
type topicGuest struct {
	subscriber
	core    *core
	handle  evloop.Handle
	crowd   *crowd
	index   int // in the crowd
	stuck   int64
	dropped error
}

// crowd is the subscribers of one topic on one loop.
type crowd struct {
	topic *Topic
	loop  *evloop.Loop
	told  atomic.Bool

	// owned by the loop
	guests []*topicGuest
	pos    int // guests[pos:] have not been served in this round
	beat   bool
	timer  evloop.Timer
}

// roundBatch is how many subscribers are served before others of the loop have a turn.
const roundBatch = 256

// Ready implements evloop.Guest.
func (g *topicGuest) Ready(h evloop.Handle) {
	if g.crowd == nil {
		g.enter(h)
	}
	if g.dropped != nil {
		g.finish(g.dropped)
		return
	}
	if !h.Discard() {
		g.finish(ErrGone)
		return
	}
	g.advance()
}

// Closed implements evloop.Guest.
func (g *topicGuest) Closed(h evloop.Handle, cause error) { g.depart(ErrStopping) }

// Draining implements evloop.Guest.
func (g *topicGuest) Draining(h evloop.Handle) { g.finish(ErrStopping) }

// drop implements member.
func (g *topicGuest) drop(cause error) {
	g.handle.Loop.Do(func() {
		g.dropped = cause // it may not have entered yet
		g.finish(cause)
	})
}

// enter joins the crowd of the topic on this loop.
func (g *topicGuest) enter(h evloop.Handle) {
	t := g.topic
	t.mu.Lock()
	c, _ := t.audiences[h.Loop].(*crowd)
	if c == nil {
		c = &crowd{topic: t, loop: h.Loop}
		c.timer.Fire = c.heartbeat
		t.audiences[h.Loop] = c
	}
	t.mu.Unlock()
	g.crowd, g.index = c, len(c.guests)
	c.guests = append(c.guests, g)
	h.Loop.Counts().App[countSubscribed]++
	if !c.timer.Set() && t.Heartbeat > 0 {
		h.Loop.Set(&c.timer, h.Loop.Now()+int64(t.Heartbeat))
	}
	if h.Loop.Draining() {
		h.Loop.Do(func() {
			if g.crowd != nil {
				g.finish(ErrStopping)
			}
		})
	}
}

// advance writes what the kernel takes.
func (g *topicGuest) advance() {
	for {
		for len(g.part) > 0 {
			n, err := g.handle.Write(g.part)
			g.part = g.part[n:]
			if n > 0 {
				g.quiet, g.stuck = false, 0
			}
			if err == evloop.ErrAgain {
				g.wait()
				return
			}
			if err != nil {
				g.finish(ErrGone)
				return
			}
		}
		next := g.at.next.Load()
		if next == nil {
			g.part = nil
			if g.topic.over.Load() {
				g.finish(ErrDropped)
			}
			return
		}
		g.at = next
		g.part = next.bytes(g.chunked)
	}
}

// wait is for a client that does not read: it may owe so much, for so long.
func (g *topicGuest) wait() {
	now := g.handle.Loop.Now()
	limit := g.core.limits.Write
	switch {
	case g.stuck == 0:
		g.stuck = now
	case limit > 0 && now-g.stuck > int64(limit):
		g.finish(ErrSlow)
		return
	}
	if g.owed() <= int64(g.topic.Backlog) {
		return
	}
	if g.topic.Slow == Disconnect {
		g.finish(ErrSlow)
		return
	}
	g.skip()
}

// finish ends the subscription: properly if the client can still be told.
func (g *topicGuest) finish(cause error) {
	if g.crowd == nil {
		return
	}
	if (cause == ErrStopping || cause == ErrDropped) && len(g.part) == 0 {
		if b := g.topic.farewell(); b != nil {
			g.part = append(g.part, newWire(b).bytes(g.chunked)...)
		}
		if g.chunked {
			g.part = append(g.part, http1.LastChunk...)
		}
		_, _ = g.handle.Write(g.part) // what does not fit now is lost: the client comes back all the same
		g.depart(cause)
		g.handle.Linger()
		return
	}
	g.depart(cause)
	g.handle.Close()
}

// depart leaves the crowd. The guest that takes its place may have been served in this round or not: it is served now.
func (g *topicGuest) depart(cause error) {
	c := g.crowd
	if c == nil {
		return
	}
	g.crowd = nil
	last := len(c.guests) - 1
	moved := c.guests[last]
	c.guests[g.index], moved.index = moved, g.index
	c.guests[last] = nil
	c.guests = c.guests[:last]
	c.loop.Counts().App[countSubscribed]--
	if len(c.guests) == 0 {
		c.disband()
	}
	g.end(cause)
	if moved != g && moved.crowd != nil && moved.at.next.Load() != nil {
		moved.handle.Loop.Do(func() {
			if moved.crowd != nil {
				moved.advance()
			}
		})
	}
}

// end tells the topic, and the user's OnEnd, which must not take the loop with it.
func (g *topicGuest) end(cause error) {
	defer func() {
		if v := recover(); v != nil {
			g.core.log.Error("panic in OnEnd", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	g.leave(g, cause)
}

// disband forgets the crowd once nobody is left.
func (c *crowd) disband() {
	c.loop.Stop(&c.timer)
	t := c.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.audiences[c.loop] == audience(c) {
		delete(t.audiences, c.loop)
	}
}

// notify implements audience: one letter to the loop, however many events come before it is read.
func (c *crowd) notify() {
	if c.told.CompareAndSwap(false, true) {
		c.loop.Do(c.begin)
	}
}

// begin starts a round through the crowd.
func (c *crowd) begin() {
	c.told.Store(false)
	running := c.pos > 0
	c.pos = 0
	if !running {
		c.round()
	}
}

// round serves the next of the crowd.
func (c *crowd) round() {
	for n := 0; c.pos < len(c.guests); n++ {
		if n == roundBatch {
			c.loop.Do(c.round)
			return
		}
		g := c.guests[c.pos]
		if c.beat && g.quiet && len(g.part) == 0 && g.at.next.Load() == nil {
			g.part = heartbeatWire.bytes(g.chunked)
		}
		if c.beat {
			g.quiet = true
		}
		g.advance()
		if c.pos < len(c.guests) && c.guests[c.pos] == g {
			c.pos++
		}
	}
	c.pos, c.beat = 0, false
}

// heartbeat is the timer's.
func (c *crowd) heartbeat() {
	c.loop.Set(&c.timer, c.loop.Now()+int64(c.topic.Heartbeat))
	c.beat = true
	c.notify()
}
