package handlers

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan"
)

// What a StatusPage remembers: five minutes.
const (
	statusEvery = 2 * time.Second
	statusKept  = 150
)

// latencies counts times in classes of which each is at most a quarter wider than the one before.
type latencies struct{ classes [latencyClasses]atomic.Int64 }

// latencyCounts are those of one time.
type latencyCounts [latencyClasses]int64

// latencyClasses reach to more than an hour in microseconds.
const latencyClasses = 128

// latencyClass is the class of a time: that of its three highest bits in microseconds.
func latencyClass(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < 4 {
		return int(us)
	}
	shift := bits.Len64(us) - 3
	return min(4*shift+int(us>>shift), latencyClasses-1)
}

// latencyLimit is the time below which those of a class are.
func latencyLimit(class int) time.Duration {
	us := class + 1
	if class >= 4 {
		us = (class%4 + 5) << (class/4 - 1)
	}
	return time.Duration(us) * time.Microsecond
}

func (l *latencies) count(d time.Duration) { l.classes[latencyClass(d)].Add(1) }

func (l *latencies) snapshot() (c latencyCounts) {
	for i := range c {
		c[i] = l.classes[i].Load()
	}
	return c
}

// since is what was counted after an earlier snapshot.
func (c *latencyCounts) since(before *latencyCounts) (d latencyCounts) {
	for i := range c {
		d[i] = c[i] - before[i]
	}
	return d
}

// quantile is a time that the part q was below; 0: nothing was counted.
func (c *latencyCounts) quantile(q float64) time.Duration {
	var all int64
	for _, n := range c {
		all += n
	}
	left := int64(q * float64(all))
	for class, n := range c {
		if left -= n; left < 0 {
			return latencyLimit(class)
		}
	}
	return 0
}

// latency writes a histogram of Prometheus, in fewer classes.
func (m exposition) latency(c *latencyCounts) {
	const name = "golwan_request_seconds"
	m.family(name, "histogram", "Time from a request's head to its end; sums are estimates.")
	var sum float64
	var n int64
	for class, k := range c {
		n += k
		sum += float64(k) * latencyLimit(class).Seconds()
		if class%4 == 3 {
			m.to.Printf("%s_bucket{le=\"%g\"} %d\n", name, latencyLimit(class).Seconds(), n)
		}
	}
	m.to.Printf("%s_bucket{le=\"+Inf\"} %d\n%[1]s_sum %[3]g\n%[1]s_count %[2]d\n", name, n, sum)
}

func millisOf(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// statusSample is the counts of one time.
type statusSample struct {
	at      time.Time
	stats   lwan.Stats
	latency latencyCounts
}

// statusPoint is what has happened between two samples, a second.
type statusPoint struct {
	At       int64       `json:"at"` // milliseconds since 1970
	Requests float64     `json:"requests"`
	Errors   float64     `json:"errors"` // 5xx, and what no answer could be sent to
	BytesOut float64     `json:"bytes_out"`
	Turns    float64     `json:"turns"` // of the loops
	Parks    float64     `json:"parks"` // waits of handlers
	P50      float64     `json:"p50_ms"`
	P99      float64     `json:"p99_ms"`
	Conns    statusConns `json:"connections"`
}

// statusHistory is the last samples.
type statusHistory struct {
	mu      sync.Mutex     // held for copying
	samples []statusSample // at most statusKept; guarded by mu
}

func (h *statusHistory) add(s statusSample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == statusKept {
		h.samples = append(h.samples[:0], h.samples[1:]...)
	}
	h.samples = append(h.samples, s)
}

// points are what has happened between the samples, and up to now.
func (h *statusHistory) points(now statusSample) []statusPoint {
	h.mu.Lock()
	samples := append([]statusSample(nil), h.samples...)
	h.mu.Unlock()
	points := []statusPoint{}
	for i := 1; i < len(samples); i++ {
		points = append(points, pointBetween(&samples[i-1], &samples[i]))
	}
	if n := len(samples); n > 0 && now.at.Sub(samples[n-1].at) >= statusEvery/2 {
		points = append(points, pointBetween(&samples[n-1], &now))
	}
	return points
}

func pointBetween(a, b *statusSample) statusPoint {
	seconds := max(b.at.Sub(a.at).Seconds(), 0.001)
	each := func(now, before int64) float64 { return float64(now-before) / seconds }
	latency := b.latency.since(&a.latency)
	x, y := &b.stats, &a.stats
	return statusPoint{
		At: b.at.UnixMilli(), Requests: each(x.Requests, y.Requests),
		Errors:   each(x.Status[5]+x.Status[0], y.Status[5]+y.Status[0]),
		BytesOut: each(x.BytesOut, y.BytesOut), Turns: each(x.Turns, y.Turns),
		Parks: each(x.Parks, y.Parks), P50: millisOf(latency.quantile(0.5)),
		P99: millisOf(latency.quantile(0.99)), Conns: connsOf(x),
	}
}
