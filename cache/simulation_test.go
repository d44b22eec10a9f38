package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// simulation does the same to a cache and to the model, and compares everything after each step. It
// runs in a bubble, so that time and what happens in it are exact. Steps are whole seconds:
// neighbours are further apart than the slack.
type simulation struct {
	t *testing.T
	f *factory
	c *Cache[int, *thing]
	m *model

	held     []Ref[*thing]
	released []Ref[*thing] // to be released again
	log      []string
}

// source is where a simulation has its decisions from: a random generator, or the bytes of a
// fuzzer.
type source interface {
	// next returns a number below n, and false when it is over.
	next(n int) (int, bool)
}

func newSimulation(t *testing.T, src source) *simulation {
	pick := func(of ...int) int {
		i, _ := src.next(len(of))
		return of[i]
	}
	s := &simulation{t: t, f: newFactory(t)}
	config := Config[int, *thing]{
		TTL:        time.Duration(pick(60, 60, 20, 0)) * time.Second,
		ErrorTTL:   time.Duration(pick(0, 5, 90)) * time.Second,
		MaxEntries: pick(1, 2, 5, 10, 1000),
		MaxBytes:   int64(pick(0, 0, 10, 40)),
	}
	if config.TTL > 0 {
		config.Refresh = time.Duration(pick(0, 8, 16)) * time.Second
	}
	s.m = newModel(config)
	s.f.before = func(context.Context, int) error {
		if s.m.failing {
			return errNotMade
		}
		return nil
	}
	s.f.size = func(int) int64 { return s.m.size }
	s.c = s.f.cache(config)
	t.Cleanup(func() { // before that of the factory, which waits for them
		for _, r := range s.held {
			r.Release()
		}
	})
	s.note("TTL %v ErrorTTL %v Refresh %v MaxEntries %d MaxBytes %d",
		config.TTL, config.ErrorTTL, config.Refresh, config.MaxEntries, config.MaxBytes)
	return s
}

func (s *simulation) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *simulation) fail(format string, args ...any) {
	s.t.Helper()
	for _, line := range s.log[max(0, len(s.log)-60):] {
		s.t.Log(line)
	}
	s.t.Fatalf(format, args...)
}

// run goes on until the source is over, and reports how many steps that were.
func (s *simulation) run(src source) (steps int) {
	for ; ; steps++ {
		op, ok := src.next(100)
		if !ok {
			break
		}
		k, _ := src.next(16)
		s.step(op, k)
		synctest.Wait()
		s.compare()
	}
	return steps
}

func (s *simulation) step(op, k int) {
	switch {
	case op < 30:
		s.get(k)
	case op < 55:
		s.peek(k)
	case op < 60:
		s.note("Failure(%d)", k)
		if got, want := s.c.Failure(k) != nil, s.m.failure(k); got != want {
			s.fail("Failure(%d): %v, want %v", k, got, want)
		}
	case op < 78:
		s.release(k)
	case op < 90:
		s.note("%d s pass", k)
		time.Sleep(time.Duration(k) * time.Second)
		synctest.Wait()
		s.m.pass(time.Duration(k) * time.Second)
	case op < 94:
		s.m.failing = k%3 == 0
		s.note("failing: %v", s.m.failing)
	case op < 97:
		s.m.size = int64(k)
		s.note("size: %v", s.m.size)
	default:
		s.purge(k)
	}
}

func (s *simulation) get(k int) {
	s.note("Get(%d)", k)
	r, err := s.c.Get(s.t.Context(), k)
	if err != nil && err != errNotMade {
		s.fail("Get(%d): %v", k, err)
	}
	synctest.Wait() // a refresh that it has started
	s.keep(r, s.m.get(k))
}

func (s *simulation) peek(k int) {
	s.note("Peek(%d)", k)
	r, ok := s.c.Peek(k)
	synctest.Wait()
	want := s.m.peek(k)
	if ok != (want != 0) {
		s.fail("Peek(%d): %v, want thing %d", k, ok, want)
	}
	s.keep(r, want)
}

