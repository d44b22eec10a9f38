//go:build linux && !golwan_nethttp

package h1

import (
	"syscall"
	"testing"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// TestErrorsOfALostConnection: a client that cannot be reached any more has left. It was answered
// 500, to nobody, and logged as an error of the server's.
func TestErrorsOfALostConnection(t *testing.T) {
	for _, e := range []syscall.Errno{
		syscall.EPIPE, syscall.ECONNRESET, syscall.ETIMEDOUT, syscall.EHOSTUNREACH,
		syscall.ENETUNREACH,
	} {
		if err := errorOf(e); err != transport.ErrGone {
			t.Errorf("%v is %v", e, err)
		}
	}
	for _, e := range []syscall.Errno{syscall.EIO, syscall.ENOMEM} {
		if err := errorOf(e); err != e {
			t.Errorf("%v is %v", e, err)
		}
	}
}
