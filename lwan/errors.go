package lwan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"runtime/debug"
	"syscall"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// The errors of waiting operations, and of context.Cause(req.Context()). Fail knows their status.
var (
	ErrGone     = transport.ErrGone     // the client has left: 499, not logged
	ErrTimeout  = transport.ErrTimeout  // the time is up: 503
	ErrStopping = transport.ErrStopping // the server is shutting down: 503
	// no goroutine is free for Await or Blocking: 503 with Retry-After
	ErrBusy    = transport.ErrBusy
	ErrForeign = transport.ErrForeign // a request was used by a goroutine that does not run it: 500
	// the answer has ended, or its handler: 500; also for goroutines left behind
	ErrOver = transport.ErrOver

	ErrTooLarge = transport.ErrTooLarge                                         // 413
	ErrHeadSent = errors.New("lwan: the response's head has been sent already") // 500

	// ErrBodyNotAllowed is the end of a stream without an end (Events, Every, Queue.All) to HEAD:
	// its answer is complete with the head. Fail takes it for no failure.
	ErrBodyNotAllowed = http.ErrBodyNotAllowed
)

// errBadBody is a body whose framing is broken or that ends too early: 400.
var errBadBody = transport.ErrBadBody

// Error is an error that knows its answer. Message and Fields are for the client, Err is for the
// log. The zero value answers 500.
type Error struct {
	Status  Status            // 0: 500
	Message string            // shown to the client; "": the status's text
	Fields  map[string]string // what is wrong with which field of a form or JSON body
	Err     error             // the cause, never shown
}

// Error describes the error for a log, cause included.
func (e *Error) Error() string {
	msg := e.Message
	if msg == "" {
		msg = e.status().Text()
	}
	if len(e.Fields) > 0 {
		msg = fmt.Sprintf("%s %v", msg, e.Fields)
	}
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// StatusCode is the status that the error is answered with.
func (e *Error) StatusCode() int { return int(e.status()) }

func (e *Error) status() Status {
	if e.Status == 0 {
		return StatusInternalServerError
	}
	return e.Status
}

// PanicError is what Response.Err returns after a panic in the handler.
type PanicError struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

// Error describes the panic without its stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value that was panicked with, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// statusOf finds the status of err: what err says itself, what the server's ErrorStatus says, what
// is known of the errors of this package and of the standard library, else 500.
func (s *Server) statusOf(err error) Status {
	if coder, ok := errors.AsType[interface {
		error
		StatusCode() int
	}](err); ok {
		if st := Status(coder.StatusCode()); st >= 400 && st.final() {
			return st
		}
		return StatusInternalServerError
	}
	if s != nil && s.ErrorStatus != nil {
		if st := s.userStatus(err); st != 0 {
			return st
		}
	}
	return knownStatus(err)
}

// userStatus asks Server.ErrorStatus. A status that is no error's, or a panic, is 500.
func (s *Server) userStatus(err error) (st Status) {
	defer func() {
		if v := recover(); v != nil {
			log := s.logger()
			if s.life.core != nil {
				log = s.life.core.log
			}
			log.Error("panic in ErrorStatus", "panic", v, "stack", string(debug.Stack()))
			st = StatusInternalServerError
		}
	}()
	if st = s.ErrorStatus(err); st != 0 && (st < 400 || !st.final()) {
		return StatusInternalServerError
	}
	return st
}

func knownStatus(err error) Status {
	switch {
	case errors.Is(err, ErrGone), errors.Is(err, ErrSlow), errors.Is(err, ErrDropped),
		errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return StatusClientGone
	case errors.Is(err, ErrTooLarge):
		return StatusTooLarge
	case errors.Is(err, ErrNoReply), errors.Is(err, ErrBadReply):
		return StatusBadGateway
	case errors.Is(err, ErrTimeout), errors.Is(err, ErrStopping), errors.Is(err, ErrBusy),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return StatusUnavailable
	case errors.Is(err, context.Canceled):
		return StatusClientGone
	case errors.Is(err, errBadBody), errors.Is(err, io.ErrUnexpectedEOF):
		return StatusBadRequest
	case errors.Is(err, fs.ErrNotExist):
		return StatusNotFound
	case errors.Is(err, fs.ErrPermission):
		return StatusForbidden
	}
	return StatusInternalServerError
}
