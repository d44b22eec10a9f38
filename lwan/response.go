package lwan

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/remains"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Response is what goes out. It is held back until the handler has returned, or until it holds
// Limits.Buffer bytes (then it streams), so middleware may still change it. It is valid until the
// handler returns.
type Response struct {
	_ noCopy

	// constant
	home *exchange                                 // whose it is, to be used again; nil: it never is
	term *term                                     // nil: it has no end of its own
	each func(yield func(name, value string) bool) // eachField, bound once

	answer transport.Answer // what the Stream is told of it

	response
}

// response is what changes of a Response.
type response struct {
	was    epitaph
	req    *Request
	state  answerState
	status Status // on the wire; 0 before
	ctype  string
	fields []transport.Field
	length int64 // Content-Length that the handler has set; -1
	hangup bool  // the handler wants the connection closed: "Connection: close"
	undone bool  // where requests follow one another none can follow this one
	bad    *fieldError

	text    string // body that SetBody gave
	body    []byte
	sent    int64
	sticky  error                         // of a write; later writes and Flush return it
	after   func(r *Response, alive bool) // serves a subscription once the chain has returned, as the answer of r
	leaving heir                          // what the connection is left to at the end; nil: nothing
	empty   bool                          // an error without a body stays without
	paged   bool                          // Server.ErrorPage was called
	forced  Status                        // an error's, while a route is asked for its page; 0: none is
	shown   Status                        // that for which a route has made the page; 0: none has
	pace    *pacer                        // nil: as fast as the client takes it
	given   Status                        // that the handler's last finishing method was given; 0: none was called
	strayed Status                        // one before it that was given another; 0: none

	redirected Status // that Redirect was given; 0: Location is not its
	link       int    // how much of body is its page

	intended Status // that a finishing method was given: of the head, should a stream begin by itself; 0: 200
	trailers []transport.Field
	events   *Events
	socket   *WebSocket // the connection as one, or nil

	failure  error  // what Fail was told
	failed   Status // its status; 0: no failure
	refailed bool   // Fail was called since somebody has looked
	message  string // for the error page
	before   []hook
	filters  []func(io.Writer) io.WriteCloser
	filter   io.WriteCloser
	sink     *bodySink // where it writes to
	inFilter bool      // a method of it runs

	unshared bool // its arrays may be somebody else's: they are not used again
}

// fieldError is a field that must not be sent: it is answered with 500 instead (a CR or LF in a
// value would let its author write the rest of the response: RFC 9110 section 5.5).
type fieldError struct{ name, reason string }

func (e *fieldError) Error() string {
	return fmt.Sprintf("lwan: response field %q %s", e.name, e.reason)
}

func (r *Response) begin(req *Request) {
	r.req, req.resp = req, r
	r.length, r.state, r.sticky = -1, answerHeld, nil
	// of whoever has kept it
	r.ctype, r.message, r.bad, r.events = "", "", nil, nil
	r.before, r.filters = r.before[:0], r.filters[:0]
}

// end forgets the last response and keeps small buffers. Whoever has kept it finds an answer that
// has ended, until the next one begins.
func (r *Response) end() {
	was := r.remember()
	if r.unshared {
		r.response = response{was: was, req: r.req, state: answerEnded, sticky: ErrOver}
		return
	}
	remains.Of(r.body[:cap(r.body)])
	if cap(r.body) > maxKept {
		r.req.table.core.large.give(r.body)
		r.body = nil
	}
	clear(r.fields)
	req, body, fields, trailers := r.req, r.body[:0], r.fields[:0], r.trailers[:0]
	before, filters := r.before[:0], r.filters[:0]
	r.response = response{} // cleared where it is; one with fields is made elsewhere, and copied
	r.was, r.body, r.fields, r.trailers = was, body, fields, trailers
	r.before, r.filters = before, filters
	r.req, r.state, r.sticky = req, answerEnded, ErrOver
}

// maxKept is how large a buffer may have grown to be used again.
const maxKept = 64 << 10

// SetHeader sets a field, in place of all of that name. A name that is no token, or a value with
// CR, LF, NUL or another control character, is not sent: the request fails with 500 and a log line
// that names route and field. Framing is not for handlers: Transfer-Encoding and Trailer are
// refused in the same way, and so is Connection, but for "close", which closes the connection after
// the answer, and "keep-alive", which says nothing. A Content-Length is a promise: a whole answer
// of another length fails with 500, and a stream is cut; a HEAD answer without a body sends it as
// it is.
//
// Once the head has left, fields cannot change: then this, and all that sets one, does nothing.
func (r *Response) SetHeader(name, value string) {
	r.mustLive()
	r.DelHeader(name)
	r.AddHeader(name, value)
}

