package conf

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan"
)

// Server makes a server of the configuration. Its log is opened and its certificates are read here,
// its modules and access logs are opened when it starts, or when it is built. Call it once.
func (c *Config) Server() (*Server, error) { return c.server(false) }

// server is Server; check makes one that only opens: sites of listeners are among the others then,
// so that they are opened by Build.
func (c *Config) server(check bool) (*Server, error) {
	s := &Server{Server: &lwan.Server{}, config: c}
	if err := s.openLog(); err != nil {
		return nil, errors.Join(err, s.closeLog())
	}
	page, err := c.errorPage()
	if err != nil {
		return nil, errors.Join(err, s.closeLog())
	}
	s.settings()
	if err := s.dress(check); err != nil {
		return nil, errors.Join(err, s.closeLog())
	}
	s.ErrorPage, s.Header = page, c.headers()
	e := &edition{config: c}
	s.edition.Store(e)
	if err := s.endpoints(e, check); err != nil {
		return nil, errors.Join(err, s.closeLog())
	}
	e.fill(&s.Routes)
	return s, nil
}

// Server is a lwan.Server made of a configuration.
type Server struct {
	*lwan.Server

	config  *Config // at the start
	log     *logFile
	certs   []*lwan.CertFiles
	edition atomic.Pointer[edition] // what it answers with
	reloads sync.Mutex              // held while one is under way
}

// misdirected answers for hosts that no site is for (RFC 9110 section 15.5.20).
func misdirected(*lwan.Request, *lwan.Response) lwan.Status { return lwan.StatusMisdirectedRequest }

// logger is the server's.
func (s *Server) logger() *slog.Logger { return cmp.Or(s.Log, slog.Default()) }

// ReopenLogs opens all logs that are files anew by their names, for who has renamed them. One that
// cannot be opened stays what it was.
func (s *Server) ReopenLogs() error {
	err := s.edition.Load().reopenLogs()
	if s.log != nil {
		err = errors.Join(err, s.log.reopen())
	}
	return err
}

func (s *Server) openLog() (err error) {
	quiet := s.config.settings.Quiet
	if c := s.config.log; c != nil {
		if s.log, err = openLog(c.File, c.Mode); err != nil {
			return err
		}
		s.OnClose(s.log.close)
		s.Log, err = newLogger(s.log, c, quiet)
	} else if quiet {
		options := &slog.HandlerOptions{Level: slog.LevelWarn}
		s.Log = slog.New(slog.NewTextHandler(os.Stderr, options))
	}
	return err
}

// closeLog is for a server that never comes to be.
func (s *Server) closeLog() error {
	if s.log == nil {
		return nil
	}
	return s.log.close()
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
		for _, content := range one.allContent() {
			all = append(all, content.filters...)
		}
	}
	return all
}

// allContent is that in ifs, too.
func (s *site) allContent() []*content {
	all := slices.Clone(s.content)
	for _, branch := range s.branches {
		all = append(all, branch.content...)
	}
	return all
}

// settings are those that are constant while the server lives.
func (s *Server) settings() {
	c := &s.config.settings
	if s.IdleTimeout = c.KeepAliveTimeout; c.KeepAliveTimeout == 0 {
		s.MaxRequests = 1
	}
	s.Loops = c.Threads
	s.HeaderTimeout = c.HeaderTimeout
	s.DrainTimeout = noneIfZero(c.DrainTimeout)
	s.MaxConns = cmp.Or(c.Connections, c.MaxFileDescriptors)
	s.MaxConnsPerAddr = c.ConnectionsPerAddress
}

// headers are for all answers.
func (c *Config) headers() http.Header {
	h := http.Header{}
	for name, value := range c.header {
		h[http.CanonicalHeaderKey(name)] = []string{value}
	}
	return h
}

// errorPage is that of error_template; nil: the library's.
func (c *Config) errorPage() (
	func(*lwan.Request, *lwan.Response, lwan.Status) lwan.Status, error,
) {
	if c.settings.ErrorTemplate == "" {
		return nil, nil
	}
	return errorTemplate(c.settings.ErrorTemplate)
}

// noneIfZero is a time for a field of lwan's, where zero is the default and negative none.
func noneIfZero(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

func (s *Server) endpoints(ed *edition, check bool) error {
	var errs []error
	for i, l := range s.config.listeners {
		e := lwan.Endpoint{
			Addr: l.Addr, Mode: l.Mode, FastOpen: l.FastOpen, DeferAccept: l.DeferAccept,
			Congestion: l.Congestion, TrustPeers: l.TrustPeers,
			MaxConnsPerAddr: l.ConnectionsPerAddress, Proxy: l.ProxyProtocol,
		}
		errs = append(errs, s.encrypt(&e, l))
		switch {
		case len(l.sites) > 0 && check:
			ed.setup(s.Site(fmt.Sprintf("listener-%d.invalid", i)), l.n, l.sites[0])
		case len(l.sites) > 0:
			e.Routes = &lwan.Routes{}
			ed.setup(e.Routes, l.n, l.sites[0])
		}
		s.Endpoints = append(s.Endpoints, e)
	}
	return errors.Join(errs...)
}
