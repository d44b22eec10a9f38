//go:build linux

package evloop

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// slot is all that an open connection costs while nothing happens on it: 32 bytes, two to a cache line, no pointer, so
// the collector never looks at them. Slots stand in one array, indexed by file descriptor.
//
//	          first event            bytes to read             served
//	free ─────────────────▶ idle ─────────────────▶ busy ─────────────────▶ idle
//	  ▲        (open)         │       (serve)         │ │ │       (settle)
//	  │                       │ expire, hang-up       │ │ └─ hand over ──▶ guest ─┐
//	  │                       ▼                       ▼ └─ linger ▶ linger ─┐     │
//	  └───────────────────────┴──────── close ────────┴─────────────────────┴─────┘
//
// An idle one of which half a request is there is owed an answer when it expires: it is expired until its turn comes, in
// which it is busy.
//
// A connection over a limit goes from free to refused, on the loop that has accepted it: it lingers behind the refusal.
//
// Only the loop that owns the connection writes its slot. One exception to reading: a loop that accepts a connection
// loads gen of the new descriptor's slot, which its last owner stored before it closed the descriptor.
type slot struct {
	gen    uint32 // atomic; bumped before close(fd), so that events of the last connection are known as stale
	die    uint32 // second of the loop's clock from which the connection may be expired
	prev   int32  // neighbours in a bucket of the expiry wheel; < 0: the bucket itself (-1 - bucket)
	next   int32
	rec    int32  // record attached to it, or -1
	state  uint8  // one of the slot states
	latch  uint8  // readiness that edges have told and no call has used up
	bucket uint16 // bucket of the wheel that it hangs in, or noBucket
	lane   uint16 // which listener it came from
	owner  uint16 // loop
	served uint32 // 0: not yet; else 1 + the protocol's tally. While it lingers: what it has taken of its budget
}

// States of a slot.
const (
	slotFree    uint8 = iota // no connection, or one that its owner has not heard of yet
	slotIdle                 // open, no worker; a record only if it holds the beginning of a request
	slotBusy                 // a worker serves it, running or parked
	slotLinger               // answered and half-closed; what still comes in is thrown away
	slotGuest                // driven by events without a worker, through the record's guest
	slotExpired              // its time is up, and it waits for the turn in which it is answered
	slotRefused              // as slotLinger, of a connection over a limit, which was never served
)

// Latched readiness. Each is set by an edge. In is used up by EAGAIN, or by a short read as long as no hang-up was
// latched; out by EAGAIN; the others stay.
const (
	latchIn     uint8 = 1 << iota
	latchOut          // there is room in the send buffer
	latchRdHup        // the peer has sent its FIN
	latchHup          // both directions are closed, or an error is pending
	latchUrgent       // priority data: nothing that we speak uses it
	latchTurn         // no readiness: the connection stands in the ready queue
)

const noBucket = ^uint16(0)

// slotTable maps memory for n slots. Pages that are never touched cost nothing, and the collector does not know them.
func slotTable(n int) ([]slot, error) {
	mem, err := unix.Mmap(-1, 0, n*int(unsafe.Sizeof(slot{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("evloop: map %d slots: %w", n, err)
	}
	// Sound: the mapping is page-aligned, long enough, zeroed, pointer-free, and lives until freeSlots.
	return unsafe.Slice((*slot)(unsafe.Pointer(unsafe.SliceData(mem))), n), nil
}

// freeSlots unmaps what slotTable mapped.
func freeSlots(s []slot) error {
	mem := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(slot{})))
	return unix.Munmap(mem)
}

func (s *slot) generation() uint32 { return atomic.LoadUint32(&s.gen) }

// readable reports whether a read would tell something: bytes, the end, or an error.
func (s *slot) readable() bool { return s.latch&(latchIn|latchRdHup|latchHup|latchUrgent) != 0 }

// gone reports whether the peer has closed its side.
func (s *slot) gone() bool { return s.latch&(latchRdHup|latchHup) != 0 }

// The 64 bits of a poller's token name a connection: its generation, the listener that it came from (12 bits) and its
// descriptor (20 bits: the table has at most 1 Mi slots). In lane laneInternal it is a listener's number.
const (
	maxSlots     = 1 << 20
	maxLanes     = laneInternal
	laneInternal = 1<<12 - 1
)

func eventData(fd int, lane uint16, gen uint32) uint64 {
	return uint64(gen)<<32 | uint64(lane)<<20 | uint64(fd)
}

func eventTarget(data uint64) (fd int, lane uint16, gen uint32) {
	return int(data & (maxSlots - 1)), uint16(data>>20) & laneInternal, uint32(data >> 32)
}
