//go:build linux

package loop

import "time"

// Clock is the seam to the time: what timers, limits and the expiry of connections go by. Tests put
// one in its place that they set forward themselves. Every loop of a group has the same one, so its
// methods may be called from anywhere.
//
// A loop sleeps for as long as its clock says, by the system's time. It looks at the clock again
// whenever it wakes; who sets a clock forward by hand wakes the loops afterwards, with a letter
// (Loop.Post).
type Clock interface {
	// Now is the time since an instant of the clock's own, in nanoseconds: not negative, and never
	// less than before.
	Now() int64
	// Wall is the time of day.
	Wall() time.Time
}

// systemClock is the system's monotonic clock, and its time of day.
type systemClock struct{ start time.Time }

func (c systemClock) Now() int64      { return int64(time.Since(c.start)) }
func (c systemClock) Wall() time.Time { return time.Now() }
