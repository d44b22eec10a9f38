package lwan

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// Reading: what comes is taken apart by the one who holds reading.

const (
	smallRead = 4 << 10  // while nothing, or little, comes
	largeRead = 16 << 10 // while a frame comes that is larger than smallRead
)

// frameBuffer is memory for a frame, or a part of it, lent to one WebSocket after the other.
type frameBuffer [largeRead]byte

var frameBuffers = sync.Pool{New: func() any { return new(frameBuffer) }}

// alive reports why the caller cannot use the WebSocket: it is not the handler, or that has
// returned. On a loop nothing else is looked at before: it may be another request's by now.
func (w *WebSocket) alive() error {
	if w.inline {
		switch err := w.conn.SetReadDeadline(time.Time{}); {
		case err == nil:
		case errors.Is(err, ErrForeign):
			return ErrForeign
		default:
			return ErrOver
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left {
		return ErrOver
	}
	return nil
}

// ended is why nothing is received and sent any more.
func (w *WebSocket) ended() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

// finish says why it is over, unless that is known already, and returns why.
func (w *WebSocket) finish(why error) error {
	w.mu.Lock()
	first := w.over == nil
	if first {
		w.over = why
	}
	over := w.over
	w.mu.Unlock()
	if first {
		return w.req.endWait(over)
	}
	return over
}

// next is the next message. Control frames are dealt with. reading is held.
func (w *WebSocket) next() (wsframe.Message, error) {
	for {
		m, n, err := w.frames.Next(w.in[w.pos:w.end])
		w.pos += n
		switch {
		case err != nil:
			return m, w.violated(err)
		case m.Op == wsframe.Ping:
			err = w.owe(func(o *owed) { o.pong, o.ponged = append(o.pong[:0], m.Payload...), true })
		case m.Op == wsframe.Close:
			return m, w.closedBy(m.Payload)
		case m.Op == 0:
			err = w.fill()
		case !m.Op.IsControl():
			return m, nil
		}
		if err != nil {
			return m, err
		}
	}
}

// violated tells the client which rule it has broken. Nothing that it sends means anything now.
func (w *WebSocket) violated(err error) error {
	e, _ := errors.AsType[*wsframe.Error](err) // a Reader has no others
	w.mu.Lock()
	w.failed = true
	w.mu.Unlock()
	over := &CloseError{e.Code, e.Reason}
	if err := w.oweClose(over.Code, over.Reason); err != nil {
		return err
	}
	return w.finish(over)
}

// closedBy answers the client's close frame with one of the same code (RFC 6455 section 5.5.1).
func (w *WebSocket) closedBy(payload []byte) error {
	code, reason, _ := wsframe.ParseClose(payload) // the Reader has looked at it
	over := &CloseError{code, string(reason)}
	w.mu.Lock()
	w.seen = true
	w.mu.Unlock()
	err := w.oweClose(code, "")
	if err != nil {
		return err
	}
	return w.finish(over)
}

// fill reads at least one byte behind end. While the client is silent it is asked whether it is
// there.
func (w *WebSocket) fill() error {
	w.mu.Lock()
	last := w.seen || w.failed
	w.mu.Unlock()
	if last { // nothing can come that means anything
		return w.ended()
	}
	w.frames.Release()
	w.makeRoom()
	for {
		w.arm()
		n, err := w.conn.Read(w.in[w.end:])
		switch {
		case n > 0:
			w.end += n
			w.asked = false
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := w.silent(); err != nil {
				return err
			}
		default:
			return w.finish(w.lost(err))
		}
	}
}

// makeRoom frees space behind end, and borrows more for a large frame.
func (w *WebSocket) makeRoom() {
	switch {
	case w.pos < w.end: // less than wsframe.MinBuffer
		if w.pos > 0 {
			w.end = copy(w.in, w.in[w.pos:w.end])
			w.pos = 0
		}
		return
	case w.large == nil && w.frames.Wants() > smallRead:
		w.large = frameBuffers.Get().(*frameBuffer)
		w.in = w.large[:]
	case w.large != nil && w.frames.Wants() <= smallRead:
		w.giveLarge()
	}
	w.pos, w.end = 0, 0
}

func (w *WebSocket) giveLarge() {
	if w.large != nil {
		frameBuffers.Put(w.large)
		w.large, w.in, w.pos, w.end = nil, w.small[:], 0, 0
	}
}

// arm sets until when the next read waits.
func (w *WebSocket) arm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	by := w.until
	if by.IsZero() && w.ping > 0 {
		by = time.Now().Add(w.ping)
	}
	// It fails where the connection is over, which Read says better.
	_ = w.conn.SetReadDeadline(by)
}

// silent is called when nothing has come for a while: the client is asked, and given up the second
// time.
func (w *WebSocket) silent() error {
	w.mu.Lock()
	until := w.until
	w.mu.Unlock()
	switch {
	case !until.IsZero() && time.Now().Before(until): // it was set meanwhile
		return nil
	case !until.IsZero():
		return ErrTimeout
	case w.asked:
		return w.finish(ErrTimeout)
	}
	w.asked = true
	return w.owe(func(o *owed) { o.ping = true })
}

// lost translates an error of the connection.
func (w *WebSocket) lost(err error) error {
	switch {
	case errors.Is(err, ErrStopping), errors.Is(err, ErrTimeout), errors.Is(err, ErrForeign):
		return err
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return ErrOver
	}
	return ErrGone
}
