package lwan

import "testing"

func TestCollectorSizes(t *testing.T) {
	for _, c := range []struct{ n, size, cap int }{
		{0, 0, maxKept},
		{maxKept, 0, maxKept},
		{maxKept + 1, 1, 128 << 10},
		{128 << 10, 1, 128 << 10},
		{128<<10 + 1, 2, 256 << 10},
		{1_000_000, 4, 1 << 20},
		{8 << 20, 7, 8 << 20},
		{8<<20 + 1, 8, 8<<20 + 1}, // too large to be lent
	} {
		var lent collectors
		if got := collectorSize(c.n); got != c.size {
			t.Errorf("%d bytes: size %d, want %d", c.n, got, c.size)
		}
		b := lent.take(c.n)
		if len(b) != 0 || cap(b) != c.cap {
			t.Errorf("%d bytes: len %d, cap %d, want 0, %d", c.n, len(b), cap(b), c.cap)
		}
		lent.give(b) // must neither panic nor be found under another size
	}
}

// What is taken must always have the room that was asked for, whatever was given back.
func TestCollectorsGiveRoom(t *testing.T) {
	var lent collectors
	for n := 1; n < 20<<20; n = n*3/2 + 1 {
		lent.give(make([]byte, n))
	}
	for n := 1; n < 20<<20; n = n*3/2 + 1 {
		if b := lent.take(n); len(b) != 0 || cap(b) < n {
			t.Errorf("asked for %d, got len %d, cap %d", n, len(b), cap(b))
		}
	}
}
