package wsframe

import (
	"bytes"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/flate"
)

// A compressed message is a raw DEFLATE stream that ends with an empty stored block, whose last
// four bytes are not sent (RFC 7692 section 7.2.1).
const deflateTail = "\x00\x00\xff\xff"

// deflateEnd is what a reader of the message needs behind it: the tail, and a last block.
const deflateEnd = deflateTail + "\x01\x00\x00\xff\xff"

// appender is an io.Writer that appends.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

var appenders = sync.Pool{New: func() any { return new(appender) }}

// AppendDeflated appends the compressed form of a message. No reference in it goes back further
// than window, from 256 bytes to 32 KiB.
func AppendDeflated(dst, message []byte, window int) []byte {
	a := appenders.Get().(*appender)
	a.b = dst
	for {
		part := message[:min(len(message), window)]
		// What the writer says is its only error, and it has none.
		_ = flate.StatelessDeflate(a, part, false, nil)
		a.b = a.b[:len(a.b)-len(deflateTail)]
		if message = message[len(part):]; len(message) == 0 {
			break
		}
		a.b = append(a.b, deflateTail...) // there is more
	}
	dst, a.b = a.b, nil
	appenders.Put(a)
	return dst
}

// inflater is a decompressor that is used for one message after the other.
type inflater struct {
	in  bytes.Reader
	out io.ReadCloser
}

var inflaters = sync.Pool{New: func() any {
	f := new(inflater)
	f.out = flate.NewReader(&f.in)
	return f
}}

// inflate appends the message whose compressed form is in, at most limit bytes of it: what is
// larger is errTooBig, and nothing that it could grow to is ever held. in ends with deflateEnd.
func inflate(dst, in []byte, limit int64) ([]byte, error) {
	f := inflaters.Get().(*inflater)
	defer f.put()
	f.in.Reset(in)
	if err := f.out.(flate.Resetter).Reset(&f.in, nil); err != nil {
		return dst, errDeflate
	}
	dst, err := f.drain(dst, limit)
	if err != nil {
		return dst, err
	}
	switch string(in[len(in)-f.in.Len():]) {
	case "", "\x00" +
		deflateEnd: // the second behind a block that was marked as the last (section 7.2.3.4)
		return dst, nil
	}
	return dst, errDeflate
}

// put lets others use f, which must not hold their message.
func (f *inflater) put() {
	f.in.Reset(nil)
	inflaters.Put(f)
}

// drain appends what comes until the end of the stream.
func (f *inflater) drain(dst []byte, limit int64) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, max(len(dst), 512))
		}
		n, err := f.out.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case int64(len(dst)) > limit:
			return dst, errTooBig
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, errDeflate
		}
	}
}
