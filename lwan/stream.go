package lwan

import (
	"fmt"
	"io"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"unsafe"

	"github.com/golwan/golwan/lwan/internal/http1"
)

// SendHead sends the head with status st; the body that follows is a stream: chunked, or until the connection closes for
// an HTTP/1.0 client, or of the Content-Length that the handler has set. A second call does nothing and returns
// ErrHeadSent.
func (r *Response) SendHead(st Status) error {
	r.mustLive()
	if r.streamed {
		return ErrHeadSent
	}
	if err := r.sendHead(st); err != nil {
		return err
	}
	return r.Flush()
}

// Flush sends the head (200 unless SendHead chose another) and what is held back of the body. It parks while the client
// is slow, and returns what went wrong since the last call.
func (r *Response) Flush() error {
	r.mustLive()
	if r.sticky != nil {
		return r.sticky
	}
	if !r.streamed {
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
	return r.stick(r.wait(r.req.car.flush))
}

func (r *Response) flushFilter() error {
	if f, ok := r.filter.(interface{ Flush() error }); ok {
		return f.Flush()
	}
	return nil
}

// sendHead begins the stream: from here on nothing of the head can change.
func (r *Response) sendHead(st Status) error {
	if r.bad != nil {
		return r.stick(r.bad)
	}
	given := r.intended
	r.intended = st
	r.prepareHead(st)
	r.intended = given
	switch {
	case r.streamed: // BeforeHead flushed, or a filter made more than is held back
		return r.sticky
	case r.bad != nil:
		return r.stick(r.bad)
	case r.sticky != nil:
		return r.sticky
	}
	if st == StatusResetContent {
		r.length = 0 // whatever is written: passOn drops it
	}
	r.streamed = true
	r.status = st
	err := r.wait(func() error { return r.req.car.startStream(r, st) })
	r.req.headOut = true
	r.req.resetDeadline()
	r.req.endsWithHead()
	return r.stick(err)
}

// prepareHead runs what BeforeHead was given, and puts filters before the body. Both are a user's functions: one that
// flushes sends the head in the middle of this, and one that panics is not called again.
func (r *Response) prepareHead(st Status) {
	for last := len(r.before) - 1; last >= 0; last = len(r.before) - 1 {
		fn := r.before[last]
		r.before[last] = nil
		r.before = r.before[:last]
		fn(st)
	}
	if len(r.filters) == 0 || r.streamed {
		return
	}
	r.unsetText()
	plain := r.body
	r.body = nil
	r.length = -1 // what the filter makes of it is not known
	var w io.Writer = bodyAppender{r}
	filters := r.filters
	r.filters = nil
	for _, wrap := range slices.Backward(filters) {
		f := wrap(w)
		r.filter = joinFilters(f, r.filter)
		w = f
	}
	if len(plain) > 0 {
		if _, err := r.filter.Write(plain); err != nil {
			r.stick(err)
		}
	}
}

// bodyAppender is where the last filter writes to.
type bodyAppender struct{ r *Response }

// Write holds everything back while the head is being prepared: a stream that began here would send the head twice.
func (a bodyAppender) Write(p []byte) (int, error) {
	if !a.r.streamed {
		hold(a.r, p)
		return len(p), nil
	}
	return a.r.append(p)
}

// filterChain writes to the first filter, which writes to the second, and flushes and closes both in that order.
type filterChain struct{ first, second io.WriteCloser }

func joinFilters(first, second io.WriteCloser) io.WriteCloser {
	if second == nil {
		return first
	}
	return filterChain{first, second}
}

func (c filterChain) Write(p []byte) (int, error) { return c.first.Write(p) }

func (c filterChain) Flush() error {
	for _, f := range []io.WriteCloser{c.first, c.second} {
		if f, ok := f.(interface{ Flush() error }); ok {
			if err := f.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c filterChain) Close() error {
	if err := c.first.Close(); err != nil {
		return err
	}
	return c.second.Close()
}

// closeFilter lets the filters write their last bytes.
func (r *Response) closeFilter() {
	if f := r.filter; f != nil {
		r.filter = nil
		if err := f.Close(); err != nil {
			r.stick(err)
		}
	}
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
	if cap(b) >= maxKept { // what was held back before the stream began: from now on the pieces are small
		r.body = nil
		r.req.table.core.large.give(b)
	}
	return err
}

func (r *Response) passOn(p []byte) (int, error) {
	if r.status == StatusResetContent { // never has content (RFC 9110 section 15.3.6)
		return len(p), nil
	}
	if r.length >= 0 && r.sent+int64(len(p)) > r.length {
		return 0, r.stick(fmt.Errorf("lwan: %s: body longer than its Content-Length %d", r.req.Pattern(), r.length))
	}
	if err := r.wait(func() error { return r.req.car.stream(p) }); err != nil {
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
	return r.req.endWait(op())
}

// SendFile sends n bytes of f from offset off on, after what is held back, without copying them through user space where
// the connection allows it. Before the head is out it sends one with Content-Length, when the handler has set none and
// nothing else was written. f must stay open until it returns. A file that is too short is an error, and the answer is cut.
func (r *Response) SendFile(f *os.File, off, n int64) error {
	r.mustLive()
	direct, err := r.prepareFile(n)
	switch {
	case err != nil:
		return err
	case !direct:
		return r.copyFile(f, off, n)
	}
	if err := r.wait(func() error { return r.req.car.streamFile(f, off, n) }); err != nil {
		return r.stick(err)
	}
	r.sent += n
	return nil
}

// prepareFile sends what has to go before n bytes of a file, the head too. It reports false if they have to pass a filter.
func (r *Response) prepareFile(n int64) (direct bool, err error) {
	if r.sticky != nil {
		return false, r.sticky
	}
	if r.filter != nil || (!r.streamed && len(r.filters) > 0) {
		return false, nil
	}
	if !r.streamed {
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
	if r.length >= 0 && r.sent+n > r.length {
		return false, r.stick(fmt.Errorf("lwan: %s: file longer than the Content-Length %d", r.req.Pattern(), r.length))
	}
	return true, nil
}

func (r *Response) copyFile(f *os.File, off, n int64) error {
	_, err := io.Copy(r, io.NewSectionReader(f, off, n))
	return err
}

// SetTrailer sets a field that is sent after the body of a stream, to clients that speak chunked. Names of framing,
// routing and content fields are refused as invalid fields are (RFC 9110 section 6.5.1).
func (r *Response) SetTrailer(name, value string) {
	r.mustLive()
	if !http1.ValidName(name) || !http1.ValidValue(value) || forbiddenTrailer(name) {
		r.stick(&fieldError{name, "cannot be a trailer"})
		return
	}
	for i := range r.trailers {
		if strings.EqualFold(r.trailers[i].name, name) {
			r.trailers[i].value = value
			return
		}
	}
	r.trailers = append(r.trailers, field{name, value})
}

func forbiddenTrailer(name string) bool {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Transfer-Encoding", "Content-Length", "Host", "Trailer", "Te", "Connection", "Content-Type", "Content-Encoding",
		"Content-Range", "Set-Cookie", "Authorization", "Cache-Control", "Expect", "Range", "Www-Authenticate":
		return true
	}
	return false
}

// EarlyHints sends a 103 response with a Link field for each of links, as `</style.css>; rel=preload; as=style`
// (RFC 8297). Clients of HTTP/1.0 get none. It may be called more than once, before the head is out.
func (r *Response) EarlyHints(links ...string) error {
	r.mustLive()
	if r.streamed {
		return ErrHeadSent
	}
	fields := make([]field, len(links))
	for i, l := range links {
		if !http1.ValidValue(l) {
			return &fieldError{"Link", "has an invalid value"}
		}
		fields[i] = field{"Link", l}
	}
	return r.wait(func() error { return r.req.car.interim(Status(103), fields) })
}
