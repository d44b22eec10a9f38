//go:build linux

package loop

import (
	"testing"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// TestWorkersOfTwoGroups: a watchdog finds a worker in the profile of the process by its number,
// which no worker of another server may have.
func TestWorkersOfTwoGroups(t *testing.T) {
	numbers := make(chan uint64, 2)
	for range 2 {
		r := run(t, Config{})
		r.g.Loops()[0].Go(func(on transport.Task) { numbers <- on.(*Task).Worker().number })
	}
	if a, b := <-numbers, <-numbers; a == b {
		t.Errorf("both have worker %d", a)
	}
}
