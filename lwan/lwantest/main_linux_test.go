package lwantest

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// TestMain fails the tests if goroutines or poller descriptors are left behind.
func TestMain(m *testing.M) {
	wakePoller()
	before, open := goroutines(), len(pollers())
	code := m.Run()
	if !await(patience, func() bool {
		return len(goroutines()) <= len(before) && len(pollers()) <= open
	}) {
		fmt.Fprintf(os.Stderr, "left behind: pollers %v, before %d; goroutines, before %d:\n%s\n",
			pollers(), open, len(before), strings.Join(goroutines(), "\n\n"))
		code = max(code, 1)
	}
	os.Exit(code)
}

// goroutines lists the stacks of all goroutines but those that rest in the server's pool for a
// while, and the one that hands out signals, which package testing starts when it fuzzes.
func goroutines() (stacks []string) {
	all, err := allGoroutines()
	if err != nil {
		return []string{err.Error()}
	}
	for _, g := range all {
		if !pooled(g.stack) && !strings.Contains(g.stack, "os/signal.loop(") {
			stacks = append(stacks, g.stack)
		}
	}
	return stacks
}

// wakePoller makes the runtime open the descriptors that it waits with, so that they do not appear
// later.
func wakePoller() {
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		ln.Close()
	}
}

// pollers lists the process's epoll and eventfd descriptors.
func pollers() map[int]string {
	found := map[int]string{}
	for fd, what := range openDescriptors() {
		if what == "anon_inode:[eventpoll]" || what == "anon_inode:[eventfd]" {
			found[fd] = what
		}
	}
	return found
}
