package lwan

import (
	"errors"
	"io"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/remains"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// body is how far a request's content has been read.
type body struct {
	length   int64 // as declared; 0: there is none; -1: chunked
	read     int64
	err      error  // io.EOF at the end; sticky
	whole    []byte // what BodyBytes has read; its array is used again
	small    []byte // whole's array before it grew too large to be kept
	full     bool   // whole is the content
	again    []byte // what PeekForm has read, to be read again
	begun    bool
	unshared bool // whole is not lent to others later
}

func (b *body) begin(h *message.Head) {
	whole := b.whole[:0]
	*b = body{} // cleared where it is
	b.whole, b.length = whole, max(h.ContentLength, 0)
	if h.Chunked {
		b.length = -1
	}
}

// unread is the length of what can be read; -1: nobody knows.
func (b *body) unread() int64 {
	switch {
	case b.full:
		return int64(len(b.whole))
	case b.err == io.EOF && len(b.again) == 0:
		return 0
	case b.length < 0:
		return -1
	}
	return b.length - b.read + int64(len(b.again))
}

// end gives back what a worker does not keep.
func (b *body) end(large *collectors) {
	if b.unshared {
		b.whole, b.small = nil, nil
		return
	}
	remains.Of(b.whole[:cap(b.whole)])
	if cap(b.whole) > maxKept {
		remains.Of(b.small[:cap(b.small)])
		large.give(b.whole)
		b.whole, b.small = b.small, nil
	}
}

// errSlowBody is a body that did not come in time.
var errSlowBody = &Error{Status: StatusRequestTimeout, Message: "the body did not arrive in time"}

// Body reads the content from the connection as the handler asks for it, and parks while there is
// none: a handler that does not read makes the client wait, and no memory fills up. Beyond
// Limits.Body reading fails with ErrTooLarge. What the handler leaves unread is thrown away after
// the answer, or the connection closed if that is too much. Once the handler has returned the
// reader fails with ErrOver, and on a goroutine that does not run the handler with ErrForeign.
func (r *Request) Body() io.Reader {
	r.mustLive()
	if r.reader == nil {
		r.reader = &bodyReader{r, r.serial}
	}
	return r.reader
}

// bodyReader reads the content of one request, whatever its Request is used for later.
type bodyReader struct {
	req    *Request
	serial uint64
}

func (br *bodyReader) Read(p []byte) (int, error) {
	if err := br.req.enter(); err != nil {
		return 0, err
	}
	defer br.req.term.leave()
	if br.serial != br.req.serial {
		return 0, ErrOver
	}
	return br.req.read(p)
}

// Methods that wait call enter before they look at the request, and term.leave behind it if enter
// returned nil.
func (r *Request) enter() error {
	if r.home != nil && !r.home.here() {
		return ErrForeign
	}
	if !r.term.enter() {
		return ErrOver
	}
	return nil
}

// BodyLimit is how many bytes of content the handler may read: Limits.Body of its route. For those
// who have to know that a content is too large before they begin with it.
func (r *Request) BodyLimit() int64 { r.mustLive(); return r.limits.Body }

// read is Body's Read.
func (r *Request) read(p []byte) (int, error) {
	b := &r.body
	switch {
	case b.full: // BodyBytes was here first: read from what it has
		n := copy(p, b.whole[b.read:])
		b.read += int64(n)
		if n == 0 && len(p) > 0 {
			return 0, io.EOF
		}
		return n, nil
	case len(b.again) > 0:
		n := copy(p, b.again)
		b.again, b.begun = b.again[n:], true
		return n, nil
	case b.err != nil:
		return 0, b.err
	case b.length == 0:
		b.err = io.EOF
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	return r.readBody(p)
}

// readBody reads more of the content, up to the limit.
func (r *Request) readBody(p []byte) (int, error) {
	p, err := r.beginRead(p)
	if err != nil {
		return 0, err
	}
	if err := r.begun(); err != nil {
		return 0, err
	}
	n, err := r.endRead(r.fetch(p))
	r.body.err = r.endWait(err)
	return n, err
}

// beginRead finds out how much may be read into p: one byte more than allowed shows that a body is
// too large.
func (r *Request) beginRead(p []byte) ([]byte, error) {
	b := &r.body
	b.begun = true
	limit := r.limits.Body
	if b.length > limit {
		b.err = ErrTooLarge
		return nil, b.err
	}
	if left := limit - b.read; int64(len(p))-1 > left {
		p = p[:left+1]
	}
	return p, nil
}

// fetch reads content: first what was read for a Blocking handler that has left it.
func (r *Request) fetch(p []byte) (n int, err error) {
	if x := r.home; x != nil && len(x.ahead) > 0 {
		n = copy(p, x.ahead)
		x.ahead = x.ahead[n:]
		return n, nil
	}
	err = r.outside(func() (err error) {
		n, err = r.by.Read(r.on, p)
		return err
	})
	return n, err
}

// endRead counts what was read, and remembers how that ended.
func (r *Request) endRead(n int, err error) (int, error) {
	b := &r.body
	b.read += int64(n)
	if bad, ok := err.(*transport.BodyError); ok {
		err = &Error{Status: Status(bad.Status), Message: bad.Reason, Err: errBadBody}
	}
	if err == io.EOF {
		r.trailers = append(r.trailers[:0], r.by.Trailer()...)
	}
	if b.read > r.limits.Body {
		n, err = n-1, ErrTooLarge
	}
	if errors.Is(err, ErrTimeout) && r.lost.Load() == nil {
		err = errSlowBody
	}
	b.err = err
	return n, err
}

// BodyBytes reads the whole content, up to Limits.Body; then ErrTooLarge. The result is valid until
// the handler returns.
func (r *Request) BodyBytes() ([]byte, error) {
	r.mustLive()
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.term.leave()
	b := &r.body
	if b.full {
		return b.whole, nil
	}
	if b.begun {
		return nil, errBodyBegun
	}
	if b.length > r.limits.Body {
		b.err = ErrTooLarge
		return nil, b.err
	}
	for {
		r.growWhole()
		n, err := r.read(b.whole[len(b.whole):cap(b.whole)])
		b.whole = b.whole[:len(b.whole)+n]
		if err == nil && int64(len(b.whole)) == b.length {
			b.err = io.EOF
			err = io.EOF
		}
		if err == io.EOF {
			b.full, b.read = true, 0
			return b.whole, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// How much of an announced content is believed: firstBite before any of it is there, and then so
// many times what is there already. A client that announces a lot and sends little must not be
// given memory for it; a content of 1 MB must not be moved many times either, so more is believed
// once some KiB are there.
const (
	firstBite  = 512
	believed   = 16
	doubted    = 4
	believable = 2 << 10
)

// credit is room for a content of which have bytes are there, and length were announced.
func credit(have, length int64) int64 {
	times := int64(believed)
	if have < believable {
		times = doubted
	}
	return min(max(times*have, firstBite), length)
}

// growWhole makes room for more of the content. A worker that has had an upload keeps the first
// maxKept bytes of room, so that the next one is moved once, into a buffer that is lent.
func (r *Request) growWhole() {
	b := &r.body
	have := int64(len(b.whole))
	if have < int64(cap(b.whole)) {
		return
	}
	room := max(2*have, firstBite)
	if b.length > have {
		room = credit(have, b.length)
	}
	if have < maxKept && !b.unshared { // what is kept comes before what is lent
		if room = min(room, maxKept); room > maxKept/2 {
			room = maxKept // so that the next upload finds it
		}
	}
	switch large := &r.table.core.large; {
	case room <= maxKept || b.unshared:
		grown := make([]byte, have, room)
		copy(grown, b.whole)
		b.whole = grown
	case have <= maxKept:
		b.whole, b.small = append(large.take(int(room)), b.whole...), b.whole
	default:
		b.whole = large.grow(b.whole, int(room))
	}
}

var errBodyBegun = errors.New("lwan: the body has been read in part by Body")
