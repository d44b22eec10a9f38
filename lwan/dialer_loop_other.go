//go:build !linux || golwan_nethttp

package lwan

import (
	"net/netip"
	"os"
	"time"
)

// reach opens a connection of package net: there are no loops.
func (d *Dialer) reach(
	c *Conn, req *Request, a netip.AddrPort, limit time.Duration,
) (upstream, error) {
	return d.netReach(c, req, a, limit)
}

// adopt makes f a connection of package net.
func adopt(c *Conn, _ *Request, f *os.File) (upstream, error) { return adoptNet(c, f) }
