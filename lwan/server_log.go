package lwan

import (
	"context"
	"errors"
	"log/slog"

	"github.com/golwan/golwan/lwan/internal/logring"
)

// A log can be slow, or never end: standard error is a pipe that nobody reads, say. So no line of
// the server's own is written by a loop, nor by the watchdog: they go through a ring. What a
// program logs by itself, with Request.Log, is written there and then; it is the handler's time.

// setLog makes l the log.
func (c *process) setLog(l *slog.Logger) {
	c.given = l
	c.ring = new(logring.Ring)
	c.log = slog.New(c.ring.Handler(l.Handler()))
	c.repeats.Log = c.log
}

// logger is Log, or its default.
func (s *Server) logger() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.Default()
}

// flushLog gives what has been logged a moment to be written, once: a log that does not end must
// not keep the server.
func (c *process) flushLog() {
	if c.hangs.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), hardGrace)
	defer cancel()
	if c.ring.Flush(ctx) != nil {
		c.hangs.Store(true)
	}
}

// ownLog is for the server's own lines about the request: they go where Log goes, and never wait.
func (r *Request) ownLog() *slog.Logger {
	c := r.table.core
	if r.log == nil {
		return c.log
	}
	return slog.New(c.ring.Handler(r.log.Handler()))
}

// busyKind names a failure that clients can cause at will, by asking for more than there is, or by
// being slow: such a line must not be theirs to write. "": it is none.
func busyKind(err error) string {
	for _, e := range []error{ErrBusy, ErrTimeout, ErrStopping} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	return ""
}
