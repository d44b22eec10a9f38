package lwan

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// httpBody is the request's body as an http.Handler sees it: from any goroutine, one read at a
// time. It knows when the handler has returned, and touches the Request no more then. A read that
// waits meanwhile is ended by the carrier.
type httpBody struct {
	// constant once the request is made
	by      transport.Stream
	on      transport.Task
	trailer http.Header // filled at the end of the body

	reading sync.Mutex // held while one reads

	mu     sync.Mutex // guards the fields below, and Request.body; never held while something waits
	req    *Request   // nil: the handler has returned
	closed bool
	begun  bool
}

// Read reads the content; at its end the trailers are there.
func (b *httpBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	p, n, err := b.begin(p)
	if len(p) == 0 {
		return n, err
	}
	return b.took(b.by.Read(b.on, p))
}

// begin finds out how much is to be read into p; nothing if n and err are the result already.
func (b *httpBody) begin(p []byte) (room []byte, n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.req == nil || b.closed {
		return nil, 0, http.ErrBodyReadAfterClose
	}
	b.begun = true
	switch body := &b.req.body; {
	// BodyBytes or PeekForm was here first: what it has needs no waiting
	case body.full, body.length == 0, len(body.again) > 0:
		n, err = b.req.Body().Read(p)
		return nil, n, err
	case body.err != nil:
		return nil, 0, b.errorOf(body.err)
	case len(p) == 0:
		return nil, 0, nil
	}
	room, err = b.req.beginRead(p)
	return room, 0, b.errorOf(err)
}

// took is the end of a read.
func (b *httpBody) took(n int, err error) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.req == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err = b.req.endRead(n, err)
	if err == io.EOF && b.trailer != nil {
		for _, f := range b.req.trailers {
			b.trailer.Add(f.Name, f.Value)
		}
	}
	return n, b.errorOf(err)
}

// errorOf makes errors look as net/http's do.
func (b *httpBody) errorOf(err error) error {
	switch {
	case err == errSlowBody && !b.req.readBy.IsZero():
		return os.ErrDeadlineExceeded // it was the handler's own
	case errors.Is(err, ErrTooLarge):
		return &http.MaxBytesError{Limit: b.req.limits.Body}
	}
	return err
}

// Close makes further reads fail; what is left is thrown away after the answer.
func (b *httpBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// end is the handler's. It does not wait for a goroutine that still reads.
func (b *httpBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.req = nil
}

// hasBegun reports whether somebody has read of it.
func (b *httpBody) hasBegun() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.begun
}
