//go:build linux && !golwan_nethttp

package lwan

import (
	"io"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/http1"
)

// readBody implements carrier.
func (h *h1) readBody(p []byte) (int, error) {
	defer h.w.EnterUser(h.w.LeaveUser())
	if len(h.ahead) > 0 {
		n := copy(p, h.ahead)
		h.ahead = h.ahead[n:]
		return n, nil
	}
	if h.broken {
		return 0, errBadBody
	}
	if h.bodyEnd {
		return 0, io.EOF
	}
	if h.reader == nil {
		if err := h.sendContinue(); err != nil {
			return 0, err
		}
	}
	if h.req.head.Chunked {
		return h.readChunked(p)
	}
	return h.readLength(p)
}

// sendContinue tells a client that waits for it to send the body (RFC 9110 section 10.1.1), and writes answers to
// earlier requests that are held back: the client may wait for them before it goes on.
func (h *h1) sendContinue() error {
	if h.go100 {
		h.go100 = false
		if h.pos == h.end && !h.resp.state.headOut() { // else it did not wait, or has its final answer already
			h.out = append(h.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
		}
	}
	return h.flush()
}

// readLength reads a body with Content-Length: first what came with the head, then straight into p.
func (h *h1) readLength(p []byte) (n int, err error) {
	if int64(len(p)) > h.left {
		p = p[:h.left]
	}
	if h.pos < h.end {
		n = copy(p, h.in[h.pos:h.end])
		h.pos += n
	} else if n, err = h.readConn(func() []byte { return p }); err != nil {
		return 0, err
	}
	if h.left -= int64(n); h.left == 0 {
		h.bodyEnd = true
	}
	return n, nil
}

// readConn reads from the connection; the end of the stream is an error, as more was announced.
func (h *h1) readConn(buffer func() []byte) (int, error) {
	w := h.w
	if h.reader != nil {
		w = h.reader
	} else if err := h.flush(); err != nil { // the client may wait for what is held back before it sends more
		h.broken = true
		return 0, err
	}
	n, err := h.c.ReadInto(&w.Task, pause(h.req.limits.Read, h.req.readBy), buffer)
	if err == conn.ErrUnread { // the handler does not want it: what is left is thrown away after the answer
		return 0, err
	}
	if err != nil || n == 0 {
		h.broken, h.keep = true, false
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return 0, h.errorOf(err)
	}
	return n, nil
}

// readChunked decodes the chunked coding. Framing is read into the space behind the head; data goes straight into p
// where nothing else is read along.
func (h *h1) readChunked(p []byte) (int, error) {
	for {
		data, err := h.unchunk()
		switch {
		case err != nil:
			return 0, err
		case data > 0:
			n := copy(p, h.in[h.pos:h.pos+data])
			h.chunks.Advance(n)
			h.pos += n
			return n, nil
		case h.chunks.Remaining() >= int64(len(p)) && h.pos == h.end:
			n, err := h.readConn(func() []byte { return p })
			h.chunks.Advance(n)
			return n, err
		}
		if err := h.readMore(); err != nil {
			return 0, err
		}
	}
}

// unchunk passes over framing and returns how many bytes of data follow it. 0: more has to be read; io.EOF: the body has
// ended.
func (h *h1) unchunk() (data int, err error) {
	skip, data, done, bad := h.chunks.Next(h.in[h.pos:h.end])
	if bad.Status != 0 {
		h.broken, h.keep = true, false
		return 0, &Error{Status: Status(bad.Status), Message: bad.Reason, Err: errBadBody}
	}
	h.pos += skip
	if done {
		return 0, h.endChunked()
	}
	return data, nil
}

// endChunked takes the trailers.
func (h *h1) endChunked() error {
	h.bodyEnd = true
	section := h.in[h.pos-h.chunks.TrailerLen() : h.pos]
	fields, bad := http1.ParseTrailer(section, nil)
	if bad.Status != 0 {
		return &Error{Status: Status(bad.Status), Message: bad.Reason, Err: errBadBody}
	}
	for _, f := range fields {
		h.req.trailers = append(h.req.trailers, field{string(f.Name.Of(section)), string(f.Value.Of(section))})
	}
	return io.EOF
}

// readMore reads behind what is there of the body. The head stays where it is: names and values are taken from it later.
func (h *h1) readMore() error {
	n, err := h.readConn(h.bodyRoom)
	h.end += n
	return err
}

// bodyRoom makes room behind what is there of the body: nobody needs what stands between it and the head any more.
func (h *h1) bodyRoom() []byte {
	if h.pos == h.end {
		h.pos, h.end = h.base, h.base
	} else if h.end == len(h.in) && h.pos > h.base {
		h.end = h.base + copy(h.in[h.base:], h.in[h.pos:h.end])
		h.pos = h.base
	}
	if len(h.in)-h.end < 1024 {
		h.grow()
	}
	return h.in[h.end:]
}

// drainable looks ahead at what is there already of a chunked body that the handler has left. One that is broken, or goes
// on with a chunk too large to be thrown away, ends the connection, and a last answer should say that it is one (RFC 9112
// section 9.6).
func (h *h1) drainable() bool {
	chunks, rest, total := h.chunks, h.in[h.pos:h.end], int64(0)
	for len(rest) > 0 {
		skip, data, done, bad := chunks.Next(rest)
		if bad.Status != 0 {
			return false
		}
		if done || data == 0 { // the end, or more is needed
			break
		}
		chunks.Advance(data)
		rest, total = rest[skip+data:], total+int64(data)
	}
	return chunks.Remaining() <= drainLimit-total
}

// drainBody throws away what the handler left of the body, so that the next request can be read; if it is too much, comes
// too slowly, or is broken, the connection is closed. Where that was not to be seen when the answer was made, it has not been
// said there: nobody waits with an answer for a body that its handler does not want, and a connection may be closed at any
// time (RFC 9112 section 9.5).
func (h *h1) drainBody() {
	h.req.limits = h.core.limits
	defer func() { h.req.trailers = h.req.trailers[:0] }() // they are nobody's
	for total := 0; total <= drainLimit; {
		n, err := h.skipBody()
		total += n
		if h.bodyEnd {
			return
		}
		if err != nil {
			break
		}
	}
	h.keep = false
}

// skipBody passes over what is there of the body, or reads more of it, without a buffer that would be held while it waits.
func (h *h1) skipBody() (n int, err error) {
	n, err = h.bodyHere(func([]byte) {})
	if n == 0 && err == nil {
		err = h.readMore()
	}
	return n, err
}

// bodyHere gives take what is there of the body, without its framing. io.EOF: a chunked one has ended.
func (h *h1) bodyHere(take func(p []byte)) (n int, err error) {
	if h.req.head.Chunked {
		n, err = h.unchunk()
	} else {
		n = int(min(h.left, int64(h.end-h.pos)))
	}
	take(h.in[h.pos : h.pos+n])
	if h.req.head.Chunked {
		h.chunks.Advance(n)
	} else {
		h.left -= int64(n)
		h.bodyEnd = h.left == 0
	}
	h.pos += n
	return n, err
}
