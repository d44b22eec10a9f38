package lwan

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"unsafe"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/nethttp"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// SendHead sends the head with status st; the body that follows is a stream: chunked, or until the
// connection closes for an HTTP/1.0 client, or of the Content-Length that the handler has set. A
// second call does nothing and returns ErrHeadSent. A status that is not final is an error, and
// nothing is sent: EarlyHints and Upgrade send those that can be.
func (r *Response) SendHead(st Status) error {
	r.mustLive()
	if err := r.enter(); err != nil {
		return err
	}
	defer r.term.leave()
	if err := r.begins(); err != nil {
		return err
	}
	if !st.sendable() {
		return fmt.Errorf("lwan: %s: SendHead(%d): no final status", r.req.where(), int(st))
	}
	if err := r.sendHead(st); err != nil {
		return err
	}
	return r.Flush()
}

// enter is called before anything that waits looks at the response. Who gets nil calls term.leave
// behind it.
func (r *Response) enter() error {
	if r.home != nil && !r.home.here() {
		return ErrForeign
	}
	if !r.term.enter() {
		return ErrOver
	}
	return nil
}

// Flush sends the head (200 unless SendHead chose another) and what is held back of the body. It
// parks while the client is slow, and returns what went wrong since the last call.
func (r *Response) Flush() error {
	r.mustLive()
	if err := r.enter(); err != nil {
		return err
	}
	defer r.term.leave()
	switch {
	case r.sticky != nil:
		return r.sticky
	case r.inFilter:
		return r.stick(errWithinFilter)
	case r.state == answerHeading:
		return nil // the head follows, and the body behind it
	case r.state == answerHeld:
		if err := r.sendHead(r.impliedStatus()); err != nil {
			return err
		}
	}
	if err := r.flushFilter(); err != nil {
		return r.stick(err)
	}
	if err := r.drain(); err != nil {
		return err
	}
	return r.stick(r.wait(r.req.by.Flush))
}

// sendHead begins the stream: from here on nothing of the head can change.
func (r *Response) sendHead(st Status) error {
	if r.forced != 0 && st < 300 {
		st = r.forced
	}
	if r.bad != nil {
		return r.stick(r.bad)
	}
	if err := r.prepareHead(st); err != nil {
		return r.stick(err)
	}
	switch st {
	case StatusResetContent:
		r.length = 0 // whatever is written: passOn drops it
	case StatusNoContent:
		r.length = -1 // must not be said (RFC 9110 section 8.6)
	}
	r.state, r.status = answerStreaming, st
	err := r.startStream(st)
	r.req.resetDeadline()
	r.req.endsWithHead()
	return r.stick(err)
}

// startStream sends the head of a stream.
func (r *Response) startStream(st Status) error {
	if via := r.req.via; r.events != nil && via != nil && !nethttp.CanFlush(via.w) {
		r.state, r.status = answerHeld, 0 // so that the error can be answered
		return errNoFlusher
	}
	return r.wait(func() error { return r.req.by.Head(r.describe(st, r.streamLength(st))) })
}

// streamLength is what is said of the content's length in the head of a stream.
func (r *Response) streamLength(st Status) int64 {
	switch {
	case r.trailing(st): // they need the chunked coding
		return transport.Unknown
	case r.length < 0 && st.bodyless():
		return transport.Unsaid
	}
	return r.length
}

// describe is the head of the answer, for the Stream. n is the length of its content.
func (r *Response) describe(st Status, n int64) *transport.Answer {
	if r.each == nil {
		r.each = r.eachField
	}
	a := &r.answer // field by field: what is made elsewhere and copied costs more than all the rest
	a.Status, a.Fields, a.Length, a.Whole = int(st), r.each, n, false
	a.Close, a.Alone = r.hangup || r.undone, !r.hangup
	a.Content = r.req.method != "HEAD" && !st.bodyless()
	return a
}

// sendWhole sends an answer that is held back: head, content and trailers.
func (r *Response) sendWhole(st Status) error {
	body := r.body
	if r.text != "" {
		body = unsafe.Slice(unsafe.StringData(r.text), len(r.text)) // only read
	}
	if p := r.pace; p != nil && int64(len(body)) > max(p.after, p.piece) {
		return r.sendPaced(st, body)
	}
	by, a := r.req.by, r.describe(st, r.wholeLength(st, len(body)))
	a.Whole = true
	if err := by.Head(a); err != nil {
		return err
	}
	if err := by.Write(body); err != nil {
		return err
	}
	return by.Close(r.trailers)
}