// keep holds what Get or Peek returned: the n-th thing, or nothing if n is 0.
func (s *simulation) keep(r Ref[*thing], n int) {
	got := 0
	if v := r.Value(); v != nil {
		got = v.n
	}
	if got != n {
		s.fail("got thing %d, want %d", got, n)
	}
	if n != 0 {
		s.held = append(s.held, r)
	}
}

// release gives back one of the held references, and tries the same with one that was given back
// before.
func (s *simulation) release(i int) {
	if len(s.released) > 0 {
		s.released[i%len(s.released)].Release()
	}
	if len(s.held) == 0 {
		return
	}
	i %= len(s.held)
	r := s.held[i]
	s.held = slices.Delete(s.held, i, i+1)
	s.note("Release of thing %d", r.Value().n)
	s.m.refs[r.Value().n]--
	r.Release()
	s.released = append(s.released, r)
}

func (s *simulation) purge(k int) {
	match := func(key int) bool { return k == 0 || key%k == 0 }
	s.note("Purge(multiples of %d)", k)
	s.c.Purge(match)
	s.m.purge(match)
}

// compare looks at all there is to see, without touching a mark.
func (s *simulation) compare() {
	if got, want := s.c.Stats(), s.m.all(); got != want {
		s.fail("stats %+v, want %+v", got, want)
	}
	for _, v := range s.f.things {
		if alive := v.destroyed.Load() == 0; alive != s.m.isAlive(v.n) {
			s.fail("thing %d of key %d alive: %v", v.n, v.key, alive)
		}
	}
	found := s.c.table.Load().all()
	for _, e := range found {
		w := s.m.find(e.key)
		if w == nil ||
			e.err == nil && (w.n != e.value.n || w.visited != (e.state.Load()&visited != 0)) {
			s.fail("key %d: entry %+v, want %+v", e.key, e, w)
		}
	}
	if len(found) != int(s.m.all().Entries) {
		s.fail("%d entries in the table, want %d", len(found), s.m.all().Entries)
	}
}

// randomSource decides at random, for a number of steps.
type randomSource struct {
	rand *rand.Rand
	left int
}

func (r *randomSource) next(n int) (int, bool) {
	r.left--
	return r.rand.IntN(n), r.left >= 0
}

// simulationSeed is printed when a simulation fails, and taken from the environment to repeat it.
func simulationSeed(t *testing.T) uint64 {
	text := os.Getenv("CACHE_SEED")
	if text == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

func TestSimulation(t *testing.T) {
	seed := simulationSeed(t)
	t.Logf("CACHE_SEED=%d", seed)
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	var total Stats
	for i := range rounds {
		synctest.Test(t, func(t *testing.T) {
			src := &randomSource{rand.New(rand.NewPCG(seed, uint64(i))), 2000}
			s := newSimulation(t, src)
			s.run(src)
			got := s.c.Stats()
			total.Hits += got.Hits
			total.Misses += got.Misses
			total.Evictions += got.Evictions
		})
		if t.Failed() {
			t.Fatalf("round %d", i)
		}
	}
	if total.Hits == 0 || total.Misses == 0 || total.Evictions == 0 {
		t.Errorf("the simulation has not done much: %+v", total)
	}
}

// byteSource decides by the input of a fuzzer.
type byteSource struct{ bytes []byte }

func (b *byteSource) next(n int) (int, bool) {
	if len(b.bytes) == 0 {
		return 0, false
	}
	i := int(b.bytes[0]) % n
	b.bytes = b.bytes[1:]
	return i, true
}

func FuzzCache(f *testing.F) {
	for i := range 8 {
		seed := make([]byte, 600)
		r := rand.New(rand.NewPCG(1, uint64(i)))
		for j := range seed {
			seed[j] = byte(r.UintN(256))
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		synctest.Test(t, func(t *testing.T) {
			src := &byteSource{input[:min(len(input), 4000)]}
			newSimulation(t, src).run(src)
		})
	})
}