// AddHeader adds a field and leaves others of that name.
func (r *Response) AddHeader(name, value string) {
	r.mustLive()
	if r.state.headOut() {
		return
	}
	if !message.ValidName(name) || !message.ValidValue(value) {
		r.reject(name, "has an invalid name or value")
		return
	}
	switch {
	case len(name) == 12 && strings.EqualFold(name, "Content-Type"):
		r.ctype = value
	case len(name) == 14 && strings.EqualFold(name, "Content-Length"):
		r.setLength(value)
	case len(name) == 10 && strings.EqualFold(name, "Connection"):
		r.setConnection(name, value)
	case strings.EqualFold(name, "Transfer-Encoding"), strings.EqualFold(name, "Trailer"):
		r.reject(name, "is not for handlers to set")
	default:
		r.fields = append(r.fields, transport.Field{Name: name, Value: value})
	}
}

func (r *Response) reject(name, reason string) {
	if r.bad == nil {
		r.bad = &fieldError{name, reason}
	}
}

func (r *Response) setLength(value string) {
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		r.reject("Content-Length", "is no number")
		return
	}
	if r.length >= 0 && r.length != int64(n) {
		r.reject("Content-Length", "has two values")
		return
	}
	r.length = int64(n)
}

func (r *Response) setConnection(name, value string) {
	switch {
	case strings.EqualFold(value, "close"):
		r.hangup = true
	case strings.EqualFold(value, "keep-alive"):
	default:
		r.reject(name, "is not for handlers to set, but for \"close\"")
	}
}

// DelHeader removes all fields of that name.
func (r *Response) DelHeader(name string) {
	r.mustLive()
	switch {
	case r.state.headOut():
		return
	case strings.EqualFold(name, "Location"):
		r.redirected = 0
	case strings.EqualFold(name, "Content-Type"):
		r.ctype = ""
	case strings.EqualFold(name, "Content-Length"):
		r.length = -1
	case strings.EqualFold(name, "Connection"):
		r.hangup = false
	}
	kept := r.fields[:0]
	for _, f := range r.fields {
		if !strings.EqualFold(f.Name, name) {
			kept = append(kept, f)
		}
	}
	clear(r.fields[len(kept):])
	r.fields = kept
}

