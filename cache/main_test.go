package cache

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails the run if goroutines of the package are left after all caches are closed.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leaked(); left != "" {
		fmt.Fprintf(os.Stderr, "goroutines left:\n%s\n", left)
		code = max(code, 1)
	}
	os.Exit(code)
}

// leaked gives goroutines that are about to end the time to do so, and returns the stacks of those
// that stay.
func leaked() string {
	var left []string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); runtime.Gosched() {
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		left = left[:0]
		for i, g := range strings.Split(string(buf), "\n\n") {
			if i > 0 && strings.Contains(g, "golwan/cache") { // the first is this one
				left = append(left, g)
			}
		}
		if len(left) == 0 {
			return ""
		}
	}
	return strings.Join(left, "\n\n")
}
