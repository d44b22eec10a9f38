// Package cache keeps values that are expensive to make: for a time, up to a bound, and counted by
// reference, so that a value can own something that has to be closed.
//
//	users := cache.New(cache.Config[int, User]{
//		TTL:        5 * time.Second,
//		MaxEntries: 10_000,
//		Create:     func(ctx context.Context, id int) (User, error) { return load(ctx, id) },
//	})
//	defer users.Close()
//
//	// Create makes the value if it is missing; concurrent callers share one call.
//	ref, err := users.Get(ctx, 42)
//	if err != nil {
//		return err
//	}
//	defer ref.Release()
//	use(ref.Value())
//
// There are two ways to ask. Peek never waits, for code that runs on an event loop; Get makes what
// is missing, for goroutines. Where both are needed, ask Peek first, then Failure, and go elsewhere
// for Get if both have nothing.
//
// # Lifetimes
//
// A value belongs to the cache from the moment Create returns it, and is given to Destroy exactly
// once. In between, a Ref guarantees that it is not destroyed. A value that has expired, was
// evicted or purged while there are references to it floats: it cannot be found any more, and is
// destroyed by its last Release. So an open file may be served to its end while the cache already
// has its successor.
//
// Every Ref must be released, once; more often does no harm. A copy of a Ref is the same reference.
// The value, and whatever it owns, must not be used after that, and Ref.Value panics.
//
// A value is served for Config.TTL after Create returned it. Expiry is an event, not a comparison:
// a timer takes entries out when their time has come, and a hit reads no clock (here that alone
// costs 23 ns, as much as the rest of it). It is as punctual as timers of package time are: with
// three goroutines that burn for each CPU, up to 50 ms late were measured. With Config.Refresh, a
// value that is still asked for is made anew before it ends, and nobody waits for it.
//
// # Memory
//
// Config.MaxEntries and Config.MaxBytes bound what is kept. Failures go first, then values in the
// order of SIEVE: from the oldest on, those that were not hit since they were last looked at
// (evict.go has a drawing). What floats, is being made or is just being destroyed is not in the
// bounds: if values hold descriptors, leave room for as many as there can be references and
// creations at a time. An entry takes about 180 bytes, besides what its key and value refer to.
//
// # Concurrency
//
// All methods may be called at any time from anywhere. A hit and its Release are a probe of a table
// and four atomic operations. They take no lock, and allocate nothing but a 16-byte ticket where
// more references are held than ever since the collector last took those that lay idle. Measured:
// Peek and Release take 32 ns (BenchmarkCacheHit), 28 when two CPUs do it, where a map under an
// RWMutex, which keeps no references and no bounds, takes 21. Misses, Stats and the last Release of
// what floats take one mutex for a moment.
//
// Create, Size, Destroy and the function given to Purge run without a lock and may use the cache;
// only Close must not be called from them. A panic or runtime.Goexit in Create is an error for all
// callers that wait. A circle of values that need each other is ErrCycle, if Create passes its
// context on to Get.
//
// An idle cache uses no CPU: it has no goroutine, and no timer if it is empty. One that is dropped
// without Close is collected like anything else, but its values are not destroyed.
//
// # Caveats
//
//   - Destroy runs on the goroutine that releases last. On an event loop it should be as short as a
//     close(2).
//   - Get does not bound the creations that run at the same time; Create does, with a semaphore, if
//     its source needs it.
//   - A key that is not equal to itself (a NaN) is made each time, and never kept.
//   - A key of an interface type whose dynamic type cannot be compared panics, as in a map.
//
// # Testing
//
// The clock is that of package time and nothing else, so in a bubble of testing/synctest hours pass
// at once, and after synctest.Wait what has expired is gone: the tests of this package do it like
// that.
//
// # Non-goals
//
// No values put in from outside (what is not made by Create has no way to be made again), no TTL of
// single values, no persistence, no distribution, no least-recently-used order (it needs a lock for
// every hit).
package cache