// wholeLength is what is said of the length of a whole answer's content, which has n bytes.
func (r *Response) wholeLength(st Status, n int) int64 {
	switch {
	case st.bodyless():
		return transport.Unsaid
	case r.trailing(st):
		return transport.Unknown
	case r.req.within() || r.req.method == "HEAD" && n == 0:
		if r.length < 0 { // nothing is better than a guess (RFC 9110 section 8.6)
			return transport.Unsaid
		}
		return r.length // what the handler has said: of HEAD, what GET would get
	}
	return int64(n)
}

// interim sends an informational response, before the head.
func (r *Response) interim(st Status, fields []transport.Field) error {
	fields = informational(fields)
	return r.wait(func() error {
		if r.state.headOut() {
			return ErrHeadSent
		}
		return r.req.by.Interim(&transport.Answer{
			Status: int(st), Length: transport.Unsaid,
			Fields: func(yield func(name, value string) bool) {
				for _, f := range fields {
					if !yield(f.Name, f.Value) {
						return
					}
				}
			},
		})
	})
}

// prepareHead runs what BeforeHead was given, and puts filters before the body. The error is what
// keeps the head from being sent: then the answer is held as before, but for the hooks, which are
// not called again. Else it is heading.
func (r *Response) prepareHead(st Status) (err error) {
	earlier := r.refailed
	r.refailed = false
	r.state = answerHeading
	r.unredirect(st)
	if len(r.before) > 0 || len(r.filters) > 0 {
		r.runHooks(st)
	}
	switch {
	case r.refailed:
		err = r.failure
	case r.bad != nil:
		err = r.bad
	case r.sticky != nil:
		err = r.sticky
	}
	if err != nil {
		r.retreat()
	}
	r.refailed = r.refailed || earlier
	return err
}

// drain passes on what a stream holds back.
func (r *Response) drain() error {
	if s := r.text; s != "" {
		r.text = ""
		_, err := r.passOn(unsafe.Slice(unsafe.StringData(s), len(s))) // only read
		return err
	}
	if len(r.body) == 0 {
		return r.sticky
	}
	b := r.body
	r.body = b[:0]
	_, err := r.passOn(b)
	// what was held back before the stream began: from now on the pieces are small
	if cap(b) >= maxKept && !r.unshared {
		r.body = nil
		r.req.table.core.large.give(b)
	}
	return err
}

func (r *Response) passOn(p []byte) (int, error) {
	if r.status == StatusResetContent { // never has content (RFC 9110 section 15.3.6)
		return len(p), nil
	}
	if r.length >= 0 && r.sent+int64(len(p)) > r.length && !r.status.bodyless() {
		return 0, r.stick(fmt.Errorf("lwan: %s: body longer than its Content-Length %d",
			r.req.where(), r.length))
	}
	if err := r.wait(func() error { return r.write(p) }); err != nil {
		return 0, r.stick(err)
	}
	r.sent += int64(len(p))
	return len(p), nil
}

// stick keeps the first error: every later write returns it.
func (r *Response) stick(err error) error {
	if err != nil && r.sticky == nil {
		r.sticky = err
	}
	return err
}

// wait runs op between beginWait and endWait.
func (r *Response) wait(op func() error) error {
	if err := r.req.beginWait(); err != nil {
		return err
	}
	return r.req.endWait(r.req.outside(op))
}

// SendFile sends n bytes of f from offset off on, after what is held back, without copying them
// through user space where the connection allows it. Before the head is out it sends one with
// Content-Length, when the handler has set none and nothing else was written. f must stay open
// until it returns. A file that is too short is an error, and the answer is cut. What the system has
// not in memory is read from the disk meanwhile, for which a loop waits.
func (r *Response) SendFile(f *os.File, off, n int64) error {
	r.mustLive()
	if err := r.enter(); err != nil {
		return err
	}
	defer r.term.leave()
	direct, err := r.prepareFile(off, n)
	switch {
	case err != nil:
		return err
	case !direct:
		return r.copyFile(f, off, n)
	}
	if err := r.wait(func() error { return r.writeFile(f, off, n) }); err != nil {
		return r.stick(err)
	}
	r.sent += n
	return nil
}

