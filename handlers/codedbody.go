package handlers

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/buffer"
)

// codedBody is the filter of one answer. What the compressor gives is kept until it has returned,
// because it may run on another goroutine than the handler, to which the response belongs.
type codedBody struct {
	req    *lwan.Request
	to     io.Writer
	z      compressor     // writes to out
	out    *buffer.Buffer // borrowed until Close
	coding *coding        // where z goes back to
	inline bool           // events, or an error, maybe of a dead request: nothing waits
}

// Write implements io.Writer.
func (b *codedBody) Write(p []byte) (n int, err error) {
	if len(p) < b.coding.aside || b.inline || b.req.Context().Err() != nil {
		n, err = b.z.Write(p)
	} else {
		n, err = b.writeAside(p)
	}
	if err != nil {
		return n, err
	}
	return n, b.pass()
}

// writeAside compresses on a goroutine, if there is one.
func (b *codedBody) writeAside(p []byte) (n int, err error) {
	b.out.B = slices.Grow(b.out.B, len(p)/4) // what text becomes at most, as a rule
	err = b.req.Await(func(context.Context) error {
		_, err := b.z.Write(p)
		return err
	})
	switch {
	case errors.Is(err, lwan.ErrBusy): // then it was not run
		return b.z.Write(p)
	case err != nil:
		return 0, err
	}
	return len(p), nil
}

// pass hands on what was compressed.
func (b *codedBody) pass() error {
	if b.out.Len() == 0 {
		return nil
	}
	_, err := b.to.Write(b.out.B)
	b.out.Reset()
	return err
}

// Flush is called by Response.Flush: all that was written can be decompressed then.
func (b *codedBody) Flush() error {
	if err := b.z.Flush(); err != nil {
		return err
	}
	return b.pass()
}

// Close implements io.Closer. A body that was cut is not closed, and the garbage collector frees
// its compressor and buffer.
func (b *codedBody) Close() error {
	if err := b.z.Close(); err != nil {
		return err
	}
	err := b.pass()
	b.coding.give(b.z)
	buffer.Put(b.out)
	b.z, b.out = nil, nil
	return err
}

// parseLength reads a Content-Length that the response has accepted; one that is too large for an
// int is large enough.
func parseLength(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 1<<31 - 1
	}
	return n
}
