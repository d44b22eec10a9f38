//go:build linux && !golwan_nethttp

package lwan

import (
	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// countSubscribed is a gauge among the protocol's counts.
const countSubscribed = 7

// subscribe implements loopSubscriber: the head and the first events become the subscriber's first bytes.
func (h *h1) subscribe(resp *Response, sub *subscriber, first []byte) {
	h.keep = false
	h.noBody = false
	sub.chunked = h.req.head.Minor == 1
	h.toEnd = !sub.chunked
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
	h.guest = &topicGuest{
		subscriber: sub, eng: h.eng, conn: h.c, limit: int64(h.req.limits.Write), size: len(first), sent: int64(len(first)),
	}
	if h.req.route != nil {
		h.guest.number = h.req.route.number
	}
}

// handOver leaves the connection to its subscription, with what the kernel does not take at once of the head and the
// first events.
func (h *h1) handOver() conn.Verdict {
	g := h.guest
	h.guest = nil
	n, err := h.c.TryWrite(h.out)
	g.part = append([]byte(nil), h.out[n:]...)
	h.out = h.out[:0]
	if err != nil && err != transport.ErrAgain {
		g.end(ErrGone)
		return h.drop()
	}
	h.c.Expire(0)
	h.c.Attach(g)
	return conn.Hand
}

// abandoner implements carrier.
func (h *h1) abandoner() func() {
	return h.w.Killer()
}

// topicGuest is a subscription on a loop. It is touched by its loop only.
type topicGuest struct {
	*subscriber
	eng    *loopEngine
	conn   conn.Conn
	crowd  *crowd
	index  int          // in the crowd
	queued bool         // it has its turn among the laggards
	limit  int64        // how long the client may take nothing; 0: for ever
	stuck  int64        // since when it does; 0: it does not
	size   int          // of the event whose bytes part is
	sent   int64        // bytes of the body, with all of that event
	past   *pastRequest // what the observers are shown at the end; nil: there are none
	number uint64       // of the route, for the watchdog
}

// Ready implements transport.Session.
func (g *topicGuest) Ready(transport.Pipe) {
	switch {
	case g.crowd == nil && !g.enter():
		g.finish(ErrDropped)
	case !g.conn.Discard():
		g.finish(ErrGone)
	case g.queued:
	case g.catching: // as many others may be, who all have an edge now
		g.eng.laggards[g.conn.Loop().Number()].add(g)
	default:
		g.advance()
	}
}

// Ended implements transport.Session.
func (g *topicGuest) Ended(transport.Pipe, error) { g.depart(ErrStopping) }

// Draining implements transport.Session.
func (g *topicGuest) Draining(transport.Pipe) { g.finish(ErrStopping) }

// drop implements host.
func (g *topicGuest) drop() { g.conn.Loop().Post(func() { g.finish(ErrDropped) }) }

// enter joins the crowd of the topic on this loop. It reports false if the subscriber has been dropped before.
func (g *topicGuest) enter() bool {
	loop := g.conn.Loop()
	g.crowd = crowdOf(g.topic, loop)
	g.crowd.add(g)
	loop.Counts()[countSubscribed]++
	if loop.Draining() {
		loop.Post(func() { g.finish(ErrStopping) })
	}
	return g.servedBy(g)
}

// guestShare is how many bytes a subscriber is written before others have a turn.
const guestShare = 64 << 10

// advance writes what the kernel takes, but for so much at most that others do not wait for it. It returns how much it was.
func (g *topicGuest) advance() (written int) {
	for {
		var n int
		var err error
		if len(g.part) > 0 {
			n, err = g.write()
		} else if w := g.next(); w != nil {
			n, err = g.begin(w)
		} else {
			g.catching = false
			if g.part = nil; g.dropped.Load() || g.topic.over.Load() && g.at.next.Load() == nil {
				g.finish(ErrDropped)
			}
			return written
		}
		written += n
		switch {
		case err == transport.ErrAgain:
			g.wait()
			return written
		case err != nil:
			g.finish(ErrGone)
			return written
		case written >= guestShare:
			g.eng.laggards[g.conn.Loop().Number()].add(g)
			return written
		}
	}
}

// write writes of part.
func (g *topicGuest) write() (int, error) {
	n, err := g.conn.TryWrite(g.part)
	g.wrote(n)
	g.part = g.part[n:]
	return n, err
}

func (g *topicGuest) wrote(n int) {
	if n > 0 {
		g.quiet, g.stuck = false, 0
	}
}

// put makes w what is sent next.
func (g *topicGuest) put(w *wire) {
	g.part = w.bytes(g.chunked)
	g.size = w.size()
	g.sent += int64(g.size)
}

// begin writes w, and those behind it if they are small and several: as in a replay.
func (g *topicGuest) begin(w *wire) (int, error) {
	g.take(w)
	g.put(w)
	next := g.next()
	if next == nil || len(g.part)+len(next.bytes(g.chunked)) > readBuffer {
		return g.write()
	}
	buf := g.eng.takeBuffer()
	defer g.eng.giveBuffer(buf)
	batch := append(buf[:0], g.part...)
	for last := next; last != nil && len(batch)+len(last.bytes(g.chunked)) <= len(buf); last = g.behind(last) {
		batch = append(batch, last.bytes(g.chunked)...)
	}
	n, err := g.conn.TryWrite(batch)
	g.wrote(n)
	for left := n; ; { // what was written of each: the rest of the last one is part
		done := min(left, len(g.part))
		g.part = g.part[done:]
		if left -= done; left == 0 {
			return n, err
		}
		next := g.at.next.Load()
		g.take(next)
		g.put(next)
	}
}

// wait is for a client that does not read: it may owe so much, for so long.
func (g *topicGuest) wait() {
	now := g.conn.Loop().Now()
	if g.stuck == 0 {
		g.stuck = max(now, 1)
	}
	if g.limit > 0 {
		if now-g.stuck > g.limit {
			g.finish(ErrSlow)
			return
		}
		g.crowd.lookAt(g.stuck + g.limit + 1)
	}
	if !g.slow() {
		return
	}
	if g.topic.Slow == Disconnect {
		g.finish(ErrSlow)
		return
	}
	g.skip()
}

// finish ends the subscription: properly if the client can still be told. It does nothing before the subscriber has
// entered, and after it has departed.
func (g *topicGuest) finish(cause error) {
	if g.crowd == nil {
		return
	}
	if (cause == ErrStopping || cause == ErrDropped) && len(g.part) == 0 {
		if b := g.topic.farewell(); b != nil {
			g.part = append(g.part, newWire(b).bytes(g.chunked)...)
			g.sent += int64(len(b))
		}
		if g.chunked {
			g.part = append(g.part, http1.LastChunk...)
		}
		_, _ = g.conn.TryWrite(g.part) // what does not fit now is lost: the client comes back all the same
		g.part = nil
		g.depart(cause)
		g.conn.End(transport.Linger)
		return
	}
	g.depart(cause)
	g.conn.End(transport.Close)
}

// depart leaves the crowd.
func (g *topicGuest) depart(cause error) {
	c := g.crowd
	if c == nil {
		return
	}
	g.crowd = nil
	c.loop.Counts()[countSubscribed]--
	c.remove(g)
	g.end(cause)
}

// end tells the topic, the user's OnEnd and the observers.
func (g *topicGuest) end(cause error) {
	g.tell(cause)
	unsent := len(g.part)
	if g.chunked {
		unsent -= 2 // behind the event
	}
	sent := g.sent - int64(min(max(unsent, 0), g.size))
	counts := g.conn.Loop().Counts()
	counts[countRequests]++
	counts[statusClass(StatusOK)]++
	if past := g.past; past != nil {
		g.past = nil
		cut, now := len(g.part) > 0, g.conn.Loop().Clock()
		g.job(func() { past.conclude(cause, cut, sent, now) })
	}
}

// tell ends the subscription. Nobody knows what the loop is in the middle of, so OnEnd comes later.
func (g *topicGuest) tell(cause error) {
	g.leave()
	if g.onEnd != nil {
		g.job(func() { g.callOnEnd(cause) })
	}
}

// job lets a worker run code of the program's, and the watchdog look at it.
func (g *topicGuest) job(fn func()) {
	dog, number := g.eng.dog, g.number
	g.conn.Loop().Run(func(w *loop.Worker) {
		if dog != nil {
			w.EnterUser(number)
			defer w.LeaveUser()
		}
		fn()
	})
}

// account keeps for the observers what the worker is about to use again.
func (g *topicGuest) account(h *h1) {
	if h.core.observers != nil {
		g.past = keepRequest(h.req, h.resp, h.start)
	}
}
