package cache

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// DefaultMaxEntries is the bound that a zero Config.MaxEntries stands for.
const DefaultMaxEntries = 1 << 16

// Config says how values are made, how long they live and how many are kept. New copies it. Only
// Create is needed; a Config that contradicts itself makes a cache whose Err, and every Get, is an
// ErrConfig that names the field. Negative numbers and times do.
type Config[K comparable, V any] struct {
	// TTL is the longest time that a value is served after Create has returned it. Zero: until it
	// is evicted or purged. Values that end within 1/256 of TTL of each other (at most a second)
	// end together, with the first of them.
	TTL time.Duration

	// ErrorTTL is how long Get repeats the error of a failed Create instead of trying again. Zero:
	// every Get tries.
	ErrorTTL time.Duration

	// Refresh is how long before its end a value becomes due: the next hit still gets it, and has
	// one goroutine make the value that will replace it. Nobody waits, and a value that nobody asks
	// for is not made again. When that fails the old value stays until its TTL; it is due again
	// after ErrorTTL, and not sooner than after an eighth of Refresh. Zero: values are not
	// refreshed. Must be shorter than TTL.
	Refresh time.Duration

	// MaxEntries bounds the entries kept, failures included. Zero: DefaultMaxEntries. References
	// can hold more values than that alive: those float, see Stats.
	MaxEntries int

	// MaxBytes bounds the sum of the sizes of the values kept; it needs Size. Zero: no bound but
	// that of an int64. A value that alone is larger is handed out, but not kept.
	MaxBytes int64

	// Size is called once for a value, right after Create. What it returns is in whatever unit
	// MaxBytes is, and must not be negative: that is an ErrSize for the caller of Get. nil: every
	// value counts 0.
	Size func(k K, v V) int64

	// Create makes the value of k, on a goroutine of its own, never twice at a time for one key.
	// Its context ends only with Close, so that a caller of Get who gives up does not take the
	// value from the others: a source that may hang needs a deadline of its own. A value returned
	// beside an error is ignored: Create cleans up after itself.
	Create func(ctx context.Context, k K) (V, error)

	// Destroy is called exactly once for each value that Create made, when the cache has let go of
	// it and its last reference was released: on the goroutine that released it, or else on the one
	// that removed it (Purge, Close, a creation that needed its room, the sweep of what has
	// expired). No lock is held, and no Get waits for it. A panic is kept for Err. nil: nothing to
	// do.
	Destroy func(k K, v V)
}

// check returns what is wrong with the configuration.
func (c *Config[K, V]) check() error {
	var errs []error
	bad := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, fmt.Errorf("%w: %s", ErrConfig, text))
		}
	}
	bad(c.Create == nil, "Create is nil")
	bad(c.TTL < 0, "TTL is negative")
	bad(c.ErrorTTL < 0, "ErrorTTL is negative")
	bad(c.Refresh < 0, "Refresh is negative")
	bad(c.Refresh > 0 && c.Refresh >= c.TTL, "Refresh is not shorter than TTL")
	bad(c.MaxEntries < 0, "MaxEntries is negative")
	bad(c.MaxBytes < 0, "MaxBytes is negative")
	bad(c.MaxBytes > 0 && c.Size == nil, "MaxBytes without Size")
	return errors.Join(errs...)
}

func (c *Config[K, V]) maxEntries() int {
	if c.MaxEntries == 0 {
		return DefaultMaxEntries
	}
	return c.MaxEntries
}

func (c *Config[K, V]) maxBytes() int64 {
	if c.MaxBytes == 0 {
		return math.MaxInt64
	}
	return c.MaxBytes
}

// retryAfter is the pause between a failed refresh and the next: a source that is down must not be
// asked at every hit.
func (c *Config[K, V]) retryAfter() time.Duration {
	return max(c.ErrorTTL, c.Refresh/8)
}
