package conf

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// monotonic is the time that a service manager wants to know of a reload: it takes one that began
// before its signal for an older one.
func monotonic() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return ""
	}
	return fmt.Sprintf("\nMONOTONIC_USEC=%d", now.Nano()/1000)
}
