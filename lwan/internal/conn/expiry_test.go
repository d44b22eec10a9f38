//go:build linux

package conn

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// wheelModel is what a wheel must do, done simply.
type wheelModel map[int32]uint32

func (m wheelModel) due(now uint32) (fds []int32) {
	for fd, die := range m {
		if !earlier(now, die) {
			fds = append(fds, fd)
			delete(m, fd)
		}
	}
	slices.Sort(fds)
	return fds
}

func newWheel(n int, start uint32) *wheel {
	q := &wheel{swept: start}
	slots := make([]slot, n)
	for i := range slots {
		slots[i].bucket = noBucket
	}
	q.init(slots)
	return q
}

// check walks the lists: links fit, every entry is in the bucket that it names, and none is lost.
func (q *wheel) check(t *testing.T) {
	t.Helper()
	seen := 0
	for b, fd := range q.heads {
		for prev := -1 - int32(b); fd >= 0; prev, fd = fd, q.slots[fd].next {
			if s := q.slots[fd]; s.prev != prev || int(s.bucket) != b {
				t.Fatalf("bucket %d, entry %d: %+v, want prev %d", b, fd, s, prev)
			}
			seen++
		}
	}
	if seen != q.count {
		t.Fatalf("%d entries in the lists, %d counted", seen, q.count)
	}
}

func TestWheelAgainstModel(t *testing.T) {
	for _, start := range []uint32{0, 1000, ^uint32(0) - 400} { // the last one wraps around
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		q, m, now := newWheel(200, start), wheelModel{}, start
		for step := range 20_000 {
			switch fd := r.Int32N(200); r.IntN(10) {
			case 0:
				q.disarm(fd)
				delete(m, fd)
			case 1, 2:
				now += uint32([]int{0, 1, 1, 2, 7, 300}[r.IntN(6)])
				want := m.due(now)
				var got []int32
				q.sweep(now, func(fd int32) { got = append(got, fd) })
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Fatalf("start %d, seed %d, step %d: %v expired, want %v",
						start, seed, step, got, want)
				}
			default:
				die := now + 1 + r.Uint32N([]uint32{3, 30, 700}[r.IntN(3)])
				q.arm(fd, die)
				m[fd] = die
			}
			if q.count != len(m) {
				t.Fatalf("start %d, seed %d, step %d: %d entries, want %d",
					start, seed, step, q.count, len(m))
			}
			if step%100 == 0 {
				q.check(t)
			}
		}
	}
}

// A loop that slept handles events before it sweeps: the wheel is armed while its position lags
// behind.
func TestWheelArmedBehind(t *testing.T) {
	for _, lag := range []uint32{1, 200, 256, 257, 5000} {
		for _, left := range []uint32{1, 2, 30, 255, 256, 257, 600} {
			q := newWheel(4, 10)
			now := 10 + lag
			q.arm(1, now+left)
			expired := uint32(0)
			for s := now; s <= now+left+1; s++ {
				q.sweep(s, func(int32) { expired = s })
			}
			if expired != now+left {
				t.Errorf("lag %d, left %d: expired at %d, want %d", lag, left, expired, now+left)
			}
		}
	}
}

func TestWheelRearm(t *testing.T) {
	q := newWheel(4, 0)
	sweep := func(to uint32) (n int) {
		for s := q.swept + 1; s <= to; s++ {
			q.sweep(s, func(int32) { n++ })
		}
		return n
	}
	q.arm(1, 10)
	q.arm(1, 20) // later: stays where it is until it is found there
	if b := q.slots[1].bucket; b != 10 {
		t.Errorf("a later deadline moved the entry to %d", b)
	}
	if sweep(19) != 0 || sweep(20) != 1 {
		t.Error("a later deadline was not kept")
	}
	q.arm(1, 50)
	q.arm(1, 25) // earlier: at once
	if sweep(24) != 0 || sweep(25) != 1 {
		t.Error("an earlier deadline was not kept")
	}
	q.arm(1, 25) // in the past: as soon as can be
	if sweep(26) != 1 {
		t.Error("a deadline in the past was not kept")
	}
}

// expire may disarm and arm any connection, itself too.
func TestWheelExpireChangesOthers(t *testing.T) {
	q := newWheel(100, 0)
	for fd := range int32(100) {
		q.arm(fd, 5)
	}
	calls := map[int32]int{}
	for now := uint32(1); now < 20; now++ {
		q.sweep(now, func(fd int32) {
			calls[fd]++
			for _, other := range []int32{fd - 1, fd + 1} {
				if other >= 0 && other < 100 && calls[other] == 0 {
					q.disarm(other)
				}
			}
			if calls[fd] == 1 {
				q.arm(fd, now+3)
			}
		})
		q.check(t)
	}
	for fd, n := range calls {
		if n != 2 || calls[fd+1] != 0 || calls[fd-1] != 0 {
			t.Fatalf("%v", calls)
		}
	}
	if q.count != 0 || len(calls) < 30 {
		t.Errorf("%d left, %d expired", q.count, len(calls))
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]uint32{
		-1: 0, 0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, time.Minute: 60, 1<<63 - 1: 1 << 30,
	} {
		if got := Seconds(d); got != want {
			t.Errorf("Seconds(%d) = %d, want %d", d, got, want)
		}
	}
}
