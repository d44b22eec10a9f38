package cache

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stress lets many goroutines do everything at once, and looks for what must never happen. Time is
// that of a bubble: it passes only while all of them sleep, so that ages can be compared exactly.
type stress struct {
	t      *testing.T
	f      *factory
	c      *Cache[int, *thing]
	config Config[int, *thing]
	purged [keysOfStress]atomic.Int64 // when the last Purge of the key began, as UnixNano
	gets   atomic.Int64
}

const keysOfStress = 24

func (s *stress) work(r *rand.Rand, steps int) {
	var held []Ref[*thing]
	for range steps {
		k := r.IntN(keysOfStress)
		switch op := r.IntN(100); {
		case op < 40:
			held = s.get(held, k, r)
		case op < 70:
			if ref, ok := s.c.Peek(k); ok {
				held = append(held, ref)
			}
		case op < 72:
			s.purge(k)
		case op < 76:
			s.bounds()
		default:
			time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
		}
		for _, ref := range held {
			s.look(ref.Value())
		}
		for len(held) > r.IntN(5) {
			held[0].Release()
			held[0].Release()
			held = held[1:]
		}
	}
	for _, ref := range held {
		ref.Release()
	}
}

func (s *stress) get(held []Ref[*thing], k int, r *rand.Rand) []Ref[*thing] {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Duration(r.IntN(2000))*time.Millisecond)
	defer cancel()
	purged, began := s.purged[k].Load(), time.Now()
	ref, err := s.c.Get(ctx, k)
	if err != nil {
		if err != errNotMade && err != context.DeadlineExceeded &&
			!errors.Is(err, ErrGoexit) && !isPanic(err) {
			s.t.Errorf("Get: %v", err)
		}
		return held
	}
	s.gets.Add(1)
	v := ref.Value()
	if v.key != k {
		s.t.Errorf("got a thing of key %d, want %d", v.key, k)
	}
	if v.began.UnixNano() < purged {
		s.t.Errorf("Get after Purge gave what was begun %v before it",
			time.Duration(purged-v.began.UnixNano()))
	}
	if age := began.Sub(v.made); age > s.config.TTL {
		s.t.Errorf("got a thing %v after it was made, TTL is %v", age, s.config.TTL)
	}
	return append(held, ref)
}

func isPanic(err error) bool {
	p := (*PanicError)(nil)
	return errors.As(err, &p)
}

func (s *stress) look(v *thing) {
	if v.destroyed.Load() != 0 {
		s.t.Errorf("thing %d is destroyed while it is referenced", v.n)
	}
}

// purge notes the time only when Purge is over: until then a Get may still have what was there.
func (s *stress) purge(k int) {
	began := time.Now().UnixNano()
	s.c.Purge(func(o int) bool { return o == k })
	for {
		old := s.purged[k].Load()
		if old >= began || s.purged[k].CompareAndSwap(old, began) {
			return
		}
	}
}

func (s *stress) bounds() {
	got := s.c.Stats()
	if got.Entries > int64(s.config.MaxEntries) || got.Bytes > s.config.MaxBytes ||
		got.Entries < 0 || got.Bytes < 0 || got.Floating < 0 {
		s.t.Errorf("out of bounds: %+v", got)
	}
}

// before lets creations take time, fail, panic, and end their goroutine.
func (s *stress) before(_ context.Context, k int) error {
	switch rand.IntN(20) {
	case 0:
		return errNotMade
	case 1:
		panic("boom")
	case 2:
		return errors.Join(errNotMade, ErrGoexit)
	}
	time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
	return nil
}

func TestStress(t *testing.T) {
	seed := simulationSeed(t)
	t.Logf("CACHE_SEED=%d (the order of goroutines is not repeated by it)", seed)
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	for i := range rounds {
		synctest.Test(t, func(t *testing.T) {
			s := newStress(t)
			var wg sync.WaitGroup
			for w := range 16 {
				r := rand.New(rand.NewPCG(seed, uint64(i*100+w)))
				wg.Go(func() { s.work(r, 300) })
			}
			wg.Wait()
			if s.gets.Load() == 0 {
				t.Error("no Get succeeded")
			}
		})
	}
}

func newStress(t *testing.T) *stress {
	s := &stress{t: t, f: newFactory(t), config: Config[int, *thing]{
		TTL: 10 * time.Second, Refresh: 3 * time.Second, ErrorTTL: time.Second,
		MaxEntries: 16, MaxBytes: 40,
	}}
	s.f.before = s.before
	s.f.size = func(k int) int64 { return int64(k % 7) }
	s.c = s.f.cache(s.config)
	return s
}

// TestStressForReal is without a bubble, so that goroutines really run at the same time: readers
// never miss what is not removed, and nobody sees something destroyed.
func TestStressForReal(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{
		TTL: time.Millisecond, Refresh: 500 * time.Microsecond, MaxEntries: 8,
	})
	var wg sync.WaitGroup
	for w := range 4 {
		r := rand.New(rand.NewPCG(uint64(w), 1))
		wg.Go(func() {
			for range 10_000 {
				ref := get(t, c, r.IntN(12))
				if r.IntN(50) == 0 {
					c.Purge(func(k int) bool { return k == ref.Value().key })
				}
				if ref.Value().destroyed.Load() != 0 {
					t.Error("destroyed while it is referenced")
				}
				ref.Release()
			}
		})
	}
	wg.Wait()
}
