//go:build !linux || golwan_nethttp

package lwan

import (
	"errors"
	"net"
)

// hasLoops reports whether there are event loops.
const hasLoops = false

// loopSeams are of loops, which are not there.
type loopSeams struct{}

// startEngine serves all endpoints through net/http.
func startEngine(s *Server, places []opened, left *inheritance) (engine, []net.Addr, error) {
	return startNetHTTP(s, places, left)
}

var errNoSystemd = errors.New("sockets of systemd are there on Linux only")

func listenSystemd(string) (net.Listener, error) { return nil, errNoSystemd }
