package stats

import (
	"math/bits"
	"time"
)

// Each power of two is divided into 64 buckets, so a percentile is at most 1/64 too high.
const (
	divisionBits = 6
	divisions    = 1 << divisionBits
)

// Histogram counts durations in buckets whose width grows with the duration. Recording takes
// constant time and allocates nothing. The zero value is empty.
type Histogram struct {
	counts [(64 - divisionBits + 1) * divisions]int64
	total  int64
	max    time.Duration
}

// Record counts one duration; a negative one counts as 0.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(d)]++
	h.total++
	h.max = max(h.max, d)
}

// Total is the number of recorded durations.
func (h *Histogram) Total() int64 { return h.total }

// Max is the longest duration, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Percentile is the duration that p percent of the recorded ones do not exceed, rounded up to the
// end of its bucket; 0 when there are none.
func (h *Histogram) Percentile(p float64) time.Duration {
	rank := min(int64(p/100*float64(h.total))+1, h.total)
	var seen int64
	for i, n := range h.counts {
		if seen += n; n > 0 && seen >= rank {
			return min(upper(i), h.max)
		}
	}
	return 0
}

// bucket: below divisions each nanosecond has a bucket of its own; above, the position of the
// highest bit and the divisionBits bits after it name the bucket.
func bucket(d time.Duration) int {
	if d < divisions {
		return int(d)
	}
	shift := bits.Len64(uint64(d)) - 1 - divisionBits
	return shift*divisions + int(d>>shift)
}

// upper is the longest duration in a bucket.
func upper(bucket int) time.Duration {
	if bucket < divisions {
		return time.Duration(bucket)
	}
	shift := bucket/divisions - 1
	return time.Duration(bucket%divisions+divisions+1)<<shift - 1
}
