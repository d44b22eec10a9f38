package conf

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/golwan/golwan/lwan"
)

// Server makes a server of the configuration. Its logs are opened and its certificates are read
// here, its modules are opened when it starts, or when it is built. Call it once.
func (c *Config) Server() (*Server, error) { return c.server(false) }

// server is Server; check makes one that only opens: sites of listeners are among the others then,
// so that they are opened by Build.
func (c *Config) server(check bool) (*Server, error) {
	s := &Server{Server: &lwan.Server{}, config: c}
	if err := s.openLogs(); err != nil {
		return nil, errors.Join(err, s.closeLogs())
	}
	if err := s.settings(); err != nil {
		return nil, errors.Join(err, s.closeLogs())
	}
	if err := s.endpoints(check); err != nil {
		return nil, errors.Join(err, s.closeLogs())
	}
	s.setup(&s.Routes, s.source(nil), nil)
	for _, one := range c.sites {
		r := s.Site(one.hosts...)
		s.setup(r, s.source(one.n), one)
	}
	if len(c.sites) > 0 {
		s.Handle("/", misdirected)
	}
	return s, nil
}

// Server is a lwan.Server made of a configuration.
type Server struct {
	*lwan.Server

	config *Config
	log    *logFile
	logs   []*accessLog
	certs  []*lwan.CertFiles
	top    []lwan.Middleware // filters for all sites, once they are open
	opened bool
}

// misdirected answers for hosts that no site is for (RFC 9110 section 15.5.20).
func misdirected(*lwan.Request, *lwan.Response) lwan.Status { return lwan.StatusMisdirectedRequest }

// logger is the server's.
func (s *Server) logger() *slog.Logger { return cmp.Or(s.Log, slog.Default()) }

// ReopenLogs opens all logs that are files anew by their names, for who has renamed them. One that
// cannot be opened stays what it was.
func (s *Server) ReopenLogs() error {
	var errs []error
	for _, l := range s.logs {
		errs = append(errs, l.file.reopen())
	}
	if s.log != nil {
		errs = append(errs, s.log.reopen())
	}
	return errors.Join(errs...)
}

func (s *Server) openLogs() (err error) {
	quiet := s.config.settings.Quiet
	if c := s.config.log; c != nil {
		if s.log, err = openLog(c.File, c.Mode); err != nil {
			return err
		}
		s.OnClose(s.log.close)
		if s.Log, err = newLogger(s.log, c, quiet); err != nil {
			return err
		}
	} else if quiet {
		options := &slog.HandlerOptions{Level: slog.LevelWarn}
		s.Log = slog.New(slog.NewTextHandler(os.Stderr, options))
	}
	return s.openAccessLogs()
}

func (s *Server) openAccessLogs() error {
	for _, f := range s.config.allFilters() {
		if f.log == nil {
			continue
		}
		if err := f.log.open(); err != nil {
			return fmt.Errorf("%s: access_log: %w", f.n.at.pos(), err)
		}
		f.log.all = len(f.guards) == 0 && slices.Contains(s.config.top, f)
		s.logs = append(s.logs, f.log)
		s.Observe(f.log)
	}
	return nil
}

// closeLogs is for a server that never comes to be.
func (s *Server) closeLogs() error {
	var errs []error
	for _, l := range s.logs {
		errs = append(errs, l.Close())
	}
	if s.log != nil {
		errs = append(errs, s.log.close())
	}
	return errors.Join(errs...)
}

// allFilters are those of all blocks.
func (c *Config) allFilters() (all []*filter) {
	all = append(all, c.top...)
	sites := slices.Clone(c.sites)
	for _, l := range c.listeners {
		sites = append(sites, l.sites...)
	}
	for _, one := range sites {
		all = append(all, one.filters...)
		for _, content := range one.content {
			all = append(all, content.filters...)
		}
	}
	return all
}

