package lwan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golwan/golwan/lwan/internal/goid"
)

// What a server runs of the program's beside requests: functions that were given to Go, and those
// that open and close modules. The start or the end waits for them, so each runs on a goroutine
// that is known: isInside.

// call is runFor for who waits: on a goroutine of its own, which fn may end. When ctx is over fn
// has grace left; then it is left behind, and late is called should it ever return.
func (s *Server) call(
	ctx context.Context, grace time.Duration, what string, fn func() error, late func(err error),
) error {
	ended := make(chan error, 1)
	go s.runFor(what, fn, func(err error) { ended <- err })
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
	}
	go func() { late(<-ended) }()
	return fmt.Errorf("lwan: %s: %w", what, errStays)
}

var errStays = errors.New("it has not returned, and is left behind")

// runFor runs fn and tells its error, however it ends: after a Goexit only deferred functions run.
func (s *Server) runFor(what string, fn func() error, tell func(err error)) {
	err := fmt.Errorf("lwan: %s ended by runtime.Goexit", what)
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
		tell(err)
	}()
	defer s.enter()()
	err = fn()
}

// enter says that the start or the end of the server waits for the calling goroutine, until leave.
func (s *Server) enter() (leave func()) {
	id := goid.Current()
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.life.inside[id] = true
	return func() {
		s.life.mu.Lock()
		defer s.life.mu.Unlock()
		delete(s.life.inside, id)
	}
}

// isInside reports whether the start or the end of the server waits for the calling goroutine.
func (s *Server) isInside() bool {
	id := goid.Current()
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	return s.life.inside[id]
}
