package lwan

import (
	"sync"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// Where the connections of a Dialer rest between two handlers. Those of a loop have a pool of their
// own, which only that loop touches; those of package net share one behind a mutex. In both the one
// that was used last is used next, so that those that nobody needs grow old.

// idlePool is a pool of either kind, for who takes and keeps.
type idlePool interface {
	take(req *Request, once bool) *Conn // nil: there is none
	keep(c *Conn)                       // which has no user, and rests
	ended(c *Conn)                      // its peer has ended c, which was kept
	ends()                              // a peer has ended one right behind its answer
	counts() *dialerCounts
}

// poolFor is the pool that req's handler uses.
func (d *Dialer) poolFor(req *Request) idlePool {
	if !req.on.Inline() {
		d.joins(req.table.core.process)
		return &d.spare
	}
	on := req.x.loop
	for _, p := range d.loopPools() {
		if p.loop == on {
			return p
		}
	}
	return d.addPool(on, req.table.core.process)
}

// addPool makes the pool of a loop.
func (d *Dialer) addPool(on transport.Loop, of *process) *dialerPool {
	d.joins(of)
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &dialerPool{dialer: d, loop: on, core: of}
	all := append(d.loopPools()[:len(d.loopPools()):len(d.loopPools())], p)
	d.pools.Store(&all)
	return p
}

// joins lets a server know of the Dialer, so that it can close what was opened in it.
func (d *Dialer) joins(of *process) {
	of.dialers.add(d)
}

// dialerSet is the Dialers that were used in a server.
type dialerSet struct {
	mu  sync.Mutex
	all map[*Dialer]bool
}

func (s *dialerSet) add(d *Dialer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*Dialer]bool{}
	}
	s.all[d] = true
}

// leave closes what is left of the server's connections, when its engine has ended.
func (s *dialerSet) leave(of *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d := range s.all {
		d.leave(of)
	}
	s.all = nil
}

// dialerPool is the pool of a loop. A Conn in it is the pool's, until an event of the connection,
// its time, or a handler takes it out.
type dialerPool struct {
	// constant
	dialer *Dialer
	loop   transport.Loop
	core   *process

	count dialerCounts
	hasty haste

	// the loop's
	newest, oldest *Conn
	n              int
}

func (p *dialerPool) counts() *dialerCounts { return &p.count }

// take implements idlePool.
func (p *dialerPool) take(req *Request, once bool) (c *Conn) {
	_ = req.outside(func() error {
		for c == nil && p.newest != nil {
			if once && !p.hasty.lasts(p.newest.kept, p.loop.Now()) {
				return nil // those below it have rested for longer
			}
			c = p.newest
			p.unlink(c)
			switch held := c.up.hold(); {
			case held && once && !c.up.silent():
				p.count.stale.Add(1)
				p.ended(c)
				fallthrough
			case !held:
				c.finish()
				c = nil
			default:
				c.bind(req)
				p.count.reused.Add(1)
			}
		}
		return nil
	})
	return c
}

// ended implements idlePool.
func (p *dialerPool) ended(c *Conn) { p.hasty.ended(c.kept, p.loop.Now()) }

// ends implements idlePool.
func (p *dialerPool) ends() { p.hasty.ended(p.loop.Now(), p.loop.Now()) }

// keep implements idlePool.
func (p *dialerPool) keep(c *Conn) {
	c.kept = p.loop.Now()
	if c.older = p.newest; c.older != nil {
		c.older.newer = c
	} else {
		p.oldest = c
	}
	p.newest = c
	p.n++
	p.count.idle.Add(1)
	if p.n > p.dialer.at.maxIdle {
		p.dropOldest()
	}
}

// unlink takes c out.
func (p *dialerPool) unlink(c *Conn) {
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		p.newest = c.older
	}
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		p.oldest = c.newer
	}
	c.newer, c.older = nil, nil
	p.n--
	p.count.idle.Add(-1)
}

// dropOldest closes the one that was used least recently.
func (p *dialerPool) dropOldest() {
	if c := p.oldest; c != nil {
		p.unlink(c)
		c.up.hold()
		c.finish()
	}
}

// drop closes all of them.
func (p *dialerPool) drop() {
	for p.oldest != nil {
		p.dropOldest()
	}
}

// lost is called when a connection that rests is over; stale: its peer has ended that.
func (p *dialerPool) lost(c *Conn, stale bool) {
	p.unlink(c)
	if stale {
		p.count.stale.Add(1)
		p.ended(c)
	}
	c.release()
}
