package conf

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/golwan/golwan/lwan"
)

// edition is what a server answers with according to one configuration. What it opens belongs to
// modules of the library's, and is closed with them: when the last request that was found in it has
// ended. Another edition may take filters over, which then live as long as anybody uses them.
type edition struct {
	config *Config
	before *edition // whose filters are taken over if they are equal; nil: nobody's

	// while it is opened, by one goroutine
	top    []lwan.Middleware // filters for all sites, once they are open
	opened bool
	kept   []*keptFilter

	mu   sync.Mutex // guards the field below
	logs []*accessLog
}

// keptFilter is a filter that an equal one of the next edition may be.
type keptFilter struct {
	where  string
	name   string
	config any
	mw     lwan.Middleware
	taken  bool
}

// fill registers the sites on a root.
func (e *edition) fill(r *lwan.Routes) {
	e.setup(r, nil, nil)
	for _, one := range e.config.sites {
		e.setup(r.Site(one.hosts...), one.n, one)
	}
	if len(e.config.sites) > 0 {
		r.Handle("/", misdirected)
	}
}

// source is the place that errors name.
func (e *edition) source(n *node) string {
	if n == nil {
		return e.config.file
	}
	return n.at.pos().String()
}

// setup mounts what opens the filters of a table, before its content.
func (e *edition) setup(r *lwan.Routes, n *node, one *site) {
	root := one == nil || !slices.Contains(e.config.sites, one)
	where := "top"
	if n != nil {
		where = n.name + " " + n.arg
	}
	module := lwan.Module[*site]{Name: "site", Open: func(scope *lwan.Scope, one *site) error {
		if root {
			if err := e.openTop(scope); err != nil {
				return err
			}
			r.Use(e.top...)
		}
		if one == nil {
			return nil
		}
		mw, err := e.openFilters(scope, where, one.filters)
		r.Use(mw...)
		return err
	}}
	r.MountAt(e.source(n), "/", module.With(one))
	if root {
		for _, w := range e.config.rewrites {
			r.Rewrite(w.Target)
		}
	}
	if one == nil {
		return
	}
	for _, w := range one.rewrites {
		r.Rewrite(w.Target)
	}
	for _, c := range one.content {
		e.mount(r, where, c)
	}
	for i, branch := range one.branches {
		in := r.When(func(req *lwan.Request) bool { return allHold(branch.guards, req) })
		for _, c := range branch.content {
			e.mount(in, fmt.Sprint(where, " if ", i), c)
		}
	}
}

// openTop opens the filters for all sites, with the first table that is opened.
func (e *edition) openTop(scope *lwan.Scope) (err error) {
	if e.opened {
		return nil
	}
	e.opened = true
	if err := e.openLogs(scope); err != nil {
		return err
	}
	if e.top, err = e.openFilters(scope, "top", e.config.top); err == nil {
		e.top = append(e.top, e.lwanFilters()...)
	}
	return err
}

// openLogs opens the access logs of all tables: a request may be logged by one that its own table
// knows nothing of.
func (e *edition) openLogs(scope *lwan.Scope) error {
	for _, f := range e.config.allFilters() {
		if f.log == nil {
			continue
		}
		if err := f.log.open(); err != nil {
			return fmt.Errorf("%s: access_log: %w", f.n.at.pos(), err)
		}
		f.log.all = len(f.guards) == 0 && slices.Contains(e.config.top, f)
		e.mu.Lock()
		e.logs = append(e.logs, f.log)
		e.mu.Unlock()
		scope.Server().Observe(f.log)
	}
	return nil
}

func (e *edition) reopenLogs() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, l := range e.logs {
		errs = append(errs, l.file.reopen())
	}
	return errors.Join(errs...)
}

// openFilters makes middleware of filters, in the order of their phases.
func (e *edition) openFilters(
	scope *lwan.Scope, where string, filters []*filter,
) ([]lwan.Middleware, error) {
	sorted := slices.Clone(filters)
	slices.SortStableFunc(sorted, func(a, b *filter) int { return cmp.Compare(a.phase, b.phase) })
	var list []lwan.Middleware
	var errs []error
	for _, f := range sorted {
		if f.within {
			continue
		}
		mw, err := e.middleware(scope, where, f)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", f.n.at.pos(), f.n.name, err))
			continue
		}
		list = append(list, guarded(mw, f.guards))
	}
	return list, errors.Join(errs...)
}

func (e *edition) middleware(
	scope *lwan.Scope, where string, f *filter,
) (mw lwan.Middleware, err error) {
	if f.log != nil {
		return f.log.mark, nil
	}
	if f.access != nil && f.access.beside != nil {
		return e.orAsk(scope, where, f)
	}
	if mw = e.takeOver(where, f); mw == nil {
		mw, err = f.open(scope)
	}
	switch {
	case err == nil && mw == nil:
		err = errors.New("there is no middleware")
	case err == nil && f.config != nil:
		kept := &keptFilter{where: where, name: f.n.name, config: f.config, mw: mw}
		e.kept = append(e.kept, kept)
	}
	return mw, err
}

// takeOver finds an equal filter of the edition before, at the same place; nil: there is none.
func (e *edition) takeOver(where string, f *filter) lwan.Middleware {
	if e.before == nil || f.config == nil {
		return nil
	}
	for _, k := range e.before.kept {
		if !k.taken && k.where == where && k.name == f.n.name &&
			reflect.DeepEqual(k.config, f.config) {
			k.taken = true
			return k.mw
		}
	}
	return nil
}

// guarded is mw where all guards hold. Without guards it is mw itself, which the library may know,
// as it does that of lwan.WithLimits.
func guarded(mw lwan.Middleware, guards []guard) lwan.Middleware {
	if len(guards) == 0 {
		return mw
	}
	return func(next lwan.Handler) lwan.Handler {
		inside := mw(next)
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if !allHold(guards, req) {
				return next(req, resp)
			}
			return inside(req, resp)
		}
	}
}

// mount mounts content in its own filters.
func (e *edition) mount(r *lwan.Routes, where string, c *content) {
	source := c.n.at.pos().String()
	where = strings.Join([]string{where, c.n.name, c.prefix}, " ")
	module := lwan.Module[*content]{Name: c.n.name, Open: func(s *lwan.Scope, c *content) error {
		mw, err := e.openFilters(s, where, c.filters)
		if err != nil {
			return err
		}
		s.Use(mw...)
		if c.module != nil {
			s.MountAt(source, "/", c.module)
			return nil
		}
		s.Handle("", c.handler)
		s.Handle("/", c.handler)
		return nil
	}}
	r.MountAt(source, c.prefix, module.With(c))
}
