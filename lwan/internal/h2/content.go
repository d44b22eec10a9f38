//go:build linux && !golwan_nethttp

package h2

import (
	"github.com/golwan/golwan/lwan/internal/h2frame"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Read implements transport.Stream. Who waits holds the stream, not the runner, which may be
// another request's by the time it goes on.
func (r *runner) Read(on transport.Task, p []byte) (int, error) {
	st, t := r.st, taskOf(on)
	switch {
	case st == nil:
		return 0, transport.ErrOver
	case r.broken:
		return 0, transport.ErrBadBody
	case t == r.t:
		r.unread = false
	case t != nil && r.unread:
		return 0, transport.ErrOver
	case t != nil:
		r.reader = t
		defer func() {
			if r.reader == t {
				r.reader = nil
			}
		}()
	}
	st.readers++
	defer func() { st.readers-- }()
	if err := r.awaitContent(st, t); err != nil {
		return 0, err
	}
	return st.readSome(p)
}

// awaitContent waits until something can be read, or told.
func (r *runner) awaitContent(st *stream, t *loop.Task) error {
	var waited error
	for {
		_, err := st.readSome(nil)
		switch {
		case err != transport.ErrAgain, t == nil:
			return err
		case waited != nil:
			if r.st == st && r.phase != raw { // what comes later is of no use any more
				r.broken = true
			}
			return waited
		}
		if t == r.t {
			r.askForContent()
			r.s.kick()
		} else if r.t.Cause() != nil {
			return r.t.Cause()
		}
		pause, _ := r.x.Pauses()
		if r.phase == raw { // it may be silent
			pause = 0
		}
		waited = t.Await(transport.Cancelled, pause, &st.in)
		switch {
		case st.over:
			return transport.ErrOver
		case t == r.t:
		case r.unread && r.t.Cause() != nil:
			return r.t.Cause()
		case r.unread:
			return transport.ErrOver
		}
	}
}

// askForContent tells a client that waits for it to send the content (RFC 9110 section 10.1.1).
func (r *runner) askForContent() {
	if !r.head.Expect100 || r.st.read || r.phase != held {
		return
	}
	r.st.read = true
	s := r.s
	at := len(s.buffer())
	s.out = h2frame.AppendHeader(s.out, h2frame.Headers, h2frame.EndHeaders, r.st.id, 0)
	s.out = h2frame.AppendStatus(s.out, 100)
	h2frame.SetLength(s.out, at)
}

// Unread implements transport.Stream.
func (r *runner) Unread() bool {
	r.unread = true
	if r.st != nil {
		r.st.in.Open()
	}
	return r.reader == nil
}

// Trailer implements transport.Stream.
func (r *runner) Trailer() []transport.Field {
	if r.st == nil {
		return nil
	}
	return r.st.trailer
}
