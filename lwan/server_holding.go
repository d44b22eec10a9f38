package lwan

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// Who may call code of a configuration holds it: a request from Begin to End, a session from Take to
// its last callback, and every loop while it is the current one. Each loop counts for itself, in
// plain numbers that it alone touches, and lets go of a former configuration when its own count is
// 0; when all have, its modules are closed. A goroutine that a handler has left behind holds
// nothing.

// holding is a core as one loop has it, or net/http. It is touched by its loop only, or under the
// engine's mutex.
type holding struct {
	core     *core
	sites    []endpointTable // by endpoint of the engine
	held     int             // requests, sessions, and 1 while it is the current one
	sessions map[heldSession]transport.Pipe
	over     bool // what has no end by itself is to end
}

// heldSession is a session that holds.
type heldSession interface{ transport.Session }

// hold makes the current configuration of whoever this is.
func (c *core) hold(sites []endpointTable) *holding {
	c.life.holders.Add(1)
	return &holding{core: c, sites: sites, held: 1}
}

// release is the end of one who holds.
func (h *holding) release() {
	if h.held--; h.held == 0 {
		h.core.letGo()
	}
}

// more makes what comes after the end of one who holds hold, too. What comes so late that nobody
// holds any more, as of a subscription that a WebSocket has begun behind its end, does not.
func (h *holding) more() (release func()) {
	if h == nil || h.held == 0 {
		return func() {}
	}
	h.held++
	return h.release
}

// keep makes a session one that holds, until drop.
func (h *holding) keep(s heldSession, p transport.Pipe) {
	h.held++
	if h.sessions == nil {
		h.sessions = map[heldSession]transport.Pipe{}
	}
	h.sessions[s] = p
}

// drain tells a session, if it still holds, to end.
func (h *holding) drain(s heldSession) {
	if p, ok := h.sessions[s]; ok {
		s.Draining(p)
	}
}

// drop is the end of a session that holds; what it has left to others holds for itself.
func (h *holding) drop(s heldSession) {
	delete(h.sessions, s)
	h.release()
}

// loopTables is where a loop has its current configuration, for all of its exchanges.
type loopTables struct {
	now       *holding
	exchanges []weak.Pointer[exchange] // those of its workers
	compacted int                      // how many there were when the dead ones were left out
}

// add makes an exchange one of the loop's.
func (p *loopTables) add(x *exchange) {
	x.tables = p
	if len(p.exchanges) > 2*p.compacted+16 {
		p.each(func(*exchange) {})
	}
	p.exchanges = append(p.exchanges, weak.Make(x))
}

// each calls fn for the exchanges that still are there.
func (p *loopTables) each(fn func(x *exchange)) {
	left := p.exchanges[:0]
	for _, w := range p.exchanges {
		if x := w.Value(); x != nil {
			left = append(left, w)
			fn(x)
		}
	}
	clear(p.exchanges[len(left):])
	p.exchanges, p.compacted = left, len(left)
}

// swap makes next the current one.
func (p *loopTables) swap(next *holding) {
	was := p.now
	p.now = next
	was.release()
}

// expire ends what has no end by itself of a former configuration, as when the server drains.
func (p *loopTables) expire(h *holding) {
	h.over = true
	for s := range h.sessions {
		h.drain(s)
	}
	p.each(func(x *exchange) {
		if x.held == h && x.Drain() {
			x.on.Canceller()(ErrStopping) // who waits goes on
		}
	})
}

// coreLife is the life of a configuration.
//
//	current ──Replace──▶ retiring ──last holder──▶ closed
type coreLife struct {
	holders  atomic.Int32 // loops that hold it; and net/http
	holdings []*holding   // by loop; of who replaces it
	expiry   *time.Timer  // that ends what has no end by itself; nil: it is the current one
	modules  []*openModule
	closers  []func() error // of what is no module's: its observers
	once     sync.Once
	closed   chan struct{}
	err      error // of closing it
}

// letGo is called by a loop that holds the configuration no more.
func (c *core) letGo() {
	if c.life.holders.Add(-1) == 0 {
		go c.srv.closeRetired(c)
	}
}

// closeRetired closes a configuration that nobody holds.
func (s *Server) closeRetired(c *core) {
	if err := s.closeCore(s.life.patient, c); err != nil {
		s.life.core.log.Error("lwan: what was replaced did not close as it should", "err", err)
	}
}

// closeCore closes the modules of a configuration that no other one has, once. ctx bounds the wait
// for what Go runs, and for what closes.
func (s *Server) closeCore(ctx context.Context, c *core) error {
	mine := false
	c.life.once.Do(func() {
		mine = true
		if c.life.expiry != nil {
			c.life.expiry.Stop()
		}
		c.retire()
		c.life.err = s.closeModules(ctx, c)
		c.numbers.drop(c.routes)
		s.life.refs.Lock()
		delete(s.life.former, c)
		s.life.refs.Unlock()
		close(c.life.closed)
	})
	if mine {
		return c.life.err
	}
	return nil // who closes it says what is wrong
}

// closeModules closes those that are no other configuration's, last first.
func (s *Server) closeModules(ctx context.Context, c *core) error {
	var errs []error
	last := s.lastOf(c)
	for _, m := range last {
		m.duties.quit()
	}
	for _, m := range last {
		errs = append(errs, m.duties.ended(ctx))
	}
	for i := len(last) - 1; i >= 0; i-- {
		errs = append(errs, last[i].duties.close(ctx, s))
	}
	own := duties{closers: c.life.closers}
	return errors.Join(append(errs, own.close(ctx, s))...)
}

// lastOf takes a configuration's modules from it, and returns those that are nobody's now.
func (s *Server) lastOf(c *core) (last []*openModule) {
	s.life.refs.Lock()
	defer s.life.refs.Unlock()
	for _, m := range c.life.modules {
		if m.cores--; m.cores == 0 {
			last = append(last, m)
		}
	}
	c.life.modules = nil
	return last
}