// prepareFile sends what has to go before n bytes of a file, the head too. It reports false if they
// have to pass a filter.
func (r *Response) prepareFile(off, n int64) (direct bool, err error) {
	switch {
	case r.sticky != nil:
		return false, r.sticky
	case r.inFilter:
		return false, r.stick(errWithinFilter)
	case r.state == answerHeading:
		return false, ErrHeadSent
	case off < 0 || n < 0:
		return false, r.stick(fmt.Errorf("lwan: %s: SendFile of %d bytes from %d on",
			r.req.where(), n, off))
	case r.filter != nil || (r.state == answerHeld && len(r.filters) > 0):
		return false, nil
	}
	if r.state == answerHeld {
		if r.length < 0 && r.bodyLen() == 0 {
			r.length = n
		}
		r.unsetText()
		if err := r.sendHead(r.impliedStatus()); err != nil || r.filter != nil {
			return false, err
		}
	}
	if err := r.drain(); err != nil {
		return false, err
	}
	if r.length >= 0 && n > r.length-r.sent && !r.status.bodyless() {
		return false, r.stick(fmt.Errorf("lwan: %s: file longer than the Content-Length %d",
			r.req.where(), r.length))
	}
	return true, nil
}

func (r *Response) copyFile(f *os.File, off, n int64) error {
	copied, err := io.Copy(r, io.NewSectionReader(f, off, n))
	if err == nil && copied < n {
		err = r.stick(io.ErrUnexpectedEOF)
	}
	return err
}

// SetTrailer sets a field that is sent after the body, of a stream or of an answer that is sent as
// a whole (RFC 9110 section 6.5). Trailers need the chunked coding, so an answer that has some is
// sent in it, also if its length is known; and clients of HTTP/1.0, and answers without content, as
// those to HEAD, get none. Names of framing, routing and content fields are refused as invalid
// fields are (RFC 9110 section 6.5.1): the request fails with 500, and a stream is cut. So is one
// whose head has left with a Content-Length before its first trailer was set. Once the answer has
// ended it does nothing.
func (r *Response) SetTrailer(name, value string) {
	r.mustLive()
	switch {
	case r.state > answerStreaming:
		return
	case !message.ValidName(name) || !message.ValidValue(value) || !message.InTrailer(name):
		const why = "cannot be a trailer"
		if r.state == answerStreaming {
			r.stick(&fieldError{name, why})
		} else {
			r.reject(name, why)
		}
		return
	case r.state == answerStreaming && r.length >= 0 && len(r.trailers) == 0 &&
		r.takesTrailers(r.status):
		r.stick(&fieldError{name,
			"is a trailer that comes too late: the head has left with a Content-Length"})
		return
	}
	for i := range r.trailers {
		if strings.EqualFold(r.trailers[i].Name, name) {
			r.trailers[i].Value = value
			return
		}
	}
	r.trailers = append(r.trailers, transport.Field{Name: name, Value: value})
}

// takesTrailers reports whether an answer of status st can have trailers.
func (r *Response) takesTrailers(st Status) bool {
	return r.req.head.Minor == 1 && r.req.method != "HEAD" && !st.bodyless() &&
		st != StatusResetContent
}

// trailing reports whether an answer of status st has trailers when its head leaves.
func (r *Response) trailing(st Status) bool { return len(r.trailers) > 0 && r.takesTrailers(st) }

// trailerNames is the value of the field Trailer (RFC 9110 section 6.6.2).
func (r *Response) trailerNames() string {
	names := make([]string, len(r.trailers))
	for i, t := range r.trailers {
		names[i] = t.Name
	}
	return strings.Join(names, ", ")
}

// EarlyHints sends a 103 response with a Link field for each of links, as `</style.css>;
// rel=preload; as=style` (RFC 8297). Clients of HTTP/1.0 get none. It may be called more than once,
// before the head is out.
func (r *Response) EarlyHints(links ...string) error {
	r.mustLive()
	if err := r.enter(); err != nil {
		return err
	}
	defer r.term.leave()
	if r.state.headOut() {
		return ErrHeadSent
	}
	fields := make([]transport.Field, len(links))
	for i, l := range links {
		if !message.ValidValue(l) {
			return &fieldError{"Link", "has an invalid value"}
		}
		fields[i] = transport.Field{Name: "Link", Value: l}
	}
	return r.interim(Status(103), fields)
}

// Interim sends an informational response (RFC 9110 section 15.2) before the head is out: of status
// 100 to 199, but for 101, which is not for handlers to send (see Upgrade). Clients of HTTP/1.0 get
// none. Fields of framing, and invalid ones, are left out.
func (r *Response) Interim(st Status, h http.Header) error {
	r.mustLive()
	if st < 100 || st > 199 || st == switching {
		return fmt.Errorf("lwan: %s: Interim(%d): no informational status", r.req.where(), int(st))
	}
	if err := r.enter(); err != nil {
		return err
	}
	defer r.term.leave()
	if r.state.headOut() {
		return ErrHeadSent
	}
	return r.interim(st, fieldsOf(h))
}

var errNoFlusher = fmt.Errorf("lwan: events need a ResponseWriter that can flush: %w",
	http.ErrNotSupported)