func (s *Server) settings() error {
	c := &s.config.settings
	if s.IdleTimeout = c.KeepAliveTimeout; c.KeepAliveTimeout == 0 {
		s.MaxRequests = 1
	}
	s.Loops = c.Threads
	s.HeaderTimeout = c.HeaderTimeout
	s.DrainTimeout = noneIfZero(c.DrainTimeout)
	s.MaxConns = cmp.Or(c.Connections, c.MaxFileDescriptors)
	s.MaxConnsPerAddr = c.ConnectionsPerAddress
	s.Header = http.Header{}
	for name, value := range s.config.header {
		s.Header[http.CanonicalHeaderKey(name)] = []string{value}
	}
	if c.ErrorTemplate == "" {
		return nil
	}
	page, err := errorTemplate(c.ErrorTemplate)
	s.ErrorPage = page
	return err
}

// noneIfZero is a time for a field of lwan's, where zero is the default and negative none.
func noneIfZero(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

func (s *Server) endpoints(check bool) error {
	var errs []error
	for i, l := range s.config.listeners {
		e := lwan.Endpoint{
			Addr: l.Addr, Mode: l.Mode, FastOpen: l.FastOpen, DeferAccept: l.DeferAccept,
			TrustPeers: l.TrustPeers,
		}
		errs = append(errs, s.encrypt(&e, l))
		switch {
		case len(l.sites) > 0 && check:
			s.setup(s.Site(fmt.Sprintf("listener-%d.invalid", i)), s.source(l.n), l.sites[0])
		case len(l.sites) > 0:
			e.Routes = &lwan.Routes{}
			s.setup(e.Routes, s.source(l.n), l.sites[0])
		}
		s.Endpoints = append(s.Endpoints, e)
	}
	return errors.Join(errs...)
}

// source is the place that errors name.
func (s *Server) source(n *node) string {
	if n == nil {
		return s.config.file
	}
	return n.at.pos().String()
}

// setup mounts what opens the filters of a table, before its content.
func (s *Server) setup(r *lwan.Routes, source string, one *site) {
	root := one == nil || len(s.config.sites) == 0 || !slices.Contains(s.config.sites, one)
	module := lwan.Module[*site]{Name: "site", Open: func(scope *lwan.Scope, one *site) error {
		if root {
			if err := s.openTop(scope); err != nil {
				return err
			}
			r.Use(s.top...)
		}
		if one == nil {
			return nil
		}
		mw, err := openFilters(scope, one.filters)
		r.Use(mw...)
		return err
	}}
	r.MountAt(source, "/", module.With(one))
	if one == nil {
		return
	}
	for _, c := range one.content {
		c.mount(r)
	}
}

// openTop opens the filters for all sites, with the first table that is opened.
func (s *Server) openTop(scope *lwan.Scope) (err error) {
	if !s.opened {
		s.opened = true
		if s.top, err = openFilters(scope, s.config.top); err == nil {
			s.top = append(s.top, s.lwanFilters()...)
		}
	}
	return err
}

// openFilters makes middleware of filters, in the order of their phases.
func openFilters(scope *lwan.Scope, filters []*filter) ([]lwan.Middleware, error) {
	sorted := slices.Clone(filters)
	slices.SortStableFunc(sorted, func(a, b *filter) int { return cmp.Compare(a.phase, b.phase) })
	var list []lwan.Middleware
	var errs []error
	for _, f := range sorted {
		mw, err := f.middleware(scope)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", f.n.at.pos(), f.n.name, err))
			continue
		}
		list = append(list, guarded(mw, f.guards))
	}
	return list, errors.Join(errs...)
}

func (f *filter) middleware(scope *lwan.Scope) (lwan.Middleware, error) {
	if f.log != nil {
		return f.log.mark, nil
	}
	mw, err := f.open(scope)
	if err == nil && mw == nil {
		err = errors.New("there is no middleware")
	}
	return mw, err
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
			for _, holds := range guards {
				if !holds(req) {
					return next(req, resp)
				}
			}
			return inside(req, resp)
		}
	}
}

// mount mounts content in its own filters.
func (c *content) mount(r *lwan.Routes) {
	source := c.n.at.pos().String()
	module := lwan.Module[*content]{Name: c.n.name, Open: func(s *lwan.Scope, c *content) error {
		mw, err := openFilters(s, c.filters)
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