// Header is the value of the first field of that name that was set so far; "" if there is none.
// HeaderAll has the others: a list may stand in several fields (RFC 9110 section 5.3).
func (r *Response) Header(name string) string {
	r.mustLive()
	switch {
	case strings.EqualFold(name, "Content-Type"):
		return r.ctype
	case strings.EqualFold(name, "Content-Length") && r.length >= 0:
		return strconv.FormatInt(r.length, 10)
	case strings.EqualFold(name, "Connection") && r.hangup:
		return "close"
	}
	for _, f := range r.fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// HeaderAll is the values of all fields of that name that were set so far, in order; nil if there
// is none. What the server adds by itself, and Server.Header, is not among them.
func (r *Response) HeaderAll(name string) (all []string) {
	r.mustLive()
	switch {
	case strings.EqualFold(name, "Connection") && r.hangup:
		return []string{"close"}
	case strings.EqualFold(name, "Content-Type"), strings.EqualFold(name, "Content-Length"):
		if v := r.Header(name); v != "" {
			all = []string{v}
		}
		return all
	}
	for _, f := range r.fields {
		if strings.EqualFold(f.Name, name) {
			all = append(all, f.Value)
		}
	}
	return all
}

// SetContentType sets the Content-Type field; "" means none.
func (r *Response) SetContentType(ct string) {
	r.mustLive()
	switch {
	case r.state.headOut():
	case !message.ValidValue(ct):
		r.reject("Content-Type", "has an invalid value")
	default:
		r.ctype = ct
	}
}

// SetCookie adds a Set-Cookie field. A cookie with an invalid name fails the request as an invalid
// field does.
func (r *Response) SetCookie(c *http.Cookie) {
	r.mustLive()
	v := c.String()
	if v == "" {
		r.reject("Set-Cookie", "has an invalid cookie")
		return
	}
	r.AddHeader("Set-Cookie", v)
}

// Write adds p to the body. Once the answer streams it may wait for the client, and fail as Flush
// does.
func (r *Response) Write(p []byte) (int, error) {
	r.mustLive()
	if !r.term.enter() {
		return 0, ErrOver
	}
	defer r.term.leave()
	if r.sticky != nil {
		return 0, r.sticky
	}
	r.unsetText()
	if r.filter != nil || r.inFilter {
		return r.writeFilter(p)
	}
	return r.append(p)
}

// WriteString is Write for a string.
func (r *Response) WriteString(s string) (int, error) {
	r.mustLive()
	if !r.term.enter() {
		return 0, ErrOver
	}
	defer r.term.leave()
	if r.sticky != nil {
		return 0, r.sticky
	}
	r.unsetText()
	if r.filter != nil || r.inFilter {
		return r.writeFilter([]byte(s))
	}
	hold(r, s)
	return len(s), r.overflow()
}

func (r *Response) append(p []byte) (int, error) {
	if r.state == answerStreaming && len(p) >= streamPiece {
		if err := r.drain(); err != nil {
			return 0, err
		}
		return r.passOn(p)
	}
	hold(r, p)
	return len(p), r.overflow()
}

// hold appends to what is held back of the body.
func hold[T string | []byte](r *Response, p T) {
	if n := len(r.body) + len(p); n > cap(r.body) && n > heldSmall && !r.unshared {
		r.body = r.req.table.core.large.grow(r.body, max(n, 2*cap(r.body)))
	}
	r.body = append(r.body, p...)
}

// heldSmall is up to where a body grows by itself: most are smaller, and many of them may wait at
// the same time.
const heldSmall = 16 << 10

// streamPiece is how much of a stream is held back to be sent in one piece.
const streamPiece = 16 << 10

// unsetText turns what SetBody gave into body, for more to be added.
func (r *Response) unsetText() {
	if r.text != "" {
		hold(r, r.text)
		r.text = ""
	}
}

// overflow begins to stream when too much is held back.
func (r *Response) overflow() error {
	switch {
	case r.state == answerStreaming && len(r.body) >= streamPiece:
		return r.drain()
	case r.state == answerHeld && int64(len(r.body)) > r.req.limits.Buffer:
		return r.sendHead(r.impliedStatus())
	}
	return nil
}

// impliedStatus is that of a stream that begins without SendHead.
func (r *Response) impliedStatus() Status {
	if r.intended.sendable() {
		return r.intended
	}
	return StatusOK
}

// ReadFrom copies src to its end into the body, streaming as Write does: memory stays bounded by
// Limits.Buffer. It parks where src does; one that blocks, as a pipe, blocks the loop.
func (r *Response) ReadFrom(src io.Reader) (n int64, err error) {
	r.mustLive()
	if body, ok := src.(*replyBody); ok {
		return body.copyTo(r)
	}
	type onlyWriter struct{ io.Writer }
	return io.CopyBuffer(onlyWriter{r}, src, make([]byte, 32<<10))
}

// Printf adds formatted text to the body. An error sticks: Flush reports it.
func (r *Response) Printf(format string, a ...any) { r.mustLive(); fmt.Fprintf(r, format, a...) }

// SetBody makes s the whole body, without a copy: strings do not change.
func (r *Response) SetBody(s string) {
	r.mustLive()
	if !r.whole() {
		r.WriteString(s)
		return
	}
	r.replace()
	r.text = s
}

// BodyBytes is what is held back of the body. It is valid until the next write.
func (r *Response) BodyBytes() []byte {
	r.mustLive()
	r.unsetText()
	return r.body
}

// bodyLen is the number of bytes held back.
func (r *Response) bodyLen() int { return len(r.text) + len(r.body) }

// Reset drops body, fields and failure, so that something else can be answered. It does nothing,
// and reports false, once the head has been sent, or a Filter has begun with the body.
func (r *Response) Reset() bool {
	r.mustLive()
	if !r.whole() {
		return false
	}
	r.reset()
	return true
}

func (r *Response) reset() {
	was := r.response
	r.end()
	r.begin(was.req)
	r.state, r.before, r.filters, r.paged = was.state, was.before, was.filters, was.paged
	r.forced, r.pace, r.undone = was.forced, was.pace, was.undone
}

// whole reports whether the body can still be replaced.
func (r *Response) whole() bool { return !r.state.headOut() && r.filter == nil && !r.inFilter }

// Err is what Fail was told: for middleware and observers.
func (r *Response) Err() error { r.mustLive(); return r.failure }

// Status is the status on the wire; 0 before it is known.
func (r *Response) Status() Status { r.mustLive(); return r.status }

// HeadSent reports whether the head has left: from then on status and fields cannot change.
func (r *Response) HeadSent() bool { r.mustLive(); return r.state.headOut() }

// BytesSent counts the bytes of the body that were handed to the connection: none of an answer that
// has no content, as to HEAD, whatever was written.
func (r *Response) BytesSent() int64 {
	r.mustLive()
	if r.status.bodyless() || r.req != nil && r.req.method == "HEAD" {
		return 0
	}
	return r.sent
}

// BeforeHead runs fn once, just before the head goes out, streamed or not, with the status that it
// will have: the last moment to set cookies and fields, and for Fail, which replaces the answer.
// Functions run where the handler does, in reverse order, as middleware returns. In one of them
// Flush does nothing, since the head follows, and what would send another one gets ErrHeadSent.
func (r *Response) BeforeHead(fn func(st Status)) {
	r.mustLive()
	r.before = append(r.before, hook{r, fn})
}

// Filter passes the body through what wrap makes: compression. It is to be called in BeforeHead.
// The writer is closed at the end of the body; one with a Flush() error method is flushed by Flush.
// With several of them the body goes through the first one first: as BeforeHead runs, those of
// inner middleware come before those of outer. A filter writes to w, and never to the response
// itself, which fails the request.
func (r *Response) Filter(wrap func(w io.Writer) io.WriteCloser) {
	r.mustLive()
	r.filters = append(r.filters, wrap)
}
