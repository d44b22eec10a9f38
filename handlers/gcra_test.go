package handlers

import (
	"math/rand/v2"
	"testing"
)

// bucket is what arrivals is compared with: tokens that come back with time, as a first textbook
// has it. A token is worth an interval.
type bucket struct{ level, last int64 }

func (b *bucket) take(now, interval, burst int64) bool {
	full := burst + interval
	b.level, b.last = min(full, b.level+now-b.last), now
	if b.level < interval {
		return false
	}
	b.level -= interval
	return true
}

// TestArrivalsAreABucket: with room for all keys the answers are those of token buckets, one for
// each key, whatever comes when.
func TestArrivalsAreABucket(t *testing.T) {
	const keys = 50
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		interval, burst := 1+rng.Int64N(1000), rng.IntN(6)
		a := newArrivals(1, 0, 100*keys)
		a.interval, a.burst = interval, int64(burst)*interval
		buckets := map[uint64]*bucket{}
		for now, n := int64(0), 0; n < 50_000; n++ {
			now += rng.Int64N(2 + 4*interval/keys)
			key := rng.Uint64N(keys)
			b := buckets[key]
			if b == nil {
				b = &bucket{level: interval + a.burst, last: now}
				buckets[key] = b
			}
			wait, good := a.take(key, now)
			if want := b.take(now, interval, a.burst); good != want {
				t.Fatalf("seed %d, request %d of key %d at %d: %v, the bucket says %v",
					seed, n, key, now, good, want)
			}
			if !good && wait != interval-b.level {
				t.Fatalf("seed %d: to wait %d, the bucket says %d", seed, wait, interval-b.level)
			}
		}
	}
}

// TestArrivalsAreBounded: a million keys take no more than was said, and of those under way none is
// forgotten while there are others.
func TestArrivalsAreBounded(t *testing.T) {
	const keys = 1000
	a := newArrivals(1, 0, keys)
	a.interval = 1 << 40
	for key := range uint64(1_000_000) {
		a.take(key, int64(key))
	}
	slots := 0
	for i := range a.shards {
		s := &a.shards[i]
		slots += len(s.slots)
		if len(s.index) != len(s.slots) || len(s.slots) > s.room {
			t.Fatalf("shard %d: %d keys in %d slots, of %d", i, len(s.index), len(s.slots), s.room)
		}
		for key, at := range s.index {
			if s.slots[at].key != key {
				t.Fatalf("shard %d: the slot of %d is %d's", i, key, s.slots[at].key)
			}
		}
	}
	if slots < keys || slots > keys+arrivalShards {
		t.Errorf("%d slots, %d keys were to be remembered", slots, keys)
	}
}

// TestArrivalsForgetTheOldest: a key that is at its limit outlives a flood of as many others as
// were there before it.
func TestArrivalsForgetTheOldest(t *testing.T) {
	a := newArrivals(1, 0, arrivalShards*64)
	a.interval = 1000
	const key = 7
	for other := range uint64(64 * arrivalShards) { // over by the time that the flood comes
		a.take(1000+other, 0)
	}
	a.take(key, 2000)
	for other := range uint64(60) {
		a.take(key+(1_000_000+other)*arrivalShards, 2000)
	}
	if _, good := a.take(key, 2001); good {
		t.Error("the key was forgotten, with others there that were over")
	}
}

func TestArrivalsGiveBack(t *testing.T) {
	a := newArrivals(10, 0, 10)
	_, first := a.take(1, 0)
	_, second := a.take(1, 1)
	a.giveBack(1)
	a.giveBack(99) // is not there
	_, third := a.take(1, 1)
	if !first || second || !third {
		t.Errorf("%v, %v, and %v once it was given back", first, second, third)
	}
}

func BenchmarkArrivals(b *testing.B) {
	a := newArrivals(1000, 10, defaultKeys)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		a.take(uint64(i%4096)*0x9e3779b97f4a7c15, int64(i))
	}
}
