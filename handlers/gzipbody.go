package handlers

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"sync"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/buffer"
)

// gzipBody is the filter of one answer. What the compressor gives is kept until it has returned,
// because it may run on another goroutine than the handler, to which the response belongs.
type gzipBody struct {
	req    *lwan.Request
	to     io.Writer
	gzip   *gzip.Writer   // writes to out
	out    *buffer.Buffer // borrowed until Close
	home   *sync.Pool     // where gzip goes back to
	inline bool           // an error, maybe of a request that is dead: nothing waits
}

// awaitFrom is the size of a piece from which a goroutine compresses it. Going there and back costs
// some 30 us, in which 10 KiB are compressed; a piece of this size would hold the loop for 0.2 ms,
// and one of 1 MiB for 3 (BenchmarkCompress).
const awaitFrom = 64 << 10

// Write implements io.Writer.
func (b *gzipBody) Write(p []byte) (n int, err error) {
	if len(p) < awaitFrom || b.inline || b.req.Context().Err() != nil {
		n, err = b.gzip.Write(p)
	} else {
		n, err = b.writeAside(p)
	}
	if err != nil {
		return n, err
	}
	return n, b.pass()
}

// writeAside compresses on a goroutine, if there is one.
func (b *gzipBody) writeAside(p []byte) (n int, err error) {
	b.out.B = slices.Grow(b.out.B, len(p)/4) // what text becomes at most, as a rule
	err = b.req.Await(func(context.Context) error {
		_, err := b.gzip.Write(p)
		return err
	})
	switch {
	case errors.Is(err, lwan.ErrBusy): // then it was not run
		return b.gzip.Write(p)
	case err != nil:
		return 0, err
	}
	return len(p), nil
}

// pass hands on what was compressed.
func (b *gzipBody) pass() error {
	if b.out.Len() == 0 {
		return nil
	}
	_, err := b.to.Write(b.out.B)
	b.out.Reset()
	return err
}

// Flush is called by Response.Flush: all that was written can be decompressed then.
func (b *gzipBody) Flush() error {
	if err := b.gzip.Flush(); err != nil {
		return err
	}
	return b.pass()
}

// Close implements io.Closer. A body that was cut is not closed, and the garbage collector frees
// its compressor and buffer.
func (b *gzipBody) Close() error {
	if err := b.gzip.Close(); err != nil {
		return err
	}
	err := b.pass()
	b.home.Put(b.gzip)
	buffer.Put(b.out)
	b.gzip, b.out = nil, nil
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
