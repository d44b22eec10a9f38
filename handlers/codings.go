package handlers

import (
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// coding is a content coding that Compress has (RFC 9110 section 8.4.1).
type coding struct {
	name string

	// make makes a compressor. All of them run on the goroutine that writes, and hold about a
	// megabyte: 0.8 MB gzip and deflate, 1.2 MB zstd, 1.5 MB br.
	make func(w io.Writer) (compressor, error)

	// aside is the size of a piece from which a goroutine compresses it. Going there and back costs
	// some 30 us; a piece of this size would hold the loop for 0.1 to 0.5 ms, and one of 1 MiB for
	// 2 (zstd), 4 (gzip) or 35 (br; BenchmarkCompress).
	aside int

	idle sync.Pool // of compressor
}

// compressor is what the packages of codings have in common.
type compressor interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

const (
	// gzipLevel is as fast as level 1 on JSON of 1 MiB (4 ms), with a smaller result and two thirds
	// of the memory; level 6 takes three times as long for another 2 %.
	gzipLevel = 2

	// zstdWindow is far below the 8 MiB that every client must be able to hold (RFC 9659 section
	// 3): half of it makes JSON of 1 MiB larger by a quarter, and saves a fifth of the memory.
	zstdWindow = 512 << 10

	// brQuality: 4 needs twice the memory and time for another 10 %, 2 gives twice the bytes.
	brQuality, brWindowBits = 3, 18
)

// newCoding makes the one of that name; nil: there is none.
func newCoding(name string) *coding {
	c := &coding{name: name, aside: 64 << 10}
	switch name {
	case "gzip":
		c.make = func(w io.Writer) (compressor, error) { return gzip.NewWriterLevel(w, gzipLevel) }
	case "deflate": // which is the format of zlib (RFC 9110 section 8.4.1.2)
		c.make = func(w io.Writer) (compressor, error) { return zlib.NewWriterLevel(w, gzipLevel) }
	case "zstd":
		c.make = newZstd
	case "br":
		c.aside = 16 << 10
		c.make = func(w io.Writer) (compressor, error) {
			o := brotli.WriterOptions{Quality: brQuality, LGWin: brWindowBits}
			return brotli.NewWriterOptions(w, o), nil
		}
	default:
		return nil
	}
	return c
}

// newZstd makes a compressor without goroutines, which would not end with an answer that is cut. An
// empty body is a frame, too.
func newZstd(w io.Writer) (compressor, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(zstdWindow),
		zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
}

// take gives a compressor that writes to w.
func (c *coding) take(w io.Writer) (compressor, error) {
	if z, ok := c.idle.Get().(compressor); ok {
		z.Reset(w)
		return z, nil
	}
	z, err := c.make(w)
	if err != nil {
		return nil, fmt.Errorf("handlers: %s: %w", c.name, err)
	}
	return z, nil
}

// give takes one back, which holds on to nothing of the answer.
func (c *coding) give(z compressor) {
	z.Reset(io.Discard)
	c.idle.Put(z)
}
