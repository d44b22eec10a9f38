package gateway

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// Names of backends are looked up when the group is opened, and again every ten seconds, on a
// goroutine: all addresses of a name are members. A look-up that fails leaves those that are known.

const (
	resolveEvery = 10 * time.Second
	lookUpLimit  = 5 * time.Second
)

// nameOf splits an address whose host is a name; host is "" if there is nothing to look up.
func nameOf(address string) (host, port string) {
	if strings.HasPrefix(address, "unix:") || strings.HasPrefix(address, "@") {
		return "", ""
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", ""
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "", ""
	}
	return host, port
}

// lookUp finds the addresses of a name.
func lookUp(ctx context.Context, host string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	return net.DefaultResolver.LookupHost(ctx, host)
}

// addresses are those of a backend's members.
func (p *pool) addresses(backend int) (all []string, err error) {
	b := &p.group.Backends[backend]
	if b.Process != nil {
		for _, s := range p.slots {
			if s.backend == backend {
				all = append(all, s.address())
			}
		}
		return all, nil
	}
	host, port := nameOf(b.Address)
	if host == "" {
		return []string{b.Address}, checkAddress(b.Address)
	}
	found, err := p.look(p.life, host)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	for _, a := range found {
		if a = net.JoinHostPort(a, port); !slices.Contains(all, a) { // each is one member
			all = append(all, a)
		}
	}
	return all, nil
}

func checkAddress(a string) error {
	if path, isUnix := strings.CutPrefix(a, "unix:"); isUnix || strings.HasPrefix(a, "@") {
		if len(path) < 2 {
			return fmt.Errorf("backend address %q has no path", a)
		}
		return nil
	}
	if _, err := netip.ParseAddrPort(a); err != nil {
		return fmt.Errorf("backend address: %w", err)
	}
	return nil
}

// resolve looks names up again and again, until the group is closed.
func (p *pool) resolve() {
	tick := time.NewTicker(resolveEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.life.Done():
			return
		case <-tick.C:
			_ = p.enlist(false) // what is known stays
		}
	}
}

// enlist makes the roster of what names stand for now. must: a look-up that fails is an error, else
// its backend stays as it was.
func (p *pool) enlist(must bool) error {
	var before []*member
	if r := p.roster.Load(); r != nil {
		before = r.members
	}
	var now []*member
	for i := range p.group.Backends {
		found, err := p.addresses(i)
		switch {
		case err != nil && must:
			return err
		case err != nil:
			now = append(now, membersOf(before, i)...)
			continue
		}
		for _, a := range found {
			m := find(before, i, a)
			if m == nil {
				m = p.newMember(i, a)
			}
			now = append(now, m)
		}
	}
	p.roster.Store(newRoster(p.group.Balance, millis(p.group.SlowStart, -1), now))
	p.dismiss(before, now)
	p.queue.pump(p.try)
	return nil
}

// dismiss lets those go that are no longer in the roster.
func (p *pool) dismiss(before, now []*member) {
	for _, m := range before {
		if find(now, m.backend, m.address) == nil {
			m.hold(p.now(), departed)
			_ = m.dialer.Close() // those in use are closed when they are kept
		}
	}
}

func membersOf(ms []*member, backend int) (of []*member) {
	for _, m := range ms {
		if m.backend == backend {
			of = append(of, m)
		}
	}
	return of
}

func find(ms []*member, backend int, address string) *member {
	for _, m := range ms {
		if m.backend == backend && m.address == address {
			return m
		}
	}
	return nil
}

// newMember makes one of the backend with that number.
func (p *pool) newMember(backend int, address string) *member {
	b, c := &p.group.Backends[backend], &p.group.Conns
	m := &member{
		address: address, name: b.Address, backend: backend, hash: fnv1a(address),
		mark: mark(p.key, address), weight: max(b.Weight, 1), backup: b.Backup,
		maxConns: int64(max(b.MaxConns, 0)),
		dialer: &lwan.Dialer{
			Address: strings.TrimPrefix(address, "unix:"), Timeout: c.Timeout, Resolve: c.Resolve,
			TLS: c.TLS, Local: c.Local, Greet: c.Greet, Via: c.Via, MaxIdle: c.MaxIdle,
			Idle: c.Idle, MaxAge: c.MaxAge, MaxUses: c.MaxUses, MaxOpen: c.MaxOpen,
			MaxWait: c.MaxWait, QueueTime: c.QueueTime,
		},
	}
	if strings.HasPrefix(address, "unix:") {
		m.dialer.Network = "unix"
	}
	if host, _ := nameOf(b.Address); c.TLS != nil && host != "" && c.TLS.ServerName == "" {
		m.dialer.TLS = named(c.TLS, host)
	}
	m.since.Store(p.now())
	if b.Down {
		m.hold(p.now(), byHand)
	}
	for _, s := range p.slots {
		if s.backend == backend && s.address() == address {
			s.member = m
			m.name, m.process = address, true
			m.maxConns = max(m.maxConns, 1)
			m.hold(p.now(), byProcess) // until one runs
		}
	}
	return m
}

// named is a configuration for a server of that name.
func named(c *tls.Config, host string) *tls.Config {
	c = c.Clone()
	c.ServerName = host
	return c
}
