//go:build !golwan_nethttp

package lwan

import "github.com/golwan/golwan/lwan/internal/evloop"

// SetFaults makes srv's loops run on a kernel that does its work badly. It is for the tests of this folder that import what
// imports this package.
func SetFaults(srv *Server, k *evloop.Faults) {
	srv.life.seams = seams{kernel: k, poller: k.Poller(evloop.NewEpoll)}
}
