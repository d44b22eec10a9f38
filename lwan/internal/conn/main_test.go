//go:build linux

package conn

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// children are what the test binary does when a test runs it again, because the thing cannot be
// done, or would not be survived, in the process of the tests.
var children = map[string]func(){}

const childVariable = "CONN_TEST_CHILD"

// TestMain fails the run when an engine left a goroutine or a descriptor behind.
func TestMain(m *testing.M) {
	if name := os.Getenv(pollerVariable); name != "" {
		testPoller = pollers[name]
	}
	if name := os.Getenv(childVariable); name != "" {
		children[name]()
		os.Exit(0)
	}
	// Most of what is parallel waits: so more of it at once than there are CPUs, unless -parallel
	// says how much.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	openPoller()
	before := openDescriptors()
	code := m.Run()
	if code == 0 {
		code = leaks(before)
	}
	os.Exit(code)
}

// leaks gives what ends a moment to do so, and reports what does not.
func leaks(descriptors int) int {
	deadline := time.Now().Add(10 * time.Second)
	for {
		stacks, open := engineGoroutines(), openDescriptors()
		if stacks == "" && open <= descriptors {
			return 0
		}
		if time.Now().After(deadline) {
			fmt.Printf("leaked: %d descriptors, %d before\n%s\n", open, descriptors, stacks)
			return 1
		}
		runtime.Gosched()
	}
}

// engineGoroutines returns the stacks of the goroutines that run code of this package, but the
// caller's.
func engineGoroutines() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var found []string
	for i, g := range strings.Split(string(buf), "\n\n") {
		if i > 0 &&
			(strings.Contains(g, "internal/conn.") || strings.Contains(g, "internal/loop.")) &&
			!strings.Contains(g, "testing.tRunner") {
			found = append(found, g)
		}
	}
	return strings.Join(found, "\n\n")
}

// openDescriptors counts the descriptors of the process.
func openDescriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(list)
}

// openPoller makes the runtime open the epoll instance and the eventfd of its own, which it never
// closes.
func openPoller() {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	r.Close()
	w.Close()
}

// child runs this test binary again to do one of the children, and returns what it printed.
func child(t *testing.T, name string, prepare func(*exec.Cmd)) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	if prepare != nil {
		prepare(cmd)
	}
	var buf bytes.Buffer
	cmd.Stdout, cmd.Stderr = &buf, &buf
	err = cmd.Run()
	return buf.String(), err
}

// spawnServer starts a child that prints its address and ends when its standard input is closed.
func spawnServer(t *testing.T, name string) (addr net.Addr, end func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.ResolveTCPAddr("tcp", strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return tcp, func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
