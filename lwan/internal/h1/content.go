//go:build linux && !golwan_nethttp

package h1

import (
	"io"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Read implements transport.Stream.
func (h *server) Read(on transport.Task, p []byte) (int, error) {
	t := taskOf(on)
	switch {
	case t == h.t:
		h.readAgain()
	case t != nil && h.unread:
		return 0, transport.ErrOver
	case t != nil:
		h.reader = t
		defer func() { h.reader = nil }()
	}
	switch h.content {
	case broken:
		return 0, transport.ErrBadBody
	case read:
		return 0, io.EOF
	}
	if t == nil && h.pos == h.end {
		return 0, transport.ErrAgain
	}
	if err := h.askForContent(t); err != nil {
		return 0, err
	}
	switch {
	case len(p) == 0:
		return 0, h.awaitContent(t)
	case h.head.Chunked:
		return h.readChunked(t, p)
	}
	return h.readLength(t, p)
}

// taskOf is the loop's task behind on.
func taskOf(on transport.Task) *loop.Task {
	switch on := on.(type) {
	case *task:
		return on.Task
	case *loop.Task:
		return on
	}
	return nil
}

// Unread implements transport.Stream.
func (h *server) Unread() bool {
	if !h.unread {
		h.unread = true
		h.c.StopReading()
	}
	return h.reader == nil
}

// readAgain takes Unread back.
func (h *server) readAgain() {
	if h.unread {
		h.unread = false
		h.c.ReadAgain()
	}
}

// Trailer implements transport.Stream.
func (h *server) Trailer() []transport.Field { return h.trailer }

// askForContent tells a client that waits for it to send the content (RFC 9110 section 10.1.1), and
// writes answers to earlier requests that are held back: the client may wait for them before it
// goes on. Another task than the exchange's leaves writing to that.
func (h *server) askForContent(t *loop.Task) error {
	if h.content == awaited {
		h.content = coming
		// else it did not wait, or has its final answer
		if t == h.t && h.pos == h.end && h.phase == held {
			h.out = append(h.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
		}
	}
	if t != h.t {
		return nil
	}
	return h.Flush()
}

// awaitContent waits until there is something to read.
func (h *server) awaitContent(t *loop.Task) error {
	switch {
	case h.pos < h.end:
		return nil
	case t == nil:
		return transport.ErrAgain
	}
	pause, _ := h.x.Pauses()
	return h.errorOfRead(h.c.AwaitInput(t, pause))
}

// readLength reads content with Content-Length: first what came with the head, then straight into
// p.
func (h *server) readLength(t *loop.Task, p []byte) (n int, err error) {
	if int64(len(p)) > h.left {
		p = p[:h.left]
	}
	if h.pos < h.end {
		n = copy(p, h.in[h.pos:h.end])
		h.pos += n
	} else if n, err = h.readConn(t, func() []byte { return p }); err != nil {
		return 0, err
	}
	h.took(n)
	return n, nil
}

// took notes that n bytes of content with Content-Length were read.
func (h *server) took(n int) {
	if h.left -= int64(n); h.left == 0 {
		h.content = read
	}
}

// readConn reads from the connection; the end of the stream is an error, as more was announced.
func (h *server) readConn(t *loop.Task, buffer func() []byte) (int, error) {
	if t == nil {
		return 0, transport.ErrAgain
	}
	if t == h.t {
		// the client may wait for what is held back before it sends more
		if err := h.Flush(); err != nil {
			h.content = broken
			return 0, err
		}
	}
	pause, _ := h.x.Pauses()
	n, err := h.c.ReadInto(t, pause, buffer)
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, h.errorOfRead(err)
}

// errorOfRead translates the error of a read. Nobody knows what is to come after one.
func (h *server) errorOfRead(err error) error {
	switch err {
	case nil:
		return nil
	case conn.ErrUnread:
		// the handler does not want it: what is left is thrown away
		if err = h.t.Cause(); err == nil {
			return transport.ErrOver
		}
	}
	h.content, h.keep = broken, false
	return errorOf(err)
}

// readChunked decodes the chunked coding. Framing is read into the space behind the head; data goes
// straight into p where nothing else is read along.
func (h *server) readChunked(t *loop.Task, p []byte) (int, error) {
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
			n, err := h.readConn(t, func() []byte { return p })
			h.chunks.Advance(n)
			return n, err
		}
		if err := h.readMore(t); err != nil {
			return 0, err
		}
	}
}

// unchunk passes over framing and returns how many bytes of data follow it. 0: more has to be read;
// io.EOF: the content has ended.
func (h *server) unchunk() (data int, err error) {
	skip, data, done, bad := h.chunks.Next(h.in[h.pos:h.end])
	if bad.Status != 0 {
		h.content, h.keep = broken, false
		return 0, &transport.BodyError{Status: bad.Status, Reason: bad.Reason}
	}
	h.pos += skip
	if done {
		return 0, h.endChunked()
	}
	return data, nil
}

// endChunked takes the trailers.
func (h *server) endChunked() error {
	h.content = read
	section := h.in[h.pos-h.chunks.TrailerLen() : h.pos]
	fields, bad := http1.ParseTrailer(section, nil)
	if bad.Status != 0 {
		return &transport.BodyError{Status: bad.Status, Reason: bad.Reason}
	}
	for _, f := range fields {
		name, value := string(f.Name.Of(section)), string(f.Value.Of(section))
		h.trailer = append(h.trailer, transport.Field{Name: name, Value: value})
	}
	return io.EOF
}

// readMore reads behind what is there of the content. The head stays where it is: names and values
// are taken from it later.
func (h *server) readMore(t *loop.Task) error {
	n, err := h.readConn(t, h.room)
	h.end += n
	return err
}

// room makes room behind what is there of the content: nobody needs what stands between it and the
// head any more.
func (h *server) room() []byte {
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

// discardable looks ahead at what is there already of chunked content that the handler has left.
// One that is broken, or goes on with a chunk too large to be thrown away, ends the connection, and
// a last answer should say that it is one (RFC 9112 section 9.6).
func (h *server) discardable() bool {
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
	return chunks.Remaining() <= transport.DiscardLimit-total
}

// discardContent throws away what the handler left of the content, so that the next request can be
// read; if it is too much, comes too slowly, or is broken, the connection is closed. Where that was
// not to be seen when the answer was made, it has not been said there: nobody waits with an answer
// for content that its handler does not want, and a connection may be closed at any time (RFC 9112
// section 9.5).
func (h *server) discardContent() {
	for total := 0; total <= transport.DiscardLimit; {
		n, err := h.skip()
		total += n
		if h.content == read {
			return
		}
		if err != nil {
			break
		}
	}
	h.keep = false
}

// skip passes over what is there of the content, or reads more of it, without a buffer that would
// be held while it waits.
func (h *server) skip() (n int, err error) {
	if h.head.Chunked {
		if n, err = h.unchunk(); err == nil {
			h.chunks.Advance(n)
		}
		h.pos += n
	} else {
		n = int(min(h.left, int64(h.end-h.pos)))
		h.pos += n
		h.took(n)
	}
	if n == 0 && err == nil && h.content == coming {
		err = h.readMore(h.t)
	}
	return n, err
}
