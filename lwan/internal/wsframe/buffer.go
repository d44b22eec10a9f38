package wsframe

import "sync"

// buffer is memory for a message, lent to one Reader after the other.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// keptBuffer is how large a buffer may be that is lent again.
const keptBuffer = 2 << 20

func takeBuffer() *buffer { return buffers.Get().(*buffer) }

// giveBuffer takes back a buffer, which may be nil.
func giveBuffer(b *buffer) {
	if b != nil && cap(b.b) <= keptBuffer {
		b.b = b.b[:0]
		buffers.Put(b)
	}
}
