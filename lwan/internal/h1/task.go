//go:build linux && !golwan_nethttp

package h1

import (
	"errors"
	"syscall"
	"time"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// task is the worker's task as the exchange sees it: before it waits it sends what is held back, as
// the client may wait for that, and gives back what is not needed meanwhile.
type task struct {
	*loop.Task
	h *server
}

var _ transport.Task = (*task)(nil)

// Ready prepares a wait: the client gets what is held back. The rest is given back in Sleep and
// Wait, and where a crowd waits (Protocol.Waits).
func (t *task) Ready() error { return errorOf(t.h.Flush()) }

// ready prepares a wait of the request's own.
func (t *task) ready() error {
	if err := t.h.Flush(); err != nil {
		return err
	}
	t.h.giveBack()
	return nil
}

// Sleep implements transport.Task.
func (t *task) Sleep(d time.Duration) error {
	if err := t.ready(); err != nil {
		return err
	}
	return errorOf(t.Task.Sleep(d))
}

// Wait implements transport.Task.
func (t *task) Wait(arm func(wake func()), limit time.Duration, till transport.Till) error {
	if err := t.ready(); err != nil && till != transport.Woken {
		return err
	}
	return errorOf(t.Task.Wait(arm, limit, till))
}

// Offload implements transport.Task. It may be asked by a handler that is being unwound: what it
// began has to be ended, whatever has become of the connection.
func (t *task) Offload(start func(run func()) bool, fn func()) error {
	if err := t.h.Flush(); err != nil && t.Cause() == nil {
		return err
	}
	return errorOf(t.Task.Offload(start, fn))
}

// EnterUser implements transport.Task.
func (t *task) EnterUser(tag uint64) {
	if t.h.p.Watched {
		t.Task.EnterUser(tag)
	}
}

// errorOf translates what a connection says.
func errorOf(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, transport.ErrOver), lost(err): // it is closed
		return transport.ErrGone
	case err == conn.ErrUnread:
		return transport.ErrOver
	}
	return err
}

// lost reports whether err is what the kernel says of a connection whose other end cannot be
// reached any more.
func lost(err error) bool {
	e, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return false
	}
	switch e {
	case syscall.EPIPE, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.ENOTCONN,
		syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.EHOSTDOWN, syscall.ENETUNREACH,
		syscall.ENETDOWN:
		return true
	}
	return false
}
