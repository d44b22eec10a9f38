package lwan

import (
	flags "flag"
	"os"
	"testing"
)

// TestMain lets more tests run beside each other than there are CPUs, as most of those that call t.Parallel wait: for a
// time limit to pass, a process, a proxy. -parallel says how many.
//
// A test is parallel if what it looks at is its server's own. Those that count what is the process's stay serial, which
// the parallel ones wait for: descriptors, goroutines, the heap, allocations, the environment.
func TestMain(m *testing.M) {
	if err := flags.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
