//go:build linux && !golwan_nethttp

package h2

import (
	"bytes"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/h2frame"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Front is the protocol of an engine whose endpoints may speak HTTP/2 in the clear by prior
// knowledge (RFC 9113 section 3.3): the first bytes of a connection decide. They need not come in
// one piece, nor alone. Endpoints that do not ask for it are HTTP/1's, and pay nothing.
type Front struct {
	conn.Protocol // HTTP/1

	HTTP2 *Protocol
	// Speaks says what an endpoint speaks in the clear, by the number of its listener.
	Speaks []Speaks
	// Resume keeps the first bytes of a connection of HTTP/1 for its next Serve.
	Resume func(c conn.Conn, b []byte)
}

// Speaks is what an endpoint speaks in the clear.
type Speaks struct{ HTTP1, HTTP2 bool }

// beginning is a part of the preface.
type beginning struct{ bytes []byte }

// Serve implements conn.Protocol.
func (f *Front) Serve(w *loop.Worker, c conn.Conn, why conn.Why) conn.Verdict {
	if why == conn.Expired || !f.Speaks[c.Lane()].HTTP2 {
		return f.Protocol.Serve(w, c, why)
	}
	if why == conn.First {
		return f.first(w, c, nil)
	}
	kept := c.Kept()
	if b, ok := kept.(*beginning); ok {
		return f.first(w, c, b)
	}
	c.Keep(kept)
	return f.Protocol.Serve(w, c, why)
}

// first looks at the first bytes.
func (f *Front) first(w *loop.Worker, c conn.Conn, kept *beginning) conn.Verdict {
	buf := w.Loop().Scratch()[:16<<10]
	have := 0
	if kept != nil {
		have = copy(buf, kept.bytes)
	}
	n, err := c.TryRead(buf[have:])
	b := buf[:have+max(n, 0)]
	switch {
	case err == transport.ErrAgain:
	case err != nil || n == 0: // what was cut short by its client needs no answer
		return conn.Close
	case f.isPreface(b) || !f.Speaks[c.Lane()].HTTP1:
		f.HTTP2.Start(c, bytes.Clone(b))
		return conn.Hand
	case !bytes.HasPrefix([]byte(h2frame.Preface), b):
		f.Resume(c, bytes.Clone(b))
		return f.Protocol.Serve(w, c, conn.Readable)
	}
	if kept == nil {
		kept = new(beginning)
		c.Expire(f.HTTP2.Header) // for the whole of it: what comes later does not move it
	}
	kept.bytes = append(kept.bytes[:0], b...)
	c.Keep(kept)
	return conn.Idle
}

// isPreface reports whether b begins with all of the preface.
func (f *Front) isPreface(b []byte) bool {
	return len(b) >= len(h2frame.Preface) && string(b[:len(h2frame.Preface)]) == h2frame.Preface
}

// Rests implements conn.Protocol.
func (f *Front) Rests(w *loop.Worker) {
	f.HTTP2.Rests(w)
	f.Protocol.Rests(w)
}
