package lwan

import (
	"time"

	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// The closing handshake (RFC 6455 section 7): a close frame in each direction.

// beginClose sends our close frame, behind what is being written. It returns why the WebSocket was
// over before.
func (w *WebSocket) beginClose(why *CloseError) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	if over := w.over; over != nil {
		w.mu.Unlock()
		return over
	}
	w.over = why
	w.owed.close, w.owed.closed = wsframe.AppendClose(nil, why.Code, why.Reason), true
	w.mu.Unlock()
	return w.pay()
}

// awaitClose waits for the client's close frame, for closeTimeout. Messages that come before it are
// thrown away.
func (w *WebSocket) awaitClose() error {
	w.mu.Lock()
	w.until = time.Now().Add(w.closeTimeout)
	_ = w.conn.SetReadDeadline(w.until) // for who reads now; if it fails, so does reading
	w.mu.Unlock()
	w.reading.Lock()
	defer w.reading.Unlock()
	for {
		_, err := w.next()
		w.mu.Lock()
		seen := w.seen
		w.mu.Unlock()
		switch {
		case seen:
			return nil
		case err != nil:
			return err
		}
	}
}

// leave ends the WebSocket of a handler that has returned st, or has died: it is closed, if that
// can still be said.
func (w *WebSocket) leave(st Status) {
	cause := w.req.cancelled()
	w.mu.Lock()
	w.left = true
	w.until = time.Now().Add(w.closeTimeout)
	if w.over == nil {
		code := leaveCode(st, cause)
		w.over = &CloseError{Code: code}
		w.owed.close, w.owed.closed = wsframe.AppendClose(nil, code, ""), true
	} else if w.over == ErrStopping && !w.sent {
		w.owed.close, w.owed.closed = wsframe.AppendClose(nil, wsframe.CodeAway, ""), true
	}
	over := w.broken || len(w.rest) == 0 && (w.sent && w.seen || !w.sent && !w.owed.closed)
	failed := w.failed
	w.mu.Unlock()
	switch {
	case over:
	case cause != nil, w.req.state.Load() != stateRunning:
		w.lastWords()
	case failed:
		w.parting(w.discard)
	default:
		w.parting(func() { _ = w.awaitClose() }) // nobody wants to know how it has ended
	}
	if w.reading.TryLock() { // else a stray has the memory
		w.giveLarge()
		w.reading.Unlock()
	}
}

// cut ends it at once, for why, whoever reads and writes: a goroutine's connection may be closed by
// others.
func (w *WebSocket) cut(why error) {
	w.mu.Lock()
	if w.over == nil {
		w.over = why
	}
	w.broken = true
	w.mu.Unlock()
	_ = w.conn.Close() // who reads or writes finds that it is
}

// leaveCode is the code that a handler's end is told with.
func leaveCode(st Status, cause error) int {
	switch {
	case cause == ErrStopping:
		return wsframe.CodeAway
	case st >= 500:
		return wsframe.CodeInternal
	}
	return wsframe.CodeNormal
}

// parting sends what is owed, and does the rest of the handshake.
func (w *WebSocket) parting(rest func()) {
	if conn, ok := w.conn.(lastWriter); ok {
		conn.Hurry(time.Now().Add(w.closeTimeout + closeGrace))
	}
	w.writing.Lock()
	err := w.pay()
	w.writing.Unlock()
	if err == nil {
		rest()
	} else if w.req.cancelled() != nil { // meanwhile
		w.lastWords()
	}
}

// closeGrace is how much longer than CloseTimeout a handler's end waits for a client that does not
// take the close frame.
const closeGrace = time.Second

// discard lets a client that has broken a rule, or is still sending, read why the connection ends
// before it is closed. A loop does so by itself.
func (w *WebSocket) discard() {
	if conn, ok := w.conn.(interface{ Linger(by time.Time) }); ok {
		conn.Linger(time.Now().Add(w.closeTimeout))
	}
}

// lastWords says what is owed, or was held back, where the request is over and the handler's waits
// have ended. Nothing waits long for it.
func (w *WebSocket) lastWords() {
	conn, ok := w.conn.(lastWriter)
	if !ok {
		return
	}
	by := time.Now().Add(closeGrace)
	if !w.writing.TryLock() {
		conn.Hurry(by) // a stray is in the middle of a frame
		w.writing.Lock()
	}
	defer w.writing.Unlock()
	w.mu.Lock()
	b := w.rest
	if w.owed.closed {
		b = wsframe.AppendFrame(b, wsframe.Close, w.owed.close)
	}
	say := len(b) > 0 && !w.broken
	w.rest, w.owed, w.sent = nil, owed{}, true
	w.mu.Unlock()
	if say && conn.LastWords(b, by) {
		w.discard()
	}
}

// lastWriter is an upgraded connection that can be told what its handler's end needs. All of them
// are.
type lastWriter interface {
	// Hurry limits what is being written, and what will be: a stray must not hold the end up.
	Hurry(by time.Time)
	// LastWords writes b although the request is over, if the client takes it by then. It reports
	// whether the client needs time to read that, which nobody else gives it.
	LastWords(b []byte, by time.Time) (linger bool)
}

var _, _ lastWriter = (*upgradedConn)(nil), (*asideConn)(nil)

// Hurry implements lastWriter. There are no strays on a loop.
func (c *upgradedConn) Hurry(by time.Time) { _ = c.Conn.SetWriteDeadline(by) }

// LastWords implements lastWriter. The protocol lingers behind it.
func (c *upgradedConn) LastWords(b []byte, by time.Time) (linger bool) {
	_ = c.req.outside(func() error {
		_ = c.Conn.SetWriteDeadline(by)
		_, err := c.Conn.Write(b) // a client that does not read is not told
		return err
	})
	return false
}

// Hurry implements lastWriter.
func (c *asideConn) Hurry(by time.Time) {
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	_ = c.Conn.SetWriteDeadline(by) // or Write fails
}

// LastWords implements lastWriter. The loop, which has the connection too, lingers behind it.
func (c *asideConn) LastWords(b []byte, by time.Time) (linger bool) {
	c.a.mu.Lock()
	c.parting = true
	err := c.Conn.SetWriteDeadline(by)
	c.a.mu.Unlock()
	if err == nil {
		_, _ = c.Conn.Write(b) // a client that does not read is not told
	}
	return false
}
