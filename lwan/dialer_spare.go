package lwan

import (
	"slices"
	"sync"
	"time"
)

// sparePool is the idle connections of package net of a Dialer: those that Blocking handlers have
// opened, or handlers where there are no loops.
type sparePool struct {
	count dialerCounts
	hasty haste

	mu   sync.Mutex
	idle []*Conn // the one that was used last is the last one
}

func (p *sparePool) counts() *dialerCounts { return &p.count }

// take implements idlePool. Nobody looks at a connection of package net while it rests, so that is
// done now.
func (p *sparePool) take(req *Request, once bool) *Conn {
	for {
		c := p.pop(func(all []*Conn) int {
			last := len(all) - 1
			if last >= 0 && once && !p.hasty.lasts(all[last].kept, spareNow()) {
				return -1
			}
			return last
		})
		if c == nil {
			return nil
		}
		if c.up.hold() {
			c.bind(req)
			p.count.reused.Add(1)
			return c
		}
		p.count.stale.Add(1)
		p.ended(c)
		c.finish()
	}
}

// ended implements idlePool.
func (p *sparePool) ended(c *Conn) { p.hasty.ended(c.kept, spareNow()) }

// ends implements idlePool.
func (p *sparePool) ends() { p.hasty.ended(spareNow(), spareNow()) }

// spareNow is the pool's clock.
func spareNow() int64 { return int64(time.Since(spareStart)) }

var spareStart = time.Now()

// pop takes out the one that choose says; < 0: none.
func (p *sparePool) pop(choose func(all []*Conn) int) *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := choose(p.idle)
	if i < 0 || len(p.idle) == 0 {
		return nil
	}
	c := p.idle[i]
	p.idle = slices.Delete(p.idle, i, i+1)
	p.count.idle.Add(-1)
	return c
}

// keep implements idlePool.
func (p *sparePool) keep(c *Conn) {
	p.mu.Lock()
	c.kept = spareNow()
	p.idle = append(p.idle, c)
	p.count.idle.Add(1)
	over := len(p.idle) > c.from.at.maxIdle
	p.mu.Unlock()
	if over {
		p.dropOldest()
	}
}

// remove takes c out, and reports whether it was there.
func (p *sparePool) remove(c *Conn) bool {
	return p.pop(func(all []*Conn) int { return slices.Index(all, c) }) != nil
}

func (p *sparePool) dropOldest() {
	if c := p.pop(func(all []*Conn) int { return min(0, len(all)-1) }); c != nil {
		c.up.hold()
		c.finish()
	}
}

// drop closes those of a server; nil: all.
func (p *sparePool) drop(of *process) {
	for {
		c := p.pop(func(all []*Conn) int {
			return slices.IndexFunc(all, func(c *Conn) bool { return of == nil || c.core == of })
		})
		if c == nil {
			return
		}
		c.up.hold()
		c.finish()
	}
}
