//go:build linux

package conn

import (
	"iter"
	"math/bits"
)

// bitset is a set of small numbers, one bit each. A loop keeps its descriptors in one, since it
// must not ask the slots of other loops whose they are.
type bitset struct{ words []uint64 }

func (b *bitset) add(i int32) {
	if n := int(i/64) + 1; n > len(b.words) {
		b.words = append(b.words, make([]uint64, n-len(b.words))...)
	}
	b.words[i/64] |= 1 << (i % 64)
}

// remove takes i out; i must have been added at some time.
func (b *bitset) remove(i int32) { b.words[i/64] &^= 1 << (i % 64) }

// all visits the numbers in ascending order, each that is still in the set when its turn comes.
// Numbers may be removed meanwhile.
func (b *bitset) all() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for w := range b.words {
			for left := b.words[w]; left != 0; left &= left - 1 {
				i := bits.TrailingZeros64(left)
				if b.words[w]&(1<<i) != 0 && !yield(int32(w*64+i)) {
					return
				}
			}
		}
	}
}
