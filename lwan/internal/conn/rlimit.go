//go:build linux

package conn

import "golang.org/x/sys/unix"

// RaiseDescriptorLimit raises RLIMIT_NOFILE to its hard limit and returns what it is then.
func RaiseDescriptorLimit() (uint64, error) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0, err
	}
	if r.Cur < r.Max {
		r.Cur = r.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
			return 0, err
		}
	}
	return r.Cur, nil
}

// slotCount is how many slots are needed for every descriptor that the process may get, within want
// (0: no wish).
func slotCount(want int) int {
	n := maxSlots
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err == nil && r.Cur < maxSlots {
		n = int(r.Cur)
	}
	if want > 0 {
		n = min(n, want)
	}
	return n
}
