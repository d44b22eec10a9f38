package cache

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// benchKeys is how many keys the benchmarks hit: few enough for the CPU's caches, so that the code
// is measured.
const benchKeys = 256

func benchKey(i int) string { return "/static/pages/" + strconv.Itoa(i%benchKeys) + ".html" }

// benchCache returns a cache with every benchKey in it.
func benchCache(b *testing.B) (*Cache[string, int], []string) {
	c := New(Config[string, int]{
		TTL:    time.Hour,
		Create: func(_ context.Context, k string) (int, error) { return len(k), nil },
	})
	keys := make([]string, benchKeys)
	for i := range keys {
		keys[i] = benchKey(i)
		r, err := c.Get(context.Background(), keys[i])
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
	b.Cleanup(func() {
		if err := c.Close(); err != nil {
			b.Error(err)
		}
	})
	return c, keys
}

func BenchmarkCacheHit(b *testing.B) {
	c, keys := benchCache(b)
	ctx := context.Background()
	b.Run("Peek", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r, ok := c.Peek(keys[i%benchKeys])
			if !ok {
				b.Fatal("miss")
			}
			r.Release()
		}
	})
	b.Run("Get", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r, err := c.Get(ctx, keys[i%benchKeys])
			if err != nil {
				b.Fatal(err)
			}
			r.Release()
		}
	})
}

func BenchmarkCacheHitParallel(b *testing.B) {
	c, keys := benchCache(b)
	ctx := context.Background()
	run := func(name string, step int, hit func(k string) bool) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var part atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for i := int(part.Add(97)); pb.Next(); i += step {
					if !hit(keys[i%benchKeys]) {
						b.Error("miss")
						return
					}
				}
			})
		})
	}
	peek := func(k string) bool {
		r, ok := c.Peek(k)
		r.Release()
		return ok
	}
	get := func(k string) bool {
		r, err := c.Get(ctx, k)
		r.Release()
		return err == nil
	}
	run("Peek", 1, peek)
	run("Get", 1, get)
	run("PeekSameKey", benchKeys, func(string) bool { return peek(keys[0]) })
	run("GetSameKey", benchKeys, func(string) bool { return get(keys[0]) })
}

// BenchmarkMapUnderRWMutex is what people write without a cache, to compare with: no references, no
// bounds, no end.
func BenchmarkMapUnderRWMutex(b *testing.B) {
	var mu sync.RWMutex
	m := map[string]int{}
	keys := make([]string, benchKeys)
	for i := range keys {
		keys[i] = benchKey(i)
		m[keys[i]] = i
	}
	var part atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for i := int(part.Add(97)); pb.Next(); i++ {
			mu.RLock()
			_, ok := m[keys[i%benchKeys]]
			mu.RUnlock()
			if !ok {
				b.Error("miss")
				return
			}
		}
	})
}

// BenchmarkCacheMiss is a creation that does nothing, with the eviction that makes room for it.
func BenchmarkCacheMiss(b *testing.B) {
	c := New(Config[int, int]{
		TTL: time.Hour, MaxEntries: 1024,
		Create: func(_ context.Context, k int) (int, error) { return k, nil },
	})
	ctx := context.Background()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r, err := c.Get(ctx, i)
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCachePurge is what it costs to take one entry out, of many.
func BenchmarkCachePurge(b *testing.B) {
	const entries = 1 << 14
	c := New(Config[int, int]{
		TTL: time.Hour, Create: func(_ context.Context, k int) (int, error) { return k, nil },
	})
	ctx := context.Background()
	for b.Loop() {
		b.StopTimer()
		for k := range entries {
			r, err := c.Get(ctx, k)
			if err != nil {
				b.Fatal(err)
			}
			r.Release()
		}
		b.StartTimer()
		c.Purge(nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entries, "ns/entry")
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkGrowth is a hit in caches of more and more entries, which the sweep passes meanwhile.
func BenchmarkGrowth(b *testing.B) {
	for n := 10; n <= 1_000_000; n *= 10 {
		b.Run("entries="+strconv.Itoa(n), func(b *testing.B) {
			c := New(Config[string, int]{
				TTL: time.Hour, MaxEntries: n,
				Create: func(_ context.Context, k string) (int, error) { return len(k), nil },
			})
			defer c.Close()
			keys := make([]string, n)
			for i := range keys {
				keys[i] = "/static/pages/" + strconv.Itoa(i) + ".html"
				r, err := c.Get(context.Background(), keys[i])
				if err != nil {
					b.Fatal(err)
				}
				r.Release()
			}
			for i := 0; b.Loop(); i++ {
				r, ok := c.Peek(keys[i*7919%n]) // not in the order in which memory is
				if !ok {
					b.Fatal("miss")
				}
				r.Release()
			}
		})
	}
}
