//go:build linux

package conn

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// pageCache remembers which parts of files the kernel has had in memory a moment ago: those are
// sent by a raw call (Linux), for which the thread that watches the scheduler need not stay awake.
// Others may be read from a disk, and the scheduler is told. It is a guess, as the kernel may have
// forgotten the pages: then the thread reads the disk as it would have, and the collector waits for
// it. It is none about another file: that one may be on a disk, or a machine, which does not
// answer, and then the whole process would stand still. So a file is known by its os.File, and not
// by its descriptor, which is another one's as soon as it is closed.
//
// A loop's set owns it. The zero value knows nothing.
type pageCache [128]cachedPart

// cachedPart is what is known of one block of a file.
type cachedPart struct {
	until    int64  // by the loop's clock
	from, to int64  // offsets
	file     fileID // by which nothing is reached
}

// fileID tells open files apart: it is the address of an os.File. One that was forgotten may have
// its address taken by another one.
type fileID uintptr

func idOf(f *os.File) fileID { return fileID(unsafe.Pointer(f)) }

const (
	cacheBlock = 256 << 10
	fileSize   = uint64(unsafe.Sizeof(os.File{}))
	cachedFor  = int64(time.Second)
	cachedRead = int64(time.Millisecond) // a call that took longer has read a disk
)

// part is where the block that off is in is looked for.
func (p *pageCache) part(f fileID, off int64) *cachedPart {
	return &p[(uint64(f)/fileSize*37+uint64(off)/cacheBlock)%uint64(len(p))]
}

// has returns how many of n bytes from off on are thought to be in memory.
func (p *pageCache) has(f fileID, off int64, n int, now int64) int {
	c := p.part(f, off)
	if now >= c.until || c.file != f || off < c.from || off >= c.to {
		return 0
	}
	return int(min(int64(n), c.to-off))
}

// sent notes that n bytes from off on have been sent by a call that began at from.
func (p *pageCache) sent(f fileID, off int64, n int, from, now int64) {
	if now-from >= cachedRead {
		return
	}
	for end := off + int64(n); off < end; {
		to := min(end, (off/cacheBlock+1)*cacheBlock)
		c := p.part(f, off)
		if now < c.until && c.file == f && off <= c.to && to >= c.from {
			c.from, c.to = min(c.from, off), max(c.to, to) // they touch, so they are of one block
		} else {
			*c = cachedPart{from: off, to: to, file: f}
		}
		c.until = now + cachedFor
		off = to
	}
}

// sentFile is a file that is sent. Its descriptor is its own for as long as the os.File is open:
// whoever has a sentFile keeps that one alive, as it is closed with its last reference.
type sentFile struct {
	fd int
	id fileID
}

// sendfile sends a piece of a file.
func (set *Set) sendfile(out int, in sentFile, off int64, n int) (int, syscall.Errno) {
	set.fileAt = off
	from := set.loop.Now()
	if cached := set.cached.has(in.id, off, n, from); cached > 0 {
		return set.kernel.Sendfile(out, in.fd, &set.fileAt, cached, true)
	}
	from = set.loop.Clock()
	m, e := set.kernel.Sendfile(out, in.fd, &set.fileAt, n, false)
	if m > 0 {
		set.cached.sent(in.id, off, m, from, set.loop.Clock())
	}
	return m, e
}
