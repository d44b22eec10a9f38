//go:build linux

package conn

import (
	"math/rand/v2"
	"testing"
)

func TestPageCache(t *testing.T) {
	var p pageCache
	if p.has(0, 0, 1, 0) > 0 || p.has(7, 0, 1, 5) > 0 {
		t.Error("the zero value knows of something")
	}
	p.sent(7, 4096, 1000, 50, 60)
	p.sent(7, 5096, 500, 60, 70) // goes on
	p.sent(7, 3*cacheBlock-10, 20, 60, 60)
	for _, c := range []struct {
		fd   fileID
		off  int64
		n    int
		now  int64
		want int
	}{
		{7, 4096, 1000, 60, 1000},
		{7, 4096, 2000, 69 + cachedFor, 1500},
		{7, 5595, 9, 60, 1},
		{7, 4096, 1000, 70 + cachedFor, 0}, // too long ago
		{7, 4095, 1000, 60, 0},
		{7, 5596, 1000, 60, 0},
		{7, 3*cacheBlock - 10, 20, 60, 10}, // up to the end of a block
		{7, 3 * cacheBlock, 20, 60, 10},
		{8, 4096, 1000, 60, 0},
	} {
		if got := p.has(c.fd, c.off, c.n, c.now); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	p.sent(9, 0, 1000, 0, cachedRead)
	if p.has(9, 0, 1000, cachedRead) > 0 {
		t.Error("what was read from a disk is thought to have been in memory")
	}
}

// TestPageCacheModel: nothing is thought to be in memory that was not sent a moment ago.
func TestPageCacheModel(t *testing.T) {
	var p pageCache
	type byteOf struct {
		fd  fileID
		off int64
	}
	const scale = cacheBlock / 4 // all sizes are multiples of it
	sent := map[byteOf]int64{}
	now, known := int64(1), 0
	for range 100_000 {
		now += rand.Int64N(cachedFor / 100)
		fd, off, n := 8*fileID(rand.IntN(4)), scale*rand.Int64N(100), 1+rand.IntN(20)
		if got := p.has(fd, off, n*scale, now); got > n*scale || got%scale != 0 {
			t.Fatalf("%d of %d", got, n*scale)
		} else if got > 0 {
			known++
			for i := range int64(got / scale) {
				if at, ok := sent[byteOf{fd, off + i*scale}]; !ok || now >= at+cachedFor*20 {
					t.Fatalf("file %d at %d was not sent", fd, off+i*scale)
				}
			}
		}
		p.sent(fd, off, n*scale, now, now)
		for i := range int64(n) {
			sent[byteOf{fd, off + i*scale}] = now
		}
	}
	if known == 0 {
		t.Error("nothing was ever known")
	}
}
