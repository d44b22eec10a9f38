package lwan

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// hardGrace is how long handlers may take to end after they were told to, at the hard end of a
// shutdown.
const hardGrace = 2 * time.Second

// Shutdown ends the server: it stops accepting, answers who is connected by then, closes idle
// connections (see DrainIdle), ends event streams, waits for the requests under way, then for what
// Go runs, and closes the modules. When ctx is over, requests that are still under way are
// cancelled and their connections cut, and ctx's error is returned.
//
// Further calls wait for the first, but not longer than their own ctx allows: whichever is over
// first cuts the requests. So Close ends a Shutdown that takes too long. A handler that calls it is
// one of the requests that it waits for. A function that the end of the server waits for, or its
// start (those of Go, OnClose, and a module's Open), only begins it: there it returns nil at once,
// and of ctx only the deadline counts.
//
// Nothing of the program's holds up the end for ever: 2 s after ctx is over handlers, what Go runs
// and a module's Open that have not returned are left behind, and what OnClose was given 10 s after
// it. The error names them.
func (s *Server) Shutdown(ctx context.Context) error { return s.end(ctx, false) }

// Close ends the server at once: requests under way are cancelled and their connections cut.
func (s *Server) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return s.end(ctx, true)
}

// end is Shutdown; that requests were cut off is no error if that was wanted.
func (s *Server) end(ctx context.Context, cut bool) error {
	if !s.isInside() {
		return s.endAndWait(ctx, cut)
	}
	ctx, cancel := lasting(ctx)
	go func() {
		defer cancel()
		_ = s.endAndWait(ctx, cut) // who serves returns it
	}()
	return nil
}

// lasting is ctx for what goes on when its owner has returned.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	if at, ok := ctx.Deadline(); ok {
		return context.WithDeadline(context.Background(), at)
	}
	lasting, cancel := context.WithCancel(context.Background())
	if ctx.Err() != nil {
		cancel()
	}
	return lasting, cancel
}

func (s *Server) endAndWait(ctx context.Context, cut bool) error {
	under, began := s.Stats(), time.Now()
	patience, hurry, first := s.beginEnd(ctx)
	if !first {
		stop := context.AfterFunc(ctx, func() { hurry(context.Cause(ctx)) })
		defer stop()
		<-s.life.over
		return nil
	}
	defer hurry(nil)
	err := s.finish(patience, cut, func(err error) { s.sayStopped(under, began, err) })
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.life.state = lifeOver
	s.life.cause = err
	close(s.life.over)
	return err
}

// beginEnd reports whether the caller is the one who ends the server, and how long that may take:
// as long as ctx allows, and until anybody calls hurry. A server that is being started is waited
// for.
func (s *Server) beginEnd(ctx context.Context) (
	patience context.Context, hurry context.CancelCauseFunc, first bool,
) {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.lifeInit()
	if s.life.state == lifeStarting {
		s.life.mu.Unlock()
		s.awaitStart(ctx)
		s.life.mu.Lock()
	}
	if s.life.state >= lifeEnding {
		return nil, s.life.hurry, false
	}
	s.life.state = lifeEnding
	patience, s.life.hurry = context.WithCancelCause(ctx)
	if c := s.life.core; c != nil {
		c.drain()
	}
	if s.life.stopRestart != nil {
		s.life.stopRestart(errEndMeanwhile)
	}
	return patience, s.life.hurry, true
}

// awaitStart waits for the end of the start. When ctx is over a module's Open that does not return
// fails it.
func (s *Server) awaitStart(ctx context.Context) {
	select {
	case <-s.life.begun:
	case <-ctx.Done():
		s.life.leave()
		<-s.life.begun
	}
}

// finish ends all that there is of the server. It calls stopped when nobody is served any more.
func (s *Server) finish(ctx context.Context, cut bool, stopped func(err error)) error {
	defer context.AfterFunc(ctx, s.life.leave)() // for what is replaced, or was
	s.life.restarting.Wait()                     // a process that was about to take over is not left behind
	s.life.replacing.Wait()
	var err error
	if eng := s.life.engine; eng != nil {
		err = s.endEngine(ctx, eng, cut)
		stopped(err)
	}
	err = errors.Join(err, s.endDuties(ctx))
	if c := s.life.core; c != nil {
		c.dialers.leave(c)
		c.goroutine.close()
		c.repeats.Close()
		c.flushLog()
	}
	return err
}

// endEngine lets the requests under way finish until ctx is over, and ends what is left then.
func (s *Server) endEngine(ctx context.Context, eng engine, cut bool) error {
	eng.drain(s.drainIdle(ctx))
	err := eng.wait(ctx)
	if err != nil {
		hard, cancel := context.WithTimeout(context.Background(), hardGrace)
		defer cancel()
		if err = fmt.Errorf("lwan: requests were cut off at shutdown: %w", err); cut {
			err = nil
		}
		if e := eng.close(hard); e != nil {
			err = errors.Join(err, fmt.Errorf("lwan: handlers did not end: %w", e))
		}
	}
	return errors.Join(err, eng.closeListeners())
}

// ended is what the calls that serve return.
func (s *Server) ended() error {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	return s.life.cause
}
