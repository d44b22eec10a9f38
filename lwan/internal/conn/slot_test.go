//go:build linux

package conn

import (
	"reflect"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
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

func TestReadinessOfASlot(t *testing.T) {
	for latch, want := range map[loop.Ready]struct{ readable, writable, gone bool }{
		0:                    {},
		loop.In:              {readable: true},
		loop.Out:             {writable: true},
		loop.Urgent:          {readable: true},
		loop.In | loop.RdHup: {readable: true, gone: true},
		loop.Hup:             {readable: true, writable: true, gone: true},
		latchTurn:            {}, // a place in the ready queue is no readiness
		latchTurn | loop.Out: {writable: true},
	} {
		s := slot{latch: latch}
		if s.readable() != want.readable || s.writable() != want.writable || s.gone() != want.gone {
			t.Errorf("%#x: readable %v, writable %v, gone %v",
				latch, s.readable(), s.writable(), s.gone())
		}
	}
}
