package lwan

import (
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Run says when the server serves and when it has stopped to: one line each, of level Info, in
// Server.Log. A program that starts its server in another way says that by itself.

// sayServing writes the line of the start.
func (s *Server) sayServing() {
	loops := s.loops()
	if !hasLoops {
		loops = 0
	}
	conns := "as many as there are descriptors"
	if s.MaxConns < 0 {
		conns = "any number"
	}
	attrs := []any{
		"at", strings.Join(s.urls(), " "), "golwan", moduleVersion(), "go", runtime.Version(),
		"loops", loops, "goroutines", orCount(s.Goroutines, defaultGoroutines),
	}
	if s.MaxConns > 0 {
		attrs = append(attrs, "conns", s.MaxConns)
	} else {
		attrs = append(attrs, "conns", conns)
	}
	s.life.core.log.Info("listening", append(attrs, "body", orDefault(s.Limits.Body, defaultBody))...)
}

// urls is where the server can be reached.
func (s *Server) urls() (all []string) {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	for i, addr := range s.life.addrs {
		scheme := "http://"
		if end := s.life.ends[i]; end.TLS != nil || end.Certs != nil {
			scheme = "https://"
		}
		if _, ok := addr.(*net.UnixAddr); ok {
			scheme = "unix:"
		}
		all = append(all, scheme+addr.String())
	}
	return all
}

// sayStopped writes the line of the end, before anything is closed that the log may need. under is
// what was under way when the draining began.
func (s *Server) sayStopped(under Stats, began time.Time, err error) {
	if s.life.loops == 0 {
		return // Run was not called
	}
	attrs := []any{
		"requests", s.Stats().Requests, "drained", under.Conns.Active,
		"subscribers", under.Conns.Subscribed, "idle", under.Conns.Idle,
		"took", time.Since(began).Round(time.Millisecond),
	}
	if err != nil {
		s.life.core.log.Warn("stopped", append(attrs, "err", err)...)
	} else {
		s.life.core.log.Info("stopped", attrs...)
	}
	s.life.core.flushLog()
}

// modulePath is how this module is named in the build information of a program.
const modulePath = "github.com/golwan/golwan"

// moduleVersion is the version of this module in the program that runs.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path != modulePath {
			continue
		}
		if m.Replace != nil && m.Replace.Version != "" {
			return m.Replace.Version
		}
		return m.Version
	}
	return "unknown"
}
