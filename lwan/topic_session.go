package lwan

import (
	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// topicGuest is a subscription on a loop. It is touched by its loop only.
type topicGuest struct {
	*subscriber
	core   *process
	pipe   transport.Pipe
	loop   transport.Loop
	crowd  *crowd
	index  int          // in the crowd
	queued bool         // it has its turn among the laggards
	limit  int64        // how long the client may take nothing; 0: for ever
	stuck  int64        // since when it does; 0: it does not
	size   int          // of the event whose bytes part is
	sent   int64        // bytes of the body, with all of that event
	past   *pastRequest // what the observers are shown at the end; nil: there are none
	number uint64       // of the route, for the watchdog
	held   *holding     // the configuration of the request
	keeps  bool         // until its end; else the WebSocket does that has joined
}

var _ guest = (*topicGuest)(nil)

// observed implements guest.
func (g *topicGuest) observed(past *pastRequest) { g.past = past }

// lent implements guest.
func (g *topicGuest) lent(h *holding) { g.held, g.keeps = h, true }

// Ready implements transport.Session.
func (g *topicGuest) Ready(transport.Pipe) {
	switch {
	case g.crowd == nil && !g.enter():
		g.finish(ErrDropped)
	case !g.discard():
		g.finish(ErrGone)
	case g.keeps && g.held.over:
		g.finish(ErrStopping)
	case g.queued:
	case g.catching: // as many others may be, who all have an edge now
		g.core.laggards[g.loop.Number()].add(g)
	default:
		g.advance()
	}
}

// discardShare is how much of what a client sends is thrown away before others have a turn.
const discardShare = 1 << 20

// discard throws away what the client sends. It reports false when that has closed its side.
func (g *topicGuest) discard() (open bool) {
	for share := discardShare; ; {
		n, err := g.pipe.TryRead(g.loop.Scratch())
		switch {
		case err == transport.ErrAgain:
			return true
		case err != nil || n == 0:
			return false
		}
		if share -= n; share <= 0 {
			g.pipe.Again()
			return true
		}
	}
}

// Ended implements transport.Session.
func (g *topicGuest) Ended(transport.Pipe, error) {
	if g.crowd == nil { // it has never had its first turn
		g.end(ErrStopping)
		return
	}
	g.depart(ErrStopping)
}

// Expired implements transport.Session: a subscription has no time of its own.
func (g *topicGuest) Expired(transport.Pipe) {}

// AtRest implements transport.Session: who subscribes wants to go on.
func (g *topicGuest) AtRest(transport.Pipe) bool { return false }

// Draining implements transport.Session.
func (g *topicGuest) Draining(transport.Pipe) { g.finish(ErrStopping) }

// drop implements host.
func (g *topicGuest) drop() { g.loop.Post(func() { g.finish(ErrDropped) }) }

// enter joins the crowd of the topic on this loop. It reports false if the subscriber has been
// dropped before.
func (g *topicGuest) enter() bool {
	g.crowd = crowdOf(g.topic, g.loop)
	g.crowd.add(g)
	g.loop.Counts()[countSubscribed]++
	return g.servedBy(g)
}

// guestShare is how many bytes a subscriber is written before others have a turn.
const guestShare = 64 << 10

// advance writes what the kernel takes, but for so much at most that others do not wait for it. It
// returns how much it was.
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
			g.core.laggards[g.loop.Number()].add(g)
			return written
		}
	}
}

// write writes of part.
func (g *topicGuest) write() (int, error) {
	n, err := g.pipe.TryWrite(g.part)
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
	g.part = w.bytes(g.form)
	if g.size = w.size(); g.form == transport.Message {
		g.size = len(g.part)
	}
	g.sent += int64(g.size)
}

// batchBytes is how much of several small events is written at once.
const batchBytes = 16 << 10

// begin writes w, and those behind it if they are small and several: as in a replay.
func (g *topicGuest) begin(w *wire) (int, error) {
	g.take(w)
	g.put(w)
	next := g.next()
	if next == nil || next != g.at.next.Load() || // it is for what is missing
		len(g.part)+len(next.bytes(g.form)) > batchBytes {
		return g.write()
	}
	batch := append(g.loop.Scratch()[:0], g.part...)
	for last := next; last != nil && !last.gap &&
		len(batch)+len(last.bytes(g.form)) <= batchBytes; last = g.behind(last) {
		batch = append(batch, last.bytes(g.form)...)
	}
	n, err := g.pipe.TryWrite(batch)
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
	now := g.loop.Now()
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

// finish ends the subscription: properly if the client can still be told. It does nothing before
// the subscriber has entered, and after it has departed.
func (g *topicGuest) finish(cause error) {
	if g.crowd == nil {
		return
	}
	if g.form == transport.Message { // no frame is sent by halves, and the WebSocket goes on
		how := transport.Linger
		if cause == ErrSlow {
			how = transport.Close
		}
		g.depart(cause)
		g.pipe.End(how)
		return
	}
	if (cause == ErrStopping || cause == ErrDropped) && len(g.part) == 0 {
		if b := g.topic.farewell(); b != nil {
			g.part = append(g.part, newWire(b).bytes(g.form)...)
			g.sent += int64(len(b))
		}
		if g.form == transport.Chunk {
			g.part = append(g.part, http1.LastChunk...)
		}
		// what does not fit now is lost: the client comes back anyway
		_, _ = g.pipe.TryWrite(g.part)
		g.part = nil
		g.depart(cause)
		g.pipe.End(transport.Linger)
		return
	}
	g.depart(cause)
	g.pipe.End(transport.Close)
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
	if g.form == transport.Chunk {
		unsent -= 2 // behind the event
	}
	sent := g.sent - int64(min(max(unsent, 0), g.size))
	if g.form != transport.Message { // else it is no request's end
		counts := g.loop.Counts()
		counts[countRequests]++
		counts[statusClass(StatusOK)]++
	}
	if past := g.past; past != nil {
		g.past = nil
		cut := len(g.part) > 0
		g.job(func(now int64) { past.conclude(cause, cut, sent, now) })
	}
	if g.keeps {
		g.held.drop(g)
	}
}

// tell ends the subscription. Nobody knows what the loop is in the middle of, so OnEnd comes later.
func (g *topicGuest) tell(cause error) {
	g.leave()
	if g.onEnd != nil {
		g.job(func(int64) { g.callOnEnd(cause) })
	}
}

// job lets a worker run code of the program's, and the watchdog look at it. fn gets the time of
// now.
func (g *topicGuest) job(fn func(now int64)) {
	ended := g.loop.Now()
	release := g.held.more()
	g.loop.Go(func(on transport.Task) {
		defer release()
		on.EnterUser(g.number)
		defer on.LeaveUser()
		fn(ended)
	})
}
