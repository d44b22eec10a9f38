//go:build linux

package evloop

import (
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// callCounter is a kernel that counts how often a loop looks for events, and how often it waits for them.
type callCounter struct {
	linux
	polls, waits atomic.Int64
}

func (k *callCounter) poll(epfd int, events []epollEvent) (int, syscall.Errno) {
	k.polls.Add(1)
	return k.linux.poll(epfd, events)
}

func (k *callCounter) wait(epfd int, events []epollEvent, ms int) (int, syscall.Errno) {
	k.waits.Add(1)
	return k.linux.wait(epfd, events, ms)
}

// A loop with little to do looked for events in vain before each of its sleeps.
func TestQuietLoopDoesNotLookInVain(t *testing.T) {
	k := &callCounter{}
	r := run(t, &script{}, Config{Kernel: k})
	l := r.eng.Loops()[0]
	p := r.dial()
	const requests = 100
	for range requests {
		eventually(t, "the loop sleeps", l.Sleeping)
		for asleep := time.Now(); time.Since(asleep) < 2*lullTime; {
		}
		p.send("hello\n")
		p.want("hello")
	}
	if polls, waits := k.polls.Load(), k.waits.Load(); polls > requests/10 || waits < requests {
		t.Errorf("%d calls that only look, %d that wait, for %d requests", polls, waits, requests)
	}
}
