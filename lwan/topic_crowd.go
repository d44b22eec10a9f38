package lwan

import (
	"sync/atomic"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// crowd is the subscribers of one topic on one loop.
type crowd struct {
	topic *Topic
	loop  transport.Loop
	told  atomic.Bool

	// owned by the loop
	guests []*topicGuest
	pos    int // guests[pos:] have not been served in this round
	beat   bool
	unbeat func() // stops the timer of heartbeats; nil: it is not set
	unlate func() // stops that of those who take nothing; nil: it is not set
	lateAt int64  // when that fires
}

// roundBatch is how many subscribers are served before others of the loop have a turn.
const roundBatch = 256

// crowdOf is the one of t on loop, made if there is none.
func crowdOf(t *Topic, loop transport.Loop) *crowd {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, _ := t.audiences[loop].(*crowd)
	if c == nil {
		c = &crowd{topic: t, loop: loop}
		t.audiences[loop] = c
	}
	return c
}

func (c *crowd) add(g *topicGuest) {
	g.index = len(c.guests)
	c.guests = append(c.guests, g)
	if c.unbeat == nil && c.topic.Heartbeat > 0 {
		c.unbeat = c.loop.After(int64(c.topic.Heartbeat), c.heartbeat)
	}
}

// remove takes g out. The guest that takes its place may have been served in this round or not: it
// is served now.
func (c *crowd) remove(g *topicGuest) {
	last := len(c.guests) - 1
	moved := c.guests[last]
	c.guests[g.index], moved.index = moved, g.index
	c.guests[last] = nil
	c.guests = c.guests[:last]
	if len(c.guests) == 0 {
		c.disband()
	}
	if moved != g && moved.crowd != nil && moved.at.next.Load() != nil {
		c.loop.Post(moved.serve)
	}
}

// serve is advance for a guest that may have left meanwhile, or has its turn later.
func (g *topicGuest) serve() {
	if g.crowd != nil && !g.queued {
		g.advance()
	}
}

// disband forgets the crowd once nobody is left.
func (c *crowd) disband() {
	for _, stop := range []func(){c.unbeat, c.unlate} {
		if stop != nil {
			stop()
		}
	}
	c.unbeat, c.unlate = nil, nil
	t := c.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.audiences[c.loop] == audience(c) {
		delete(t.audiences, c.loop)
	}
}

// lookAt makes a round begin at a time of the loop's clock, for somebody who takes nothing: also
// when nothing is published.
func (c *crowd) lookAt(at int64) {
	switch {
	case c.unlate == nil:
	case at < c.lateAt:
		c.unlate()
	default:
		return
	}
	c.lateAt = at
	c.unlate = c.loop.After(at-c.loop.Now(), c.tooLate)
}

// tooLate is the timer's.
func (c *crowd) tooLate() {
	c.unlate = nil
	c.notify()
}

// notify implements audience: one letter to the loop, however many events come before it is read.
func (c *crowd) notify() {
	if c.told.CompareAndSwap(false, true) {
		c.loop.Post(c.begin)
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
			c.loop.Post(c.round)
			return
		}
		g := c.guests[c.pos]
		if c.beat && g.quiet && len(g.part) == 0 && g.at.next.Load() == nil &&
			g.form != transport.Message { // WebSockets have pings
			g.put(heartbeatWire)
		}
		if c.beat {
			g.quiet = true
		}
		g.serve()
		if c.pos < len(c.guests) && c.guests[c.pos] == g {
			c.pos++
		}
	}
	c.pos, c.beat = 0, false
}

// heartbeat is the timer's.
func (c *crowd) heartbeat() {
	c.unbeat = c.loop.After(int64(c.topic.Heartbeat), c.heartbeat)
	c.beat = true
	c.notify()
}

// laggards are the subscribers on a loop that have more to be sent than is fair at once, as in a
// replay. They take turns.
type laggards struct {
	loop   transport.Loop // nil before the first one
	queue  []*topicGuest
	posted bool
}

// laggardsShare is how many bytes they are written together before others of the loop have a turn.
const laggardsShare = 256 << 10

func (q *laggards) add(g *topicGuest) {
	g.queued = true
	q.loop = g.loop
	q.queue = append(q.queue, g)
	if !q.posted {
		q.posted = true
		q.loop.Post(q.turn)
	}
}

// turn serves some of them, each once.
func (q *laggards) turn() {
	q.posted = true // nobody else needs to post it meanwhile
	n := len(q.queue)
	for share := laggardsShare; n > 0 && share > 0; n-- {
		g := q.queue[0]
		q.queue[0] = nil
		q.queue = q.queue[1:]
		g.queued = false
		if g.crowd != nil {
			share -= g.advance()
		}
	}
	if q.posted = len(q.queue) > 0; q.posted {
		q.loop.Post(q.turn)
	} else {
		q.queue = nil
	}
}
