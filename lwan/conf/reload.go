package conf

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/golwan/golwan/lwan"
)

var errNoFile = errors.New("there is no configuration to read again: it was given on the " +
	"command line")

// Reload reads the configuration again, opens what it says beside what is open, and makes that what
// the server answers with, see lwan.Server.Replace. No connection is closed, and no request fails;
// requests under way go on as they began. Modules and filters that say so are handed on where
// nothing about them has changed.
//
// If anything is wrong with the configuration, the error says all of it, and nothing changes; so it
// is if it wants to change what a process cannot while it serves: addresses, TLS, the log,
// privileges and limits of connections. The error names those.
func (s *Server) Reload(ctx context.Context) error {
	s.reloads.Lock()
	defer s.reloads.Unlock()
	if s.config.text {
		return errNoFile
	}
	c, err := Load(s.config.file, s.config.reg, s.config.options)
	if err != nil {
		return err
	}
	for _, w := range c.Warnings() {
		s.logger().Warn("the configuration", "at", w.Pos, "warning", w.Text)
	}
	if err := s.config.sameProcess(c); err != nil {
		return err
	}
	page, err := c.errorPage()
	if err != nil {
		return err
	}
	before := s.edition.Load()
	next := &edition{config: c, before: before}
	tables := &lwan.Tables{
		Header: c.headers(), ErrorPage: page, Endpoints: map[string]*lwan.Routes{},
	}
	next.fill(&tables.Routes)
	for _, l := range c.listeners {
		if len(l.sites) > 0 {
			r := &lwan.Routes{}
			next.setup(r, l.n, l.sites[0])
			tables.Endpoints[l.Addr] = r
		}
	}
	err = s.Replace(ctx, tables)
	for _, k := range before.kept { // who tries again may take them
		k.taken = false
	}
	if err != nil {
		return s.config.jacket.explain(err)
	}
	next.before = nil
	s.edition.Store(next)
	return nil
}

// sameProcess finds what a configuration would change that cannot be while the process serves.
func (c *Config) sameProcess(next *Config) error {
	var names []string
	differs := func(name string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			names = append(names, name)
		}
	}
	old, now := &c.settings, &next.settings
	differs("keep_alive_timeout", old.KeepAliveTimeout, now.KeepAliveTimeout)
	differs("threads", old.Threads, now.Threads)
	differs("quiet", old.Quiet, now.Quiet)
	differs("connections", old.Connections, now.Connections)
	differs("max_file_descriptors", old.MaxFileDescriptors, now.MaxFileDescriptors)
	differs("connections_per_address", old.ConnectionsPerAddress, now.ConnectionsPerAddress)
	differs("header_timeout", old.HeaderTimeout, now.HeaderTimeout)
	differs("drain_timeout", old.DrainTimeout, now.DrainTimeout)
	differs("pid_file", old.PidFile, now.PidFile)
	differs("log", c.log, next.log)
	straitjacket := "straitjacket"
	if c.jacket != nil {
		straitjacket += " (a successor has given up the same: stop it, and start it anew)"
	}
	differs(straitjacket, c.jacket.settings(), next.jacket.settings())
	for _, l := range c.listeners {
		i := slices.IndexFunc(next.listeners, func(o *listener) bool { return o.Addr == l.Addr })
		if i < 0 {
			names = append(names, "listener "+l.n.arg+" (it is gone)")
		} else if what := c.otherListener(l, next, next.listeners[i]); what != "" {
			names = append(names, "listener "+l.n.arg+" ("+what+")")
		}
	}
	for _, l := range next.listeners {
		if !slices.ContainsFunc(c.listeners, func(o *listener) bool { return o.Addr == l.Addr }) {
			names = append(names, "listener "+l.n.arg+" (it is new)")
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("these cannot change while the process serves; -s upgrade starts it anew, "+
		"with its sockets: %s", strings.Join(names, ", "))
}

// otherListener names what differs between two listeners of an address; "": nothing.
func (c *Config) otherListener(l *listener, next *Config, now *listener) string {
	switch {
	case l.Mode != now.Mode:
		return "mode"
	case l.FastOpen != now.FastOpen:
		return "fast_open"
	case l.DeferAccept != now.DeferAccept:
		return "defer_accept"
	case l.Congestion != now.Congestion:
		return "congestion"
	case l.TrustPeers != now.TrustPeers:
		return "trust_peers"
	case !slices.Equal(l.ProxyProtocol, now.ProxyProtocol):
		return "proxy_protocol"
	case l.ConnectionsPerAddress != now.ConnectionsPerAddress:
		return "connections_per_address"
	case (l.TLS == nil) != (now.TLS == nil):
		return "tls"
	case l.TLS == nil:
		return ""
	case !reflect.DeepEqual(l.TLS, now.TLS):
		return "tls"
	case !slices.Equal(c.pairs(l), next.pairs(now)):
		return "the certificates of its sites"
	}
	return ""
}

// settingsOf are the settings of a section, without their places.
func settingsOf(n *node) (list []string) {
	if n == nil {
		return nil
	}
	list = append(list, n.name+" "+n.arg)
	for _, c := range n.body {
		list = append(list, c.name+" = "+c.value)
	}
	return list
}

// sayReload logs how a reload has ended: all that is wrong, each in a line of its own.
func (s *Server) sayReload(err error) {
	if err == nil {
		s.logger().Info("the configuration was read again")
		return
	}
	if problems, ok := errors.AsType[Problems](err); ok {
		for _, p := range problems {
			if !p.Warning {
				s.logger().Error("the configuration",
					"at", p.Pos, "problem", p.Text, "hint", p.Hint)
			}
		}
		err = fmt.Errorf("%d problems", len(problems))
	}
	s.logger().Error("the configuration is not taken, and the last good one stays", "err", err)
}
