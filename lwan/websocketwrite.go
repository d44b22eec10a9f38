package lwan

import (
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// Writing: whole frames leave one after the other, by the one who holds writing. The reader never
// waits for a writer: what it has to say is owed, and the writer says it behind its own frame.

// owed is control frames that are to be sent.
type owed struct {
	// the answer to the last ping: the only one that is needed (RFC 6455 section 5.5.3)
	pong   []byte
	ponged bool
	ping   bool
	close  []byte // the payload of a close frame
	closed bool
}

func (o *owed) some() bool { return o.ponged || o.ping || o.closed }

// owe adds to what is owed, and sends it unless somebody writes.
func (w *WebSocket) owe(add func(o *owed)) error {
	w.mu.Lock()
	if !w.sent && !w.owed.closed { // nothing follows a close frame
		add(&w.owed)
	}
	w.mu.Unlock()
	return w.settle()
}

// oweClose is owe for a close frame.
func (w *WebSocket) oweClose(code int, reason string) error {
	return w.owe(func(o *owed) {
		o.close, o.closed = wsframe.AppendClose(nil, code, reason), true
	})
}

// settle sends what is owed, unless somebody writes: who that is does it when it has written.
func (w *WebSocket) settle() error {
	for w.owes() && w.writing.TryLock() {
		if err := w.payAndUnlock(); err != nil {
			return err
		}
	}
	return nil
}

func (w *WebSocket) payAndUnlock() error {
	defer w.writing.Unlock()
	return w.pay()
}

func (w *WebSocket) owes() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.owed.some() && !w.broken
}

// pay sends what is owed; writing is held. What cannot be sent because the request is over is held
// back for the last words: whoever pays, the client is told how it ends.
func (w *WebSocket) pay() error {
	out := frameBuffers.Get().(*frameBuffer)
	defer frameBuffers.Put(out)
	b := out[:0]
	w.mu.Lock()
	if w.broken {
		defer w.mu.Unlock()
		return w.over
	}
	if w.owed.ponged {
		b = wsframe.AppendFrame(b, wsframe.Pong, w.owed.pong)
	}
	if w.owed.ping {
		b = wsframe.AppendFrame(b, wsframe.Ping, nil)
	}
	if w.owed.closed {
		b = wsframe.AppendFrame(b, wsframe.Close, w.owed.close)
		w.sent = true
	}
	w.owed = owed{pong: w.owed.pong[:0]}
	w.mu.Unlock()
	if cause := w.req.cancelled(); cause != nil && cause != ErrGone {
		w.hold(b)
		return w.finish(cause)
	}
	return w.write(b, nil, true)
}

// hold keeps what is left of frames for the last words.
func (w *WebSocket) hold(parts ...[]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, slices.Concat(parts...)...)
}

// send sends a message in one frame.
func (w *WebSocket) send(op wsframe.Opcode, msg []byte) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	over := w.over
	w.mu.Unlock()
	if over != nil {
		return over
	}
	head := wsframe.Head{Fin: true, Op: op}
	if w.deflate != nil && len(msg) >= compressFrom {
		d := deflations.Get().(*deflation)
		defer d.put()
		d.b = wsframe.AppendDeflated(d.b[:0], msg, w.deflate.Window)
		if len(d.b) < len(msg) {
			msg, head.Reserved = d.b, wsframe.RSV1
		}
	}
	head.Length = int64(len(msg))
	out := frameBuffers.Get().(*frameBuffer)
	defer frameBuffers.Put(out)
	b := wsframe.AppendHead(out[:0], head)
	n := copy(out[len(b):], msg)
	return w.write(out[:len(b)+n], msg[n:], false)
}

// deflation is memory for a compressed message.
type deflation struct{ b []byte }

var deflations = sync.Pool{New: func() any { return new(deflation) }}

// keptDeflation is how large such memory may be that is lent again.
const keptDeflation = 1 << 20

func (d *deflation) put() {
	if cap(d.b) <= keptDeflation {
		deflations.Put(d)
	}
}

// write writes frames, the last of which goes on in more; writing is held. control: they are
// control frames, which a request that is over holds back.
func (w *WebSocket) write(b, more []byte, control bool) error {
	for begun := false; len(b)+len(more) > 0; {
		if len(b) == 0 {
			b, more = more, nil
		}
		part := b
		if !w.inline { // on a loop each wait is limited anyway
			part = b[:min(len(b), streamPiece)]
			w.limitWrite()
		}
		n, err := w.conn.Write(part)
		b, begun = b[n:], begun || n > 0
		if err != nil {
			why := w.severed(err)
			switch {
			case begun && why == ErrStopping, // the client is there
				!begun && control && w.req.cancelled() != nil:
				w.hold(b, more)
			case begun:
				w.tear()
			}
			return w.finish(why)
		}
	}
	return nil
}

// limitWrite gives the client its time for what is written next.
func (w *WebSocket) limitWrite() {
	w.mu.Lock()
	defer w.mu.Unlock()
	by := time.Time{}
	if w.limit > 0 {
		by = time.Now().Add(w.limit)
	}
	if last := w.until.Add(closeGrace); w.left && (by.IsZero() || last.Before(by)) {
		by = last
	}
	_ = w.conn.SetWriteDeadline(by) // it fails where Write does
}

// severed says why a frame did not leave, or only a part of it.
func (w *WebSocket) severed(err error) error {
	why := w.lost(err)
	switch {
	case errors.Is(err, ErrForeign):
		return ErrForeign
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrTimeout
	}
	return why
}

// tear notes that the client has got a part of a frame, and will never get the rest.
func (w *WebSocket) tear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = true
}
