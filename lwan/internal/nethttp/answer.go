package nethttp

import (
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// The answer: Call as the Stream that sends it.

// Interim implements transport.Stream.
func (c *Call) Interim(a *transport.Answer) error {
	if c.head.Minor == 0 { // RFC 9110 section 15.2
		return nil
	}
	h := c.w.Header()
	before := maps.Clone(h)
	a.Fields(func(name, _ string) bool {
		h.Del(name)
		return true
	})
	a.Fields(func(name, value string) bool {
		h.Add(name, value)
		return true
	})
	c.w.WriteHeader(a.Status)
	a.Fields(func(name, _ string) bool {
		h.Del(name)
		return true
	})
	maps.Copy(h, before)
	return nil
}

// Head implements transport.Stream.
func (c *Call) Head(a *transport.Answer) error {
	if c.phase != held {
		return transport.ErrOver
	}
	if a.Whole && c.Outer == nil {
		c.endReading()
		a.Close = a.Close || c.muchLeft()
	}
	c.header(a)
	c.phase, c.whole, c.length = streaming, a.Whole, a.Length
	// That of an answer to HEAD is left out by net/http.
	c.content = a.Status != http.StatusNoContent && a.Status != http.StatusNotModified
	switch {
	case a.Whole && c.Outer != nil:
		c.passHead(a)
		return nil
	case a.Whole:
		c.lingerForRest()
	default:
		c.duplex()
	}
	c.w.WriteHeader(a.Status)
	return nil
}

// passHead gives the head of a whole answer to middleware, as net/http handlers do: without a
// length that they would not have set, and without a word if there is no content.
func (c *Call) passHead(a *transport.Answer) {
	c.mute = a.Status == http.StatusOK && a.Length < 0 && c.w.Header()["Content-Type"] == nil
	if !c.mute {
		c.w.WriteHeader(a.Status)
	}
}

// header copies the fields of the answer.
func (c *Call) header(a *transport.Answer) {
	c.answering.Store(true)
	h := c.w.Header()
	for _, name := range c.given {
		delete(h, name)
	}
	h["Content-Type"] = nil // no guessing
	a.Fields(func(name, value string) bool {
		h.Add(name, value)
		return true
	})
	if a.Length >= 0 {
		h.Set("Content-Length", strconv.FormatInt(a.Length, 10))
	}
	switch one := c.r.ProtoMajor == 1; { // of HTTP/2 the stream ends
	case a.Close && (one || !a.Alone), one && c.bodyBroken():
		h.Set("Connection", "close")
	}
	c.last = c.r.Close || h.Get("Connection") == "close"
	c.writeWithin()
}

// writeError translates an error of the connection.
func (c *Call) writeError(err error) error {
	if err == nil || errors.Is(err, http.ErrBodyNotAllowed) {
		return nil
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok || errors.Is(err, http.ErrContentLength) {
		return err // of a file, or of the handler
	}
	c.stuck = true
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return transport.ErrTimeout
	}
	return transport.ErrGone
}

// writeWithin limits how long the client may take none of what is written next.
func (c *Call) writeWithin() {
	if c.Outer != nil && c.Outer.WritesAsOutside() {
		return // the server's own will do
	}
	_, pause := c.Exchange.Pauses()
	_ = c.ctl.SetWriteDeadline(deadlineIn(pause)) // not every writer can
	if c.givenUp.Load() {                         // meanwhile, or before
		_ = c.ctl.SetWriteDeadline(time.Unix(1, 0))
	}
}

// CanFlush reports whether http.ResponseController.Flush would find a Flusher.
func CanFlush(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// piece is how much is written at once: Limits.Write is the time for the client to take something,
// not all there is.
const piece = 64 << 10

// Write implements transport.Stream.
func (c *Call) Write(p []byte) error {
	if !c.content {
		return nil
	}
	if c.Outer != nil && len(p) > 0 {
		c.mute = false
	}
	for len(p) > 0 {
		n := min(len(p), piece)
		c.writeWithin()
		_, err := c.w.Write(p[:n])
		if err = c.writeError(err); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// File implements transport.Stream.
func (c *Call) File(f *os.File, off, n int64) error {
	for c.content && n > 0 {
		c.writeWithin()
		copied, err := io.Copy(c.w, io.NewSectionReader(f, off, min(n, piece)))
		if err = c.writeError(err); err != nil {
			return err
		}
		if copied == 0 {
			return io.ErrUnexpectedEOF
		}
		off, n = off+copied, n-copied
	}
	return nil
}

// Flush implements transport.Stream.
func (c *Call) Flush() error {
	if (c.phase == streaming || c.phase == ended) && !c.sent {
		return c.flush()
	}
	return nil
}

func (c *Call) flush() error {
	c.writeWithin()
	if err := c.ctl.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return c.writeError(err)
	}
	return nil
}

// Close implements transport.Stream.
func (c *Call) Close(trailer []transport.Field) error {
	if c.phase != streaming {
		return transport.ErrOver
	}
	c.phase = ended
	if c.whole {
		c.setTrailers(trailer)
		if c.Outer == nil {
			c.lingerBehindLast()
		} else if c.mute {
			delete(c.w.Header(), "Content-Type")
		}
		return nil
	}
	c.endReading()
	c.setTrailers(trailer)
	c.writeWithin()
	return c.readRest()
}

// abort sends what was written of an answer that is given up: who gets nothing at all may ask
// again. Where its end is that of the connection only a reset tells that it is not whole.
func (c *Call) abort() {
	if !c.answering.Load() || c.whole || c.stuck {
		return
	}
	if err := c.flush(); err != nil || c.head.Minor > 0 || c.length >= 0 {
		return
	}
	conn, _, err := c.ctl.Hijack()
	if err != nil {
		return // it is closed all the same
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn() // its own Close would say that this is all (close_notify)
	}
	if tcp, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0) // the client may have left meanwhile
	}
	_ = conn.Close()
}

// Cut implements transport.Stream.
func (c *Call) Cut() {
	c.endReading()
	if c.phase != taken {
		c.phase = cut
	}
}
