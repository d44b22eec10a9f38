package lwan

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// duties is what Go and OnClose were given, by the program or by one module.
type duties struct {
	work    []func(ctx context.Context) error
	closers []func() error
	running sync.WaitGroup     // of work
	stop    context.CancelFunc // ends it; nil: it has not begun
}

func (d *duties) run(fn func(ctx context.Context) error) { d.work = append(d.work, fn) }
func (d *duties) onClose(fn func() error)                { d.closers = append(d.closers, fn) }

// begin runs what Go was given. The first failure of all ends the server; what a module of former
// tables says at its end is only logged.
func (d *duties) begin(s *Server) {
	var ctx context.Context
	ctx, d.stop = context.WithCancel(context.Background())
	for _, fn := range d.work {
		d.running.Go(func() {
			s.runFor("a function given to Go", func() error { return fn(ctx) }, func(err error) {
				s.workEnded(ctx, err)
			})
		})
	}
}

func (s *Server) workEnded(ctx context.Context, err error) {
	switch {
	case err == nil:
	case ctx.Err() != nil && s.life.core.ending.Err() == nil:
		s.life.core.log.Error("lwan: a function given to Go by a module that was replaced",
			"err", err)
	default:
		select {
		case s.life.failed <- err: // the first one counts
		default:
		}
	}
}

// quit tells what Go runs to end.
func (d *duties) quit() {
	if d.stop != nil {
		d.stop()
	}
}

var errWorkStays = errors.New("lwan: a function given to Go did not end")

// ended waits for what Go runs, and a little longer than ctx.
func (d *duties) ended(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		d.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-done:
		return nil
	case <-time.After(hardGrace):
		return errWorkStays
	}
}

// defaultCloseGrace is how much longer than ctx what OnClose was given may take, which may have
// something to save.
const defaultCloseGrace = 10 * time.Second

// close runs what OnClose was given, last first, once. Each may take as long as ctx allows, and a
// little longer.
func (d *duties) close(ctx context.Context, s *Server) error {
	var errs []error
	for i := len(d.closers) - 1; i >= 0; i-- {
		const what = "a function given to OnClose"
		errs = append(errs, s.call(ctx, s.life.closeGrace, what, d.closers[i], func(error) {}))
	}
	d.closers = nil
	return errors.Join(errs...)
}

// startWork runs what Go was given.
func (s *Server) startWork() {
	s.life.duties.begin(s)
	for _, m := range s.life.current.life.modules {
		m.duties.begin(s)
	}
}

// closeOpened closes everything, for a server that never serves.
func (s *Server) closeOpened() (err error) {
	if c := s.life.current; c != nil {
		err = s.closeCore(s.life.patient, c)
	}
	return errors.Join(err, s.life.duties.close(s.life.patient, s))
}

// endDuties ends what Go runs, and closes all modules, those of former tables first.
func (s *Server) endDuties(ctx context.Context) error {
	s.life.refs.Lock()
	former := slices.Collect(maps.Keys(s.life.former))
	s.life.refs.Unlock()
	var errs []error
	for _, c := range former {
		errs = append(errs, s.closeCore(ctx, c))
	}
	s.life.duties.quit()
	if c := s.life.current; c != nil {
		for _, m := range c.life.modules {
			m.duties.quit()
		}
		errs = append(errs, s.life.duties.ended(ctx), s.closeCore(ctx, c))
	}
	select {
	case err := <-s.life.failed:
		errs = append(errs, err)
	default:
	}
	return errors.Join(append(errs, s.life.duties.close(ctx, s))...)
}
