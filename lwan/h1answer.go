//go:build linux && !golwan_nethttp

package lwan

import (
	"io"
	"os"
	"strconv"
	"time"
	"unsafe"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/message"
)

// finish implements carrier: the head in one pass, the body behind it. Both stay in out until there is nothing left to
// read; a large body is written from where it lies. Nothing of the program's runs behind it.
func (h *h1) finish(resp *Response, st Status) {
	h.w.LeaveUser()
	if h.lost != nil { // and with it the client
		resp.stick(h.lost)
		return
	}
	body := resp.body
	if resp.text != "" {
		body = unsafe.Slice(unsafe.StringData(resp.text), len(resp.text)) // only read
	}
	h.decideKeep(resp)
	h.appendHead(resp, st)
	switch {
	case st.bodyless():
	case h.req.method == "HEAD":
		n := int64(len(body))
		if n == 0 {
			n = resp.length // what the handler has said that GET would get; nothing is better than a guess (RFC 9110 section 8.6)
		}
		if n >= 0 {
			h.appendLength(n)
		}
	case resp.trailing(st):
		h.finishTrailing(resp, body)
		return
	default:
		h.appendLength(int64(len(body)))
	}
	h.endHead()
	if st.bodyless() || h.req.method == "HEAD" {
		return
	}
	if len(body) <= inlineBody {
		h.out = append(h.out, body...)
		return
	}
	h.writeLarge(body)
}

// finishTrailing goes on after the fields of a whole answer that has trailers.
func (h *h1) finishTrailing(resp *Response, body []byte) {
	h.chunked, h.noBody = true, false
	h.appendChunked(resp)
	h.endHead()
	err := h.stream(body)
	if err == nil {
		err = h.endStream(resp)
	}
	if err != nil {
		resp.stick(err)
		h.keep, h.cutoff = false, true
	}
}

// appendChunked says that the body is chunked, and which trailers are behind it as far as they are known.
func (h *h1) appendChunked(resp *Response) {
	h.out = append(h.out, "Transfer-Encoding: chunked\r\n"...)
	if len(resp.trailers) > 0 {
		h.out = http1.AppendField(h.out, "Trailer", resp.trailerNames())
	}
}

func (h *h1) writeLarge(body []byte) {
	_, err := h.c.Writev(&h.w.Task, h.out, body, pause(h.req.limits.Write, h.req.writeBy))
	h.out = h.out[:0]
	if err != nil {
		h.resp.stick(h.losing(err))
	}
}

// decideKeep finds out whether the connection can go on after this answer.
func (h *h1) decideKeep(resp *Response) {
	switch {
	case resp.hangup, h.c.Loop().Draining(), h.broken:
		h.keep = false
	case h.bodyEnd:
	case h.go100: // the client may send the body or not: nobody knows what the next bytes are
		h.keep = false
	case h.left > drainLimit:
		h.keep = false
	case h.req.head.Chunked && !h.drainable():
		h.keep = false
	}
}

func (h *h1) appendHead(resp *Response, st Status) {
	out := http1.AppendStatusLine(h.out, int(st))
	if !resp.has("Date") {
		out = append(out, h.dateLine()...)
	}
	if resp.ctype != "" {
		out = http1.AppendField(out, "Content-Type", resp.ctype)
	}
	if len(resp.fields) > 0 || len(h.core.header) > 0 {
		resp.withDefaults(func(name, value string) { out = http1.AppendField(out, name, value) })
	}
	h.out = out
}

func (h *h1) appendLength(n int64) {
	h.out = append(h.out, "Content-Length: "...)
	h.out = strconv.AppendInt(h.out, n, 10)
	h.out = append(h.out, "\r\n"...)
}

// endHead says whether the connection goes on where that is not the default of the version, and ends the head.
func (h *h1) endHead() {
	switch {
	case !h.keep:
		h.out = append(h.out, "Connection: close\r\n\r\n"...)
	case h.req.head.Minor == 0:
		h.out = append(h.out, "Connection: keep-alive\r\n\r\n"...)
	default:
		h.out = append(h.out, "\r\n"...)
	}
}

// dateLine is the Date field, rendered once a second.
func (h *h1) dateLine() []byte {
	if now := h.c.Loop().Unix(); now != h.dateUnix {
		h.dateUnix = now
		h.date = append(h.date[:0], "Date: "...)
		h.date = message.AppendDate(h.date, now)
		h.date = append(h.date, "\r\n"...)
	}
	return h.date
}

// flush writes the answers that are held back.
func (h *h1) flush() error { return h.flushBefore(false) }

