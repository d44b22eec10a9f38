package lwan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/golwan/golwan/lwan/internal/goid"
)

// ErrRestarting is what Restart and Replace return while one of them is under way.
var ErrRestarting = errors.New("lwan: a restart, or a replacement, is under way already")

// Tables is what a server answers with, for Replace: what its fields of the same names are at the
// start. It is used once.
type Tables struct {
	Routes    Routes
	Endpoints map[string]*Routes // by Endpoint.Addr; absent: Routes
	Limits    Limits
	Header    http.Header
	Observers []Observer // closed with the modules
	ErrorPage func(req *Request, resp *Response, st Status) Status

	// Grace is how long streams of events, subscriptions and upgraded connections of these tables
	// may go on when others have taken their place, before they are ended as when the server
	// drains: 0 is DrainTimeout; negative: they may go on for ever.
	Grace time.Duration
}

// Replace makes next what the server answers with, while it serves. Modules of next are opened and
// its routes compiled first, on the caller's goroutine, beside the old ones; if anything of that
// fails, or ctx is over before all are open, what was opened is closed, the error says all that is
// wrong, and nothing has changed. A module's Open that is under way when ctx is over has 2 s to
// return; then it is left behind, and what it has given to OnClose runs when it does. Then each loop gets the new tables, and Replace returns when all
// have them: requests whose heads come from then on are next's. Connections stay open.
//
// Requests under way go on with the tables that they began with, also if they are rerouted; so do
// subscriptions and upgraded connections, until the old tables' Grace is over. When nobody is left
// who holds the old tables, however long a handler takes, their modules are closed, and what they
// gave to Go is told to end. Modules with HandOn that next has too, at the same place with an equal
// configuration, stay open. What a handler has left running holds nothing: it may be inside of a
// module that is closed.
//
// Middleware that holds something open for a long time, as a Blocking handler that net/http code
// has hijacked the connection of, holds the tables only until its handler returns.
//
// Addresses, loops, timeouts and limits of connections, and the other fields of the server cannot
// be replaced: Restart changes them. ErrRestarting: that, or another Replace, is under way.
// ErrForeign: a handler on a loop has called it; one that is Blocking may.
func (s *Server) Replace(ctx context.Context, next *Tables) error {
	if goid.CalledBy("loop.(*Worker).run") { // which the loop would wait for
		return ErrForeign
	}
	roots, err := s.beginReplace(next)
	if err != nil {
		return err
	}
	defer s.endReplace()
	c := s.life.core.newCore(next.Limits, next.Header, next.Observers, next.ErrorPage)
	c.grace = next.Grace
	for _, o := range next.Observers {
		c.life.closers = append(c.life.closers, o.Close)
	}
	err = s.open(ctx, c, roots, s.life.current)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return errors.Join(err, s.closeCore(s.life.patient, c))
	}
	for _, m := range c.life.modules {
		if m.duties.stop == nil {
			m.duties.begin(s)
		}
	}
	return s.swap(c)
}

// beginReplace makes this replacement the only one.
func (s *Server) beginReplace(next *Tables) (roots []*Routes, err error) {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	switch {
	case s.life.stopRestart != nil || s.life.replaces:
		return nil, ErrRestarting
	case s.life.state != lifeServing || s.life.successor != 0:
		return nil, errNotServing
	}
	if roots, err = s.rootsOf(next); err != nil {
		return nil, err
	}
	s.life.replaces = true
	s.life.replacing.Add(1)
	return roots, nil
}

func (s *Server) endReplace() {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.life.replaces = false
	s.life.replacing.Done()
}

// rootsOf are the tables by endpoint.
func (s *Server) rootsOf(next *Tables) (roots []*Routes, err error) {
	known := map[string]bool{}
	for _, end := range s.life.ends {
		known[end.Addr] = true
		r := next.Endpoints[end.Addr]
		if r == nil {
			r = &next.Routes
		}
		roots = append(roots, r)
	}
	var errs []error
	for addr := range next.Endpoints {
		if !known[addr] {
			errs = append(errs, fmt.Errorf("lwan: Tables.Endpoints: there is no endpoint %q", addr))
		}
	}
	errs = append(errs, checkHeader("Tables.Header", next.Header))
	if i := slices.Index(next.Observers, nil); i >= 0 {
		errs = append(errs, fmt.Errorf("lwan: Tables.Observers: observer %d is nil", i))
	}
	return roots, errors.Join(errs...)
}

// swap makes c the current configuration, unless the server ends.
func (s *Server) swap(c *core) error {
	s.life.mu.Lock()
	was := s.life.current
	ends := s.life.state != lifeServing
	if !ends {
		s.life.current = c
		s.life.refs.Lock()
		s.life.former[was] = true
		s.life.refs.Unlock()
	}
	s.life.mu.Unlock()
	if ends {
		return errors.Join(errNotServing, s.closeCore(s.life.patient, c))
	}
	s.expireLater(was) // before anybody can let go of it
	s.life.engine.replace(c, s.life.core.ending.Done())
	return nil
}

// expireLater ends what has no end by itself of former tables, after their grace.
func (s *Server) expireLater(was *core) {
	grace := was.grace
	if grace == 0 {
		grace = s.DrainTimeout
	}
	if grace == 0 {
		grace = defaultDrain
	}
	if grace < 0 {
		return
	}
	was.life.expiry = time.AfterFunc(grace, func() {
		was.retire()
		s.life.engine.expire(was)
	})
}
