//go:build linux

package conn

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
)

// slot is all that an open connection costs while nothing happens on it: 32 bytes, two to a cache
// line, no pointer, so the collector never looks at them. Slots stand in one array, indexed by file
// descriptor.
//
//	free ──open──▶ fresh ──serve──▶ busy ──rest──▶ idle ──serve──▶ busy
//	free ──open──▶ hello ──shake──▶ busy ──welcome──▶ fresh      of a Lane with Security
//	free ──open──▶ announced ──arrive──▶ fresh, hello            of a Lane with Announced
//	busy ──settle(Again)──▶ idle         it stands in the ready queue
//	busy ──Attach──▶ session
//	idle ──expire──▶ expired ──serveExpired──▶ busy
//	busy, session, idle ──startLinger──▶ linger
//	free ──refuse──▶ refused             over a limit, on the loop that has accepted it
//	free ──Dial──▶ held ──Rest──▶ session ──Hold──▶ held      opened from here: dial.go
//	any ──close──▶ free
//
// What may be trusted:
//
//	free     gen only; the rest is of the last connection. The descriptor is closed, or its
//	         owner has not heard of it yet
//	fresh    nothing was read. A record only if it has a Layer
//	announced  the header that tells whom its peer stands for has not come whole. A record with
//	         the beginning of that, once something has come
//	hello    its handshake has not begun. A record with the beginning of that, once something has
//	         come; then it may stand in the line of those
//	idle     no worker, no session. A record only if it has a Layer, or holds the beginning of a
//	         request (kept)
//	busy     a worker serves it. A record once that has waited, with its task and the gates; if
//	         the worker is dead, its task until another one takes over
//	session  a record with the session
//	held     opened from here, and had by a handler. A record once something has waited for it
//	expired  as idle with a record: its time is up, and it waits for the turn in which it is
//	         answered
//	linger   answered and half-closed. What comes is thrown away. A record only if something that
//	         a Layer has sealed has not left yet; the half-close follows it
//	refused  as linger, of a connection that was never served and is not counted
//
// Only the loop that owns the connection writes its slot. One exception to reading: a loop that
// accepts a connection loads gen of the new descriptor's slot, which its last owner stored before
// it closed the descriptor.
type slot struct {
	// atomic; bumped before close(fd), so that events of the last connection are known as stale
	gen uint32
	die uint32 // second of the loop's clock from which the connection may be expired
	// neighbours in a bucket of the expiry wheel; < 0: the bucket itself (-1 - bucket)
	prev   int32
	next   int32
	rec    int32 // record attached to it, or -1
	state  slotState
	latch  loop.Ready // that events have told and no call has used up; and latchTurn
	bucket uint16     // bucket of the wheel that it hangs in, or noBucket
	lane   uint16     // which listener it came from
	owner  uint16     // loop
	// the protocol's: of requests. In linger and refused: bytes taken of the budget
	count uint32
}

type slotState uint8

const (
	slotFree slotState = iota
	slotFresh
	slotAnnounced
	slotHello
	slotIdle
	slotBusy
	slotSession
	slotExpired
	slotLinger
	slotRefused
	slotHeld
)

// latchTurn is no readiness: the connection stands in the ready queue.
const latchTurn loop.Ready = 1 << 7

// Readiness is used up by calls: In by EAGAIN, or by a short read as long as no hang-up was
// latched; Out by EAGAIN; the others stay.

const noBucket = ^uint16(0)

// slotTable maps memory for n slots. Pages that are never touched cost nothing, and the collector
// does not know them.
func slotTable(n int) ([]slot, error) {
	mem, err := unix.Mmap(-1, 0, n*int(unsafe.Sizeof(slot{})), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("conn: map %d slots: %w", n, err)
	}
	// Sound: the mapping is page-aligned, long enough, zeroed, pointer-free, and lives until
	// freeSlots.
	return unsafe.Slice((*slot)(unsafe.Pointer(unsafe.SliceData(mem))), n), nil
}

// freeSlots unmaps what slotTable mapped.
func freeSlots(s []slot) error {
	mem := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))),
		len(s)*int(unsafe.Sizeof(slot{})))
	return unix.Munmap(mem)
}

// generation may be asked by any loop.
func (s *slot) generation() uint32 { return atomic.LoadUint32(&s.gen) }

// readable reports whether a read would tell something: bytes, the end, or an error.
func (s *slot) readable() bool {
	return s.latch&(loop.In|loop.RdHup|loop.Hup|loop.Urgent) != 0
}

// writable reports whether a write would: room, or an error.
func (s *slot) writable() bool { return s.latch&(loop.Out|loop.Hup) != 0 }

// gone reports whether the peer has closed its side.
func (s *slot) gone() bool { return s.latch&(loop.RdHup|loop.Hup) != 0 }

func (s *slot) bumpGeneration() { atomic.AddUint32(&s.gen, 1) }

// The 64 bits of a poller's token name a connection: its generation, the listener that it came from
// (12 bits) and its descriptor (20 bits: the table has at most 1 Mi slots). In lane laneInternal it
// is a listener's number.
const (
	maxSlots     = 1 << 20
	maxLanes     = laneDialled
	laneInternal = 1<<12 - 1
)

func eventData(fd int, lane uint16, gen uint32) uint64 {
	return uint64(gen)<<32 | uint64(lane)<<20 | uint64(fd)
}

func eventTarget(data uint64) (fd int, lane uint16, gen uint32) {
	return int(data & (maxSlots - 1)), uint16(data>>20) & laneInternal, uint32(data >> 32)
}

// token names the connection in s, whose descriptor is fd, in the poller's events and the loop's
// queue.
func (s *slot) token(fd int32) uint64 { return eventData(int(fd), s.lane, s.gen) }
