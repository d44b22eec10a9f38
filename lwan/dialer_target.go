package lwan

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// dialTarget is what the fields of a Dialer come to. It is constant, but for what was looked up.
type dialTarget struct {
	err     error
	network string // "tcp", "tcp4", "tcp6" or "unix"
	path    string // of a unix socket
	host    string
	port    string
	literal []netip.AddrPort // host is an address: nothing is to be looked up
	tls     *tls.Config

	timeout, resolve, idle, maxAge, queue time.Duration // 0: none
	maxIdle, maxUses, maxOpen, maxWait    int           // of the last three 0: none

	found   atomic.Pointer[lookedUp]
	looking atomic.Bool
}

// lookedUp is the addresses of a name.
type lookedUp struct {
	addrs []netip.AddrPort
	at    time.Time
}

// prepare makes what the fields come to, once.
func (d *Dialer) prepare() error {
	d.once.Do(func() {
		t := &d.at
		t.timeout, t.resolve = orPause(d.Timeout, defaultDial), orPause(d.Resolve, defaultResolve)
		t.idle, t.maxAge = orPause(d.Idle, defaultKept), orPause(d.MaxAge, defaultMaxAge)
		t.queue = orPause(d.QueueTime, defaultQueueTime)
		if t.maxIdle = max(d.MaxIdle, 0); d.MaxIdle == 0 {
			t.maxIdle = defaultMaxIdle
		}
		t.maxUses, t.maxOpen = max(d.MaxUses, 0), max(d.MaxOpen, 0)
		t.maxWait = orCount(d.MaxWait, defaultMaxWait)
		t.err = t.parse(d.Network, d.Address)
		if t.tls = d.TLS; t.tls != nil && t.tls.ServerName == "" && t.host != "" {
			t.tls = t.tls.Clone()
			t.tls.ServerName = t.host
		}
	})
	return d.at.err
}

// parse takes an address apart.
func (t *dialTarget) parse(network, address string) (err error) {
	if network == "" {
		network = "tcp"
		if strings.HasPrefix(address, "/") || strings.HasPrefix(address, "@") {
			network = "unix"
		}
	}
	switch t.network = network; network {
	case "unix":
		if t.path = address; address == "" {
			return errors.New("lwan: a Dialer without an Address")
		}
		return nil
	case "tcp", "tcp4", "tcp6":
	default:
		return fmt.Errorf("lwan: a Dialer for %q: %w", network, net.UnknownNetworkError(network))
	}
	if t.host, t.port, err = net.SplitHostPort(address); err != nil {
		return fmt.Errorf("lwan: the Address of a Dialer: %w", err)
	}
	if a, e := netip.ParseAddr(t.host); e == nil {
		port, e := strconv.ParseUint(t.port, 10, 16)
		if e == nil {
			t.literal = []netip.AddrPort{netip.AddrPortFrom(a, uint16(port))}
		}
	}
	return nil
}

// address is host and port, or the path, for messages and package net.
func (t *dialTarget) address() string {
	if t.path != "" {
		return t.path
	}
	return net.JoinHostPort(t.host, t.port)
}

// netAddr is one of the addresses, for messages.
func (t *dialTarget) netAddr(a netip.AddrPort) net.Addr {
	if t.path != "" {
		return &net.UnixAddr{Name: t.path, Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(a)
}

// addrs returns the addresses to try, in order. A name is looked up on a goroutine while req's
// handler waits; once it has been, what was found serves until something newer is.
func (t *dialTarget) addrs(req *Request) ([]netip.AddrPort, error) {
	if t.literal != nil || t.path != "" {
		return t.literal, nil
	}
	if found := t.found.Load(); found != nil {
		if t.resolve > 0 && time.Since(found.at) >= t.resolve &&
			t.looking.CompareAndSwap(false, true) {
			go t.lookAgain(*found)
		}
		return found.addrs, nil
	}
	return Await(req, func(ctx context.Context) ([]netip.AddrPort, error) {
		ctx, cancel := t.within(ctx)
		defer cancel()
		return t.lookUp(ctx)
	})
}

// lookAgain replaces what was found. If that fails it serves on.
func (t *dialTarget) lookAgain(found lookedUp) {
	defer t.looking.Store(false)
	ctx, cancel := t.within(context.Background())
	defer cancel()
	if _, err := t.lookUp(ctx); err != nil {
		found.at = time.Now()
		t.found.Store(&found)
	}
}

func (t *dialTarget) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if t.timeout > 0 {
		return context.WithTimeout(ctx, t.timeout)
	}
	return context.WithCancel(ctx)
}

// lookUp asks the system's resolver.
func (t *dialTarget) lookUp(ctx context.Context) ([]netip.AddrPort, error) {
	port, err := net.DefaultResolver.LookupPort(ctx, t.network, t.port)
	if err == nil {
		var ips []netip.Addr
		ips, err = net.DefaultResolver.LookupNetIP(ctx, "ip"+t.network[len("tcp"):], t.host)
		if err == nil && len(ips) > 0 {
			addrs := make([]netip.AddrPort, len(ips))
			for i, ip := range ips {
				addrs[i] = netip.AddrPortFrom(ip.Unmap(), uint16(port))
			}
			t.found.Store(&lookedUp{addrs, time.Now()})
			return addrs, nil
		}
	}
	if err == nil {
		err = &net.DNSError{Err: "no address", Name: t.host, IsNotFound: true}
	}
	return nil, backendFailure("dial", t.network, nil, err)
}
