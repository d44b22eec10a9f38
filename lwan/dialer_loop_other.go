//go:build !linux || golwan_nethttp

package lwan

import (
	"net/netip"
	"time"
)

// reach opens a connection of package net: there are no loops.
func (d *Dialer) reach(
	c *Conn, req *Request, a netip.AddrPort, limit time.Duration,
) (upstream, error) {
	return d.netReach(c, req, a, limit)
}
