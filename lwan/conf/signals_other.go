//go:build !unix

package conf

import "errors"

// send is for systems with signals.
func send(*Config, string) error { return errors.ErrUnsupported }

// notify has nothing to wait for: lwan.Run ends at what the system has.
func (s *Server) notify() (stop func()) { return func() {} }
