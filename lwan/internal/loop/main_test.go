//go:build linux

package loop

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// children are what the test binary does when a test runs it again, because the thing cannot be
// survived in the process of the tests.
var children = map[string]func(){}

const childVariable = "LOOP_TEST_CHILD"

// TestMain fails the run when a group left a goroutine behind.
func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		children[name]()
		os.Exit(0)
	}
	code := m.Run()
	if stacks := loopGoroutines(); code == 0 && stacks != "" {
		println("leaked:", stacks)
		code = 1
	}
	os.Exit(code)
}

// loopGoroutines returns the stacks of the goroutines that run code of this package, but the
// caller's.
func loopGoroutines() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var found []string
	for i, g := range strings.Split(string(buf), "\n\n") {
		if i > 0 && strings.Contains(g, "internal/loop.") {
			found = append(found, g)
		}
	}
	return strings.Join(found, "\n\n")
}

// child runs this test binary again to do one of the children, and returns what it printed.
func child(t *testing.T, name string) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	text, err := cmd.CombinedOutput()
	return string(text), err
}
