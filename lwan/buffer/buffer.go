package buffer

import "github.com/valyala/bytebufferpool"

// MaxKept is the capacity in bytes up to which a buffer is used again.
const MaxKept = 64 << 10

// Buffer is a growable buffer: an io.Writer whose bytes are in B.
type Buffer = bytebufferpool.ByteBuffer

var pool bytebufferpool.Pool

// Get lends an empty buffer. One that is not given back is collected.
func Get() *Buffer { return pool.Get() }

// Put takes a buffer back. Neither it nor its bytes may be used after that.
func Put(b *Buffer) {
	if cap(b.B) <= MaxKept {
		pool.Put(b)
	}
}
