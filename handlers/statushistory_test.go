package handlers

import (
	"testing"
	"time"
)

// TestLatencyClasses: each time is below the limit of its class, and not below that of the one
// before.
func TestLatencyClasses(t *testing.T) {
	for us := int64(0); us < 3_000_000_000; us += us/97 + 1 {
		d := time.Duration(us) * time.Microsecond
		class := latencyClass(d)
		last := class == latencyClasses-1
		if !last && d >= latencyLimit(class) || class > 0 && d < latencyLimit(class-1) {
			t.Fatalf("%v is in class %d, from %v to %v", d, class, latencyLimit(max(class-1, 0)),
				latencyLimit(class))
		}
	}
	if latencyClass(-1) != 0 {
		t.Error("a time that went back")
	}
}

// TestLatencyQuantiles: the part that is asked for is below.
func TestLatencyQuantiles(t *testing.T) {
	var l latencies
	c := l.snapshot()
	if got := c.quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for ms := range 1000 {
		l.count(time.Duration(ms) * time.Millisecond)
	}
	c = l.snapshot()
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99} {
		exact := time.Duration(q*1000) * time.Millisecond
		if got := c.quantile(q); got < exact || got > exact+exact/4+time.Millisecond {
			t.Errorf("%v: %v, exactly %v", q, got, exact)
		}
	}
	before := c
	l.count(time.Second)
	c = l.snapshot()
	c = c.since(&before)
	if got := c.quantile(0.5); got < time.Second || got > 2*time.Second {
		t.Errorf("since then: %v", got)
	}
}

// TestStatusHistory: it forgets the oldest, and tells what happened between.
func TestStatusHistory(t *testing.T) {
	var h statusHistory
	at := time.Unix(1000, 0)
	for i := range statusKept + 10 {
		s := statusSample{at: at.Add(time.Duration(i) * statusEvery)}
		s.stats.Requests = int64(i) * 20
		s.stats.Status[5] = int64(i) * 2
		h.add(s)
	}
	now := statusSample{at: at.Add((statusKept + 9) * statusEvery)}
	points := h.points(now)
	if len(points) != statusKept-1 {
		t.Fatalf("%d points", len(points))
	}
	for _, p := range points {
		if p.Requests != 10 || p.Errors != 1 {
			t.Fatalf("%+v", p)
		}
	}
	if last := points[len(points)-1].At; last != now.at.UnixMilli() {
		t.Errorf("the last is of %d", last)
	}
}
