package lwan

import (
	"bytes"
	flags "flag"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// TestMain lets more tests run beside each other than there are CPUs, as most of those that call
// t.Parallel wait: for a time limit to pass, a process, a proxy. -parallel says how many. It fails
// the tests if goroutines or descriptors are left behind.
//
// A test is parallel if what it looks at is its server's own. Those that count what is the
// process's stay serial, which the parallel ones wait for: descriptors, goroutines, the heap,
// allocations, the environment.
func TestMain(m *testing.M) {
	if err := flags.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	openPoller()
	goroutines, open := len(stacks()), openDescriptors()
	code := m.Run()
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		left := stacks()
		if len(left) <= goroutines && openDescriptors() <= open {
			break
		}
		if time.Now().After(until) {
			fmt.Fprintf(os.Stderr,
				"left behind: %d descriptors, before %d; goroutines, before %d:\n%s\n",
				openDescriptors(), open, goroutines, strings.Join(left, "\n\n"))
			code = max(code, 1)
			break
		}
	}
	os.Exit(code)
}

// stacks are those of all goroutines, but for those that rest in a server's pool for a while, and
// that which hands out signals, which package testing starts when it fuzzes.
func stacks() (list []string) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 2); err != nil {
		panic(err)
	}
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if !strings.Contains(stack, "lwan.(*goroutines).next(") &&
			!strings.Contains(stack, "os/signal.loop(") {
			list = append(list, stack)
		}
	}
	return list
}

// openDescriptors counts those of the process, where the system lists them.
func openDescriptors() int {
	list, err := os.ReadDir("/dev/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// openPoller makes the runtime open the descriptors of its own poller, which it never closes.
func openPoller() {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	_, _ = r.Close(), w.Close() // nothing was written
}
