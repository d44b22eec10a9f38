package files

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	kgzip "github.com/klauspost/compress/gzip"
	kzstd "github.com/klauspost/compress/zstd"

	"github.com/golwan/golwan/cache"
	"github.com/golwan/golwan/lwan/buffer"
)

// Compressed forms are kept in a cache of their own, by content: a file that is looked at again and
// has not changed need not be compressed again, and neither does a copy of it.

type packKey struct {
	coding coding
	text   string
}

const (
	minPack   = 256 // below this the fields that come with a coding eat up what it saves
	gzipLevel = 9
	brLevel   = 9 // 10 and 11 take ten times as long for some percent
)

func newPacks(memory int64) *cache.Cache[packKey, *representation] {
	return cache.New(cache.Config[packKey, *representation]{
		MaxBytes: memory,
		Size: func(k packKey, r *representation) int64 {
			return int64(entryCost + len(k.text) + len(r.text))
		},
		Create: func(_ context.Context, k packKey) (*representation, error) { return compress(k) },
	})
}

// compress makes a representation, which may turn out to be larger than the plain one.
func compress(k packKey) (*representation, error) {
	out := buffer.Get()
	defer buffer.Put(out)
	w, err := newCompressor(out, k.coding)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, k.text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return inMemory(k.coding, out.String()), nil
}

func newCompressor(w io.Writer, c coding) (io.WriteCloser, error) {
	switch c {
	case gzip:
		return kgzip.NewWriterLevel(w, gzipLevel)
	case zstd:
		return &zstdWriter{w: w, plain: buffer.Get()}, nil
	case br:
		return brotli.NewWriterLevel(w, brLevel), nil
	}
	return nil, fmt.Errorf("files: there is no coding %d", c)
}

// zstdWriter collects what is written and encodes it in one piece. The encoder is large, and can be
// shared for that.
type zstdWriter struct {
	w     io.Writer
	plain *buffer.Buffer // until Close
}

func (z *zstdWriter) Write(p []byte) (int, error) { return z.plain.Write(p) }

func (z *zstdWriter) Close() error {
	enc, err := zstdEncoder()
	if err != nil {
		return err
	}
	packed := buffer.Get()
	defer buffer.Put(packed)
	packed.B = enc.EncodeAll(z.plain.B, packed.B)
	buffer.Put(z.plain)
	z.plain = nil
	_, err = z.w.Write(packed.B)
	return err
}

// zstdEncoder is made when it is first needed. The window is what every client must be able to hold
// (RFC 9659).
var zstdEncoder = sync.OnceValues(func() (*kzstd.Encoder, error) {
	return kzstd.NewWriter(nil, kzstd.WithEncoderConcurrency(1),
		kzstd.WithEncoderLevel(kzstd.SpeedBetterCompression), kzstd.WithWindowSize(1<<20),
		kzstd.WithLowerEncoderMem(true))
})
