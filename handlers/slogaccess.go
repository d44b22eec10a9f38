package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan"
)

// SlogAccess gives l a record for each answer, once it has ended, of level Info: with the message
// "request" and the attributes remote, method, host, target, route (the pattern), proto, status,
// bytes, took (a duration), agent, and user and id where UserKey and RequestID have them. A request
// that could not be parsed has no method and no target. Level is Warn for a status of 500 and
// above. nil is slog.Default().
//
// The handler of l runs on a goroutine of the log's own, which lives from this call to Close: the
// server closes its observers. No request waits for it. While 4096 records are waiting, more are
// dropped; a record "requests were not logged" says so later.
func SlogAccess(l *slog.Logger) lwan.Observer {
	if l == nil {
		l = slog.Default()
	}
	s := &slogAccess{
		to: l.Handler(), records: make(chan slog.Record, maxRecords), done: make(chan struct{}),
	}
	go s.run()
	return s
}

const maxRecords = 4096

// slogAccess is a queue of records and the goroutine that empties it.
type slogAccess struct {
	to      slog.Handler
	records chan slog.Record
	done    chan struct{} // closed when the goroutine has ended
	dropped atomic.Int64  // since the last record that says so

	mu     sync.RWMutex // held for reading while a record is queued, which never waits
	closed bool

	failure error // the first of to; the goroutine's until done is closed, then guarded by mu
}

// Done implements lwan.Observer.
func (s *slogAccess) Done(req *lwan.Request, resp *lwan.Response, took time.Duration) {
	level := slog.LevelInfo
	if resp.Status() >= 500 {
		level = slog.LevelWarn
	}
	if !s.to.Enabled(context.Background(), level) {
		return
	}
	r := slog.NewRecord(time.Now(), level, "request", 0)
	if a := req.RemoteAddr().Addr(); a.IsValid() {
		r.AddAttrs(slog.String("remote", a.String()))
	}
	if req.Method() != "" {
		r.AddAttrs(slog.String("method", clipped(req.Method())),
			slog.String("host", clipped(req.Host())), slog.String("target", clipped(req.Target())),
			slog.String("route", req.Pattern()))
	}
	r.AddAttrs(slog.String("proto", req.Proto()), slog.Int("status", int(resp.Status())),
		slog.Int64("bytes", resp.BytesSent()), slog.Duration("took", took),
		slog.String("agent", clipped(req.Header("User-Agent"))))
	if user, ok := UserKey.Get(req); ok {
		r.AddAttrs(slog.String("user", clipped(user)))
	}
	if id, ok := RequestIDKey.Get(req); ok {
		r.AddAttrs(slog.String("id", id))
	}
	s.add(r)
}

// clipped is at most maxLogValue bytes of what a client has chosen.
func clipped(s string) string { return s[:min(len(s), maxLogValue)] }

func (s *slogAccess) add(r slog.Record) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		s.dropped.Add(1)
		return
	}
	select {
	case s.records <- r:
	default:
		s.dropped.Add(1)
	}
}

// run handles records until Close.
func (s *slogAccess) run() {
	defer close(s.done)
	for r := range s.records {
		s.handle(r)
		if n := s.dropped.Swap(0); n > 0 {
			lost := slog.NewRecord(time.Now(), slog.LevelWarn, "requests were not logged", 0)
			lost.AddAttrs(slog.Int64("count", n))
			s.handle(lost)
		}
	}
}

// handle lets the logger have a record. That it panics ends neither the log nor the process.
func (s *slogAccess) handle(r slog.Record) {
	var err error
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("handlers: the logger of SlogAccess panics: %v", v)
		}
		if s.failure == nil {
			s.failure = err
		}
	}()
	err = s.to.Handle(context.Background(), r)
}

// Close implements lwan.Observer: it handles what is queued, and returns the first error of the
// logger's handler. One that does not return within 5 s is given up.
func (s *slogAccess) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.records)
	}
	s.mu.Unlock()
	late := time.NewTimer(logPatience)
	defer late.Stop()
	select {
	case <-s.done:
		s.mu.Lock()
		defer s.mu.Unlock()
		err := s.failure
		s.failure = nil // it is told once
		return err
	case <-late.C:
		return errors.New("handlers: the logger of SlogAccess hangs; records are lost")
	}
}
