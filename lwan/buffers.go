package lwan

import (
	"math/bits"
	"sync"
)

// collectors lends buffers that are too large for a worker to keep, for collecting whole bodies of
// requests and responses. All loops share them. The garbage collector empties a sync.Pool, so what
// a burst of uploads needed is free again after two collections.
type collectors struct {
	// of *[]byte; the first is for maxKept bytes, each next one for twice as many
	bySize [collectorSizes]sync.Pool
}

// collectorSizes is how many sizes are lent: up to 8 MiB.
const collectorSizes = 8

// take returns an empty buffer for at least n bytes.
func (c *collectors) take(n int) []byte {
	i := collectorSize(n)
	if i >= collectorSizes {
		return make([]byte, 0, n)
	}
	if b, ok := c.bySize[i].Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 0, maxKept<<i)
}

// grow returns b in a buffer for at least n bytes, and takes b back.
func (c *collectors) grow(b []byte, n int) []byte {
	grown := append(c.take(n), b...)
	c.give(b)
	return grown
}

// give takes a buffer back, if it is one of those.
func (c *collectors) give(b []byte) {
	if i := collectorSize(cap(b)); i < collectorSizes && cap(b) == maxKept<<i {
		b = b[:0]
		c.bySize[i].Put(&b)
	}
}

// collectorSize is the index of the smallest size that holds n bytes.
func collectorSize(n int) int {
	return bits.Len(uint(max(n-1, 0) / maxKept))
}
