package files

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// stamp tells one state of a file from another: two states of a settled file with the same stamp
// are the same.
type stamp struct {
	size     int64
	modified int64 // ns since 1970; 0: the file system does not know
	changed  int64 // ns: see changeTime
}

func stampOf(fi fs.FileInfo) stamp {
	return stamp{fi.Size(), nanoseconds(fi.ModTime()), nanoseconds(changeTime(fi))}
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// tick is longer than any step of the clock by which kernels stamp files: a second change within a
// step leaves no trace.
const tick = 20 * time.Millisecond

// settled reports whether the last change was longer ago than d; after a tick, a change from now on
// would show in the stamp. A change in the far future means that the clock was set back: a change
// from now on has another stamp as well.
func (s stamp) settled(now time.Time, d time.Duration) bool {
	age := now.UnixNano() - s.changed
	return age > int64(d) || age < -int64(d)
}

// errChanging says that a file was being rewritten all the time while we tried to read it.
var errChanging = errors.New("it changes while it is read")

// pause waits for the next step of the kernel's clock.
func pause(ctx context.Context) error {
	t := time.NewTimer(tick)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
