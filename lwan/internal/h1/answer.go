//go:build linux && !golwan_nethttp

package h1

import (
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Head implements transport.Stream: the head in one pass, into out. Content is chunked, or of a
// known length, or, for a client of HTTP/1.0, ends with the connection (RFC 9112 section 6.3).
func (h *server) Head(a *transport.Answer) error {
	switch {
	case h.lost != nil: // and with it the client
		return h.lost
	case h.phase != held:
		return transport.ErrOver
	}
	h.phase, h.whole = streaming, a.Whole
	h.decideKeep(a)
	h.frame = h.frameOf(a)
	if h.frame == toEnd {
		h.keep = false
	}
	h.appendHead(a)
	switch {
	case a.Length == transport.Unknown && h.head.Minor == 1:
		h.out = append(h.out, "Transfer-Encoding: chunked\r\n"...)
	case a.Length >= 0:
		h.out = append(h.out, "Content-Length: "...)
		h.out = strconv.AppendInt(h.out, a.Length, 10)
		h.out = append(h.out, "\r\n"...)
	}
	h.endHead()
	return nil
}

// frameOf is how the content of a is framed.
func (h *server) frameOf(a *transport.Answer) frame {
	switch {
	case !a.Content:
		return noContent
	case a.Length != transport.Unknown:
		return byLength
	case h.head.Minor == 1:
		return chunked
	}
	return toEnd
}

// decideKeep finds out whether the connection can go on after this answer.
func (h *server) decideKeep(a *transport.Answer) {
	switch {
	case a.Close, h.t.Loop().Draining(), h.content == broken:
		h.keep = false
	case h.content == read:
	// the client may send it or not: nobody knows what the next bytes are
	case h.content == awaited:
		h.keep = false
	case h.left > transport.DiscardLimit:
		h.keep = false
	case h.head.Chunked && !h.discardable():
		h.keep = false
	}
}

// appendHead appends all of a head but its framing and its end.
func (h *server) appendHead(a *transport.Answer) {
	h.out = http1.AppendStatusLine(h.out, a.Status)
	h.dated = len(h.out)
	h.out = append(h.out, h.dateLine()...)
	a.Fields(h.addField)
}

// appendField appends a field of a head. A Date of the program's takes the place of ours.
func (h *server) appendField(name, value string) bool {
	if len(name) == 4 && h.dated >= 0 && strings.EqualFold(name, "Date") {
		h.out = append(h.out[:h.dated], h.out[h.dated+len(h.date):]...)
		h.dated = -1
	}
	h.out = http1.AppendField(h.out, name, value)
	return true
}

// dateLine is the Date field, rendered once a second.
func (h *server) dateLine() []byte {
	if now := h.t.Loop().Unix(); now != h.dateUnix {
		h.dateUnix = now
		h.date = append(h.date[:0], "Date: "...)
		h.date = message.AppendDate(h.date, now)
		h.date = append(h.date, "\r\n"...)
	}
	return h.date
}

// endHead says whether the connection goes on where that is not the default of the version, and
// ends the head.
func (h *server) endHead() {
	switch {
	case !h.keep:
		h.out = append(h.out, "Connection: close\r\n\r\n"...)
	case h.head.Minor == 0:
		h.out = append(h.out, "Connection: keep-alive\r\n\r\n"...)
	default:
		h.out = append(h.out, "\r\n"...)
	}
}

// Write implements transport.Stream. What is longer than inlineBody is written from where it is.
func (h *server) Write(p []byte) error {
	switch {
	case h.frame == noContent || len(p) == 0:
		return nil
	case h.lost != nil:
		return h.lost
	}
	if h.frame == chunked {
		h.out = http1.AppendChunkHead(h.out, len(p))
	}
	if len(p) <= inlineBody {
		h.out = append(h.out, p...)
	} else if err := h.writeLarge(p); err != nil {
		return err
	}
	if h.frame == chunked {
		h.out = append(h.out, "\r\n"...)
	}
	if len(h.out) >= inlineBody && !h.whole {
		return h.Flush()
	}
	return nil
}

// writeLarge writes what is held back, and p behind it.
func (h *server) writeLarge(p []byte) error {
	_, pause := h.x.Pauses()
	_, err := h.c.Writev(h.t, h.out, p, pause)
	h.out = h.out[:0]
	if err != nil {
		return h.losing(err)
	}
	return nil
}

// File implements transport.Stream. What goes before it leaves together with its first bytes.
func (h *server) File(f *os.File, off, n int64) error {
	if h.frame == noContent || n == 0 {
		return nil
	}
	if h.frame == chunked {
		h.out = http1.AppendChunkHead(h.out, int(n))
	}
	if err := h.flushBefore(true); err != nil {
		return err
	}
	_, pause := h.x.Pauses()
	if _, err := h.c.Sendfile(h.t, f, off, n, pause); err != nil {
		lost := h.losing(err)
		if err == io.ErrUnexpectedEOF {
			return err
		}
		return lost
	}
	if h.frame == chunked {
		h.out = append(h.out, "\r\n"...)
	}
	return nil
}

// Flush implements transport.Stream.
func (h *server) Flush() error { return h.flushBefore(false) }

// flushBefore is Flush with more to be written at once: both leave together.
func (h *server) flushBefore(more bool) (err error) {
	if len(h.out) == 0 {
		return nil
	}
	if h.lost != nil {
		h.out = h.out[:0]
		return h.lost
	}
	_, pause := h.x.Pauses()
	if more {
		_, err = h.c.WriteMore(h.t, h.out, pause)
	} else {
		_, err = h.c.Write(h.t, h.out, pause)
	}
	h.out = h.out[:0]
	if cap(h.out) > 2*flushAt {
		h.out = nil
	}
	if err != nil {
		return h.losing(err)
	}
	return nil
}

// losing notes that something of what was written is missing: bytes behind it would be taken for
// the missing ones.
func (h *server) losing(err error) error {
	h.lost = errorOf(err)
	h.Cut()
	return h.lost
}

// Close implements transport.Stream.
func (h *server) Close(trailer []transport.Field) error {
	switch h.phase {
	case streaming:
		h.phase = ended
	case cut:
		return h.lost
	default:
		return transport.ErrOver
	}
	switch {
	case h.frame != chunked:
	case len(trailer) == 0:
		h.out = append(h.out, http1.LastChunk...)
	default:
		h.out = append(h.out, "0\r\n"...)
		for _, f := range trailer {
			h.out = http1.AppendField(h.out, f.Name, f.Value)
		}
		h.out = append(h.out, "\r\n"...)
	}
	return nil
}

// Cut implements transport.Stream.
func (h *server) Cut() {
	h.keep = false
	switch h.phase {
	case idle:
		h.last = cut
	case held, streaming, ended:
		h.phase = cut
	}
}

// Interim implements transport.Stream.
func (h *server) Interim(a *transport.Answer) error {
	switch {
	case h.phase != held:
		return transport.ErrOver
	case h.head.Minor == 0:
		return nil
	case a.Status == 100 && h.content == awaited: // the handler was first
		h.content = coming
	}
	h.out = http1.AppendStatusLine(h.out, a.Status)
	h.dated = -1
	a.Fields(h.addField)
	h.out = append(h.out, "\r\n"...)
	return h.Flush()
}
