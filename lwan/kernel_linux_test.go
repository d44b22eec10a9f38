//go:build !golwan_nethttp

package lwan

import "github.com/golwan/golwan/lwan/internal/evloop"

// SetKernel makes srv's loops run on k, which does its work badly perhaps. It is for the tests of this folder that
// import what imports this package.
func SetKernel(srv *Server, k evloop.Kernel) { srv.life.kernel = k }
