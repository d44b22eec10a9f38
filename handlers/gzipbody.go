package handlers

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/golwan/golwan/lwan"
)

// gzipBody is the filter of one answer. What the compressor gives is kept until it has returned, because it may run on
// another goroutine than the handler, to which the response belongs.
type gzipBody struct {
	req    *lwan.Request
	to     io.Writer
	gzip   *gzip.Writer // writes to out
	out    bytes.Buffer
	home   *sync.Pool // where gzip goes back to
	inline bool       // an error, maybe of a request that is dead: nothing waits
}

// awaitFrom is the size of a piece from which a goroutine compresses it. Going there and back costs some 30 us, in which
// 10 KiB are compressed; a piece of this size would hold the loop for 0.2 ms, and one of 1 MiB for 3 (BenchmarkCompress).
const awaitFrom = 64 << 10

// Write implements io.Writer.
func (b *gzipBody) Write(p []byte) (int, error) {
	err := b.off(len(p), func() error {
		_, err := b.gzip.Write(p)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(p), b.pass()
}

// off runs fn, on a goroutine if it has much to do.
func (b *gzipBody) off(size int, fn func() error) error {
	if size < awaitFrom || b.inline || b.req.Context().Err() != nil {
		return fn()
	}
	err := b.req.Await(func(context.Context) error { return fn() })
	if errors.Is(err, lwan.ErrBusy) { // then fn was not run
		return fn()
	}
	return err
}

// pass hands on what was compressed.
func (b *gzipBody) pass() error {
	if b.out.Len() == 0 {
		return nil
	}
	_, err := b.to.Write(b.out.Bytes())
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

// Close implements io.Closer. A body that was cut is not closed, and its compressor is left to the collector.
func (b *gzipBody) Close() error {
	if err := b.gzip.Close(); err != nil {
		return err
	}
	b.home.Put(b.gzip)
	return b.pass()
}

// parseLength reads a Content-Length that the response has accepted; one that is too large for an int is large enough.
func parseLength(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 1<<31 - 1
	}
	return n
}
