package lwan

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// opening is the opening of a configuration's modules, and the compiling of its routes. It is used
// by one goroutine.
type opening struct {
	srv    *Server
	core   *core
	ctx    context.Context // over: no further module is opened
	from   *core           // equal modules of it are handed on; nil: there is none
	taken  map[*openModule]bool
	root   string      // which table is being opened
	module *openModule // whose Open runs; nil: none
	moves  []move      // modules of from that are handed on
}

// move is what becomes of a module that is handed on, when all the others are open.
type move struct {
	module *openModule
	at     *Routes
	given  int
}

// openModule is a module that is open, for one configuration or several. It is closed when the last
// of them is.
type openModule struct {
	m         Mountable
	where     string
	at        *Routes // its routes, in the last configuration that has it
	given     int     // middleware of at that is not the module's own
	observers []Observer
	duties    duties
	cores     int // that have it; guarded by life.refs
}

// open opens modules and compiles tables, one for each of roots: endpoints share those that are the
// same. What was opened when it fails is to be closed by the caller.
func (s *Server) open(ctx context.Context, c *core, roots []*Routes, from *core) error {
	o := &opening{srv: s, core: c, ctx: ctx, from: from, taken: map[*openModule]bool{}}
	s.life.opening.Store(o)
	defer s.life.opening.Store(nil)
	var errs []error
	seen := map[*Routes]*table{}
	for i, r := range roots {
		t, ok := seen[r]
		if !ok {
			var err error
			o.root = fmt.Sprint(i)
			t, err = o.table(r)
			errs = append(errs, err)
			seen[r] = t
		}
		c.tables = append(c.tables, t)
	}
	for _, m := range c.life.modules {
		c.observers = append(c.observers, m.observers...)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, m := range o.moves {
		m.module.at, m.module.given = m.at, m.given
	}
	c.numbers.add(c.routes)
	return nil
}

// table opens what was mounted on a root and its sites, and compiles it.
func (o *opening) table(r *Routes) (*table, error) {
	if r.sealed {
		return nil, errors.New("lwan: these routes are a server's already")
	}
	if err := o.modules(r); err != nil {
		return nil, err
	}
	if err := o.conditional(r); err != nil {
		return nil, err
	}
	for _, sub := range r.sites {
		root := o.root
		o.root = fmt.Sprint(root, sub.hosts)
		if err := o.modules(sub); err != nil {
			return nil, err
		}
		if err := o.conditional(sub); err != nil {
			return nil, err
		}
		o.root = root
		sub.sealed = true
	}
	r.sealed = true
	t, err := o.core.compile(r)
	return t, errors.Join(append(r.errs, err)...)
}

// conditional opens what was mounted on tables that count on conditions.
func (o *opening) conditional(r *Routes) error {
	root := o.root
	for i, sub := range r.whens {
		o.root = fmt.Sprint(root, " when ", i)
		if err := o.modules(sub); err != nil {
			return err
		}
		if err := o.conditional(sub); err != nil {
			return err
		}
		sub.sealed = true
	}
	o.root = root
	return nil
}

// modules opens what was mounted on the root r. A module may mount others.
func (o *opening) modules(r *Routes) error {
	for i := 0; i < len(r.mounts); i++ {
		if err := o.ctx.Err(); err != nil {
			return fmt.Errorf("%s: not opened: %w", r.mounts[i].source, context.Cause(o.ctx))
		}
		if err := o.mount(r.mounts[i]); err != nil {
			return err
		}
	}
	return nil
}

// mount opens a module, or takes the one over that is open already.
func (o *opening) mount(mt *mount) error {
	m := mt.m
	if m == nil {
		var err error
		if m, err = o.srv.named(mt); err != nil {
			return fmt.Errorf("%s: mount %q at %s: %w",
				mt.source, mt.named, prefixOrRoot(mt.at), err)
		}
	}
	mt.at.module, mt.given = m.name(), len(mt.at.mw)
	where := o.root + " " + mt.at.prefix
	if old := o.equal(m, where); old != nil {
		o.handOn(old, mt)
		return nil
	}
	open := &openModule{m: m, where: where, at: mt.at, given: mt.given}
	mt.at.owner = open
	o.have(open)
	o.module = open
	defer func() { o.module = nil }()
	scope := &Scope{
		Routes: mt.at, Log: o.core.process.given.With("module", m.name()), srv: o.srv, open: open,
	}
	if err := o.call(open, scope); err != nil {
		if p, ok := errors.AsType[*PanicError](err); ok {
			err = fmt.Errorf("%w\n%s", err, p.Stack)
		}
		return fmt.Errorf("%s: module %q at %s: %w", mt.source, m.name(), prefixOrRoot(mt.at), err)
	}
	return nil
}

// call runs Open. One that does not return when nobody waits any more is none of the
// configuration's: what it still does is its own, and it is closed when it returns.
func (o *opening) call(m *openModule, scope *Scope) error {
	s := o.srv
	ctx, cancel := context.WithCancel(o.ctx)
	defer cancel()
	defer context.AfterFunc(s.life.patient, cancel)()
	err := s.call(ctx, hardGrace, "Open", func() error { return m.m.open(scope) }, func(err error) {
		if err = errors.Join(err, m.duties.close(s.life.patient, s)); err != nil {
			scope.Log.Error("lwan: a module that was left behind while it opened", "err", err)
		}
	})
	if errors.Is(err, errStays) {
		s.life.refs.Lock()
		defer s.life.refs.Unlock()
		m.cores--
		c := o.core
		c.life.modules = slices.DeleteFunc(c.life.modules, func(l *openModule) bool { return l == m })
	}
	return err
}

// have makes a module one of the configuration's.
func (o *opening) have(m *openModule) {
	o.srv.life.refs.Lock()
	defer o.srv.life.refs.Unlock()
	m.cores++
	o.core.life.modules = append(o.core.life.modules, m)
}

// equal finds a module of the last configuration at the same place, with the same settings.
func (o *opening) equal(m Mountable, where string) *openModule {
	if o.from == nil {
		return nil
	}
	for _, old := range o.from.life.modules {
		if old.where == where && !o.taken[old] && m.equal(old.m) {
			return old
		}
	}
	return nil
}

// handOn makes an open module one of this configuration's, too: its routes and what it has mounted
// are registered anew, inside of what is around it now.
func (o *opening) handOn(old *openModule, mt *mount) {
	o.taken[old] = true
	o.have(old)
	mt.at.owner = old
	mt.at.mw = append(slices.Clip(mt.at.mw), old.at.mw[old.given:]...)
	was, root := old.at.root(), mt.at.root()
	moved := map[*Routes]*Routes{old.at: mt.at}
	for _, e := range was.entries {
		if e.in.owner == old {
			root.entries = append(root.entries, &entry{
				in: e.in.moved(moved), pattern: e.pattern, handler: e.handler, mw: e.mw,
				source: e.source,
			})
		}
	}
	for _, inner := range was.mounts {
		if inner.by == old {
			at := &Routes{
				parent: inner.at.parent.moved(moved), prefix: inner.at.prefix, owner: old,
				mw: slices.Clone(inner.at.mw[:inner.given]),
			}
			root.mounts = append(root.mounts, &mount{
				at: at, m: inner.m, named: inner.named, decode: inner.decode, by: old,
				source: inner.source,
			})
		}
	}
	o.moves = append(o.moves, move{old, mt.at, mt.given})
}

// moved is a group of a module in another table; done has those that are there already.
func (r *Routes) moved(done map[*Routes]*Routes) *Routes {
	if to := done[r]; to != nil {
		return to
	}
	to := &Routes{
		parent: r.parent.moved(done), prefix: r.prefix, mw: r.mw, module: r.module, owner: r.owner,
	}
	done[r] = to
	return to
}

func prefixOrRoot(r *Routes) string {
	if r.prefix == "" {
		return "/"
	}
	return r.prefix
}
