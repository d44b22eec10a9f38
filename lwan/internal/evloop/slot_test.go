//go:build linux

package evloop

import (
	"reflect"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestSlotIsSmallAndHasNoPointers(t *testing.T) {
	if n := unsafe.Sizeof(slot{}); n != 32 {
		t.Errorf("a slot has %d bytes, two of them do not fill a cache line", n)
	}
	typ := reflect.TypeFor[slot]()
	for i := range typ.NumField() {
		switch f := typ.Field(i); f.Type.Kind() {
		case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Int32:
		default:
			t.Errorf("%s is a %s: the collector does not see the slot table", f.Name, f.Type)
		}
	}
}

func FuzzEventData(f *testing.F) {
	f.Add(0, uint16(0), uint32(0))
	f.Add(maxSlots-1, uint16(laneInternal), ^uint32(0))
	f.Add(12345, uint16(maxLanes-1), uint32(1)<<31)
	f.Fuzz(func(t *testing.T, fd int, lane uint16, gen uint32) {
		fd &= maxSlots - 1
		lane &= laneInternal
		f, l, g := eventTarget(eventData(fd, lane, gen))
		if f != fd || l != lane || g != gen {
			t.Errorf("%d %d %d came back as %d %d %d", fd, lane, gen, f, l, g)
		}
	})
}

func TestEpollEventKeepsItsData(t *testing.T) {
	const data = 0x0123456789abcdef
	if ev := newEpollEvent(unix.EPOLLIN, data); ev.data() != data || ev.events != unix.EPOLLIN {
		t.Errorf("%+v", ev)
	}
	if ours, theirs := unsafe.Sizeof(epollEvent{}), unsafe.Sizeof(unix.EpollEvent{}); ours != theirs {
		t.Errorf("%d bytes, the system's has %d", ours, theirs)
	}
}

func TestSlotTable(t *testing.T) {
	for _, n := range []int{1, 127, 128, maxSlots} {
		s, err := slotTable(n)
		if err != nil {
			t.Fatal(err)
		}
		if len(s) != n || s[0] != (slot{}) || s[n-1] != (slot{}) {
			t.Errorf("%d slots, asked for %d", len(s), n)
		}
		if uintptr(unsafe.Pointer(&s[0]))%64 != 0 {
			t.Error("slots straddle cache lines")
		}
		s[n-1].gen = 1
		if err := freeSlots(s); err != nil {
			t.Error(err)
		}
	}
	if _, err := slotTable(-1); err == nil {
		t.Error("a table of -1 slots")
	}
}

func TestSlotCount(t *testing.T) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		t.Fatal(err)
	}
	all := int(min(r.Cur, maxSlots))
	for want, n := range map[int]int{0: all, -1: all, 10: min(10, all), all: all, all + 1: all} {
		if got := slotCount(want); got != n {
			t.Errorf("slotCount(%d) = %d, want %d", want, got, n)
		}
	}
}

func TestLatchOf(t *testing.T) {
	for events, want := range map[uint32]uint8{
		0:                              0,
		unix.EPOLLIN:                   latchIn,
		unix.EPOLLOUT:                  latchOut,
		unix.EPOLLIN | unix.EPOLLRDHUP: latchIn | latchRdHup,
		unix.EPOLLHUP:                  latchHup,
		unix.EPOLLERR:                  latchHup,
		unix.EPOLLPRI:                  latchUrgent,
	} {
		if got := latchOf(events); got != want {
			t.Errorf("%#x: %#x, want %#x", events, got, want)
		}
		if s := (slot{latch: want}); s.readable() != (want&^latchOut != 0) || s.gone() != (want&(latchRdHup|latchHup) != 0) {
			t.Errorf("%#x: readable %v, gone %v", events, s.readable(), s.gone())
		}
	}
	if s := (slot{latch: latchTurn | latchOut}); s.readable() || s.gone() {
		t.Error("a place in the ready queue was taken for readiness")
	}
}