// flushBefore is flush with more to be written at once: both leave together.
func (h *h1) flushBefore(more bool) error {
	if len(h.out) == 0 {
		return nil
	}
	defer h.w.EnterUser(h.w.LeaveUser())
	if h.lost != nil {
		h.out = h.out[:0]
		return h.lost
	}
	var err error
	if more {
		_, err = h.c.WriteMore(&h.w.Task, h.out, h.writePause())
	} else {
		_, err = h.c.Write(&h.w.Task, h.out, h.writePause())
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

// losing notes that something is missing of what was to be written: whatever came behind it would be taken for that.
func (h *h1) losing(err error) error {
	h.keep, h.cutoff = false, true
	h.lost = h.errorOf(err)
	return h.lost
}

// writePause is how long one write may wait, also between requests.
func (h *h1) writePause() time.Duration {
	if h.active {
		return pause(h.req.limits.Write, h.req.writeBy)
	}
	return h.core.limits.Write
}

// startStream implements carrier. The body is chunked, or of the handler's length, or, for an HTTP/1.0 client, ends with
// the connection (RFC 9112 section 6.3).
func (h *h1) startStream(resp *Response, st Status) error {
	defer h.w.EnterUser(h.w.LeaveUser())
	h.decideKeep(resp)
	h.noBody = h.req.method == "HEAD" || st.bodyless()
	h.chunked = (resp.length < 0 || resp.trailing(st)) && h.req.head.Minor == 1 && !st.bodyless()
	if h.toEnd = resp.length < 0 && h.req.head.Minor == 0 && !h.noBody; h.toEnd {
		h.keep = false
	}
	h.appendHead(resp, st)
	switch {
	case h.chunked:
		h.appendChunked(resp)
	case resp.length >= 0:
		h.appendLength(resp.length)
	}
	h.endHead()
	return nil
}

// stream implements carrier.
func (h *h1) stream(p []byte) error { return h.streamPart(p, inlineBody) }

// streamPart is stream; what is longer than inline is written from where it is.
func (h *h1) streamPart(p []byte, inline int) error {
	defer h.w.EnterUser(h.w.LeaveUser())
	if h.noBody || len(p) == 0 {
		return nil
	}
	if h.lost != nil {
		return h.lost
	}
	if h.chunked {
		h.out = http1.AppendChunkHead(h.out, len(p))
	}
	if len(p) <= inline {
		h.out = append(h.out, p...)
	} else {
		_, err := h.c.Writev(&h.w.Task, h.out, p, pause(h.req.limits.Write, h.req.writeBy))
		h.out = h.out[:0]
		if err != nil {
			return h.losing(err)
		}
	}
	if h.chunked {
		h.out = append(h.out, "\r\n"...)
	}
	if len(h.out) >= inlineBody {
		return h.flush()
	}
	return nil
}

// streamFile implements carrier.
func (h *h1) streamFile(f *os.File, off, n int64) error {
	defer h.w.EnterUser(h.w.LeaveUser())
	if h.noBody || n == 0 {
		return nil
	}
	if err := h.flushChunkHead(n); err != nil {
		return err
	}
	limit := pause(h.req.limits.Write, h.req.writeBy)
	if _, err := h.c.Sendfile(&h.w.Task, f, off, n, limit); err != nil {
		return h.cutFile(err)
	}
	if h.chunked {
		h.out = append(h.out, "\r\n"...)
	}
	return nil
}

// flushChunkHead sends what goes before n bytes of a file; the head leaves together with the first of them.
func (h *h1) flushChunkHead(n int64) error {
	if h.chunked {
		h.out = http1.AppendChunkHead(h.out, int(n))
	}
	return h.flushBefore(true)
}

func (h *h1) cutFile(err error) error {
	lost := h.losing(err)
	if err == io.ErrUnexpectedEOF {
		return err
	}
	return lost
}

// endStream implements carrier.
func (h *h1) endStream(resp *Response) error {
	defer h.w.EnterUser(h.w.LeaveUser())
	if h.chunked && !h.noBody {
		if len(resp.trailers) == 0 {
			h.out = append(h.out, http1.LastChunk...)
		} else {
			h.out = append(h.out, "0\r\n"...)
			for _, t := range resp.trailers {
				h.out = http1.AppendField(h.out, t.name, t.value)
			}
			h.out = append(h.out, "\r\n"...)
		}
	}
	return nil
}

// cut implements carrier.
func (h *h1) cut() { h.keep, h.cutoff = false, true }

// interim implements carrier.
func (h *h1) interim(st Status, fields []field) error {
	defer h.w.EnterUser(h.w.LeaveUser())
	if h.resp.state.headOut() {
		return ErrHeadSent
	}
	if h.req.head.Minor == 0 {
		return nil
	}
	if st == 100 { // the handler was first
		h.go100 = false
	}
	h.out = http1.AppendStatusLine(h.out, int(st))
	for _, f := range informational(fields) {
		h.out = http1.AppendField(h.out, f.name, f.value)
	}
	h.out = append(h.out, "\r\n"...)
	return h.flush()
}
