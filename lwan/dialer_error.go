package lwan

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// backendError is an error of a Dialer's connection. It wraps what the system says, and knows that
// the server is at fault and not the client: a reset of a backend's must not look as if the client
// had left.
type backendError struct{ err error }

var _ net.Error = (*backendError)(nil)

// Error describes the error for a log.
func (e *backendError) Error() string { return e.err.Error() }

// Unwrap returns what the system says: a *net.OpError, mostly.
func (e *backendError) Unwrap() error { return e.err }

// StatusCode is 504 if the time is up, 503 if the server itself has no room, else 502.
func (e *backendError) StatusCode() int {
	switch {
	case e.Timeout():
		return int(StatusGatewayTimeout)
	case ownShortage(e.err):
		return int(StatusUnavailable)
	}
	return int(StatusBadGateway)
}

// Is makes what this process or machine has none left of a kind of ErrBusy: the other side cannot
// help it.
func (e *backendError) Is(target error) bool { return target == ErrBusy && ownShortage(e.err) }

// ownShortage reports whether descriptors or memory of this machine are used up.
func ownShortage(err error) bool {
	for _, e := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Timeout implements net.Error.
func (e *backendError) Timeout() bool { return isTimeout(e.err) }

// Temporary implements net.Error: behind a deadline a connection can go on.
func (e *backendError) Temporary() bool { return e.Timeout() }

func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}

// clientFailure is what op on a served connection has come to.
func clientFailure(op, network string, to net.Addr, err error) error {
	if _, known := errors.AsType[*net.OpError](err); known {
		return err
	}
	return &net.OpError{Op: op, Net: network, Addr: to, Err: err}
}

// backendFailure is what op on a connection has come to. What ends the request, and what everybody
// compares with, is left as it is.
func backendFailure(op, network string, to net.Addr, err error) error {
	if _, known := err.(*backendError); known {
		return err
	}
	if _, known := errors.AsType[*net.OpError](err); !known {
		err = &net.OpError{Op: op, Net: network, Addr: to, Err: err}
	}
	return &backendError{err}
}
