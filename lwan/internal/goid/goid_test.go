package goid

import (
	"runtime"
	"sync"
	"testing"
)

func TestCurrent(t *testing.T) {
	mine := Current()
	if mine == 0 || mine != Current() {
		t.Fatalf("%d, then %d", mine, Current())
	}
	other := make(chan uint64)
	go func() { other <- Current() }()
	if n := <-other; n == 0 || n == mine {
		t.Errorf("this goroutine is %d, another one %d", mine, n)
	}
}

// TestSelf lets goroutines that are alive at once look for themselves, while their stacks move and
// the collector runs.
func TestSelf(t *testing.T) {
	const n = 100
	var all sync.WaitGroup
	seen := make(chan uintptr, n)
	done := make(chan struct{})
	for range n {
		all.Go(func() {
			mine := Self()
			seen <- mine
			<-done
			grow(1000)
			if mine == 0 || Self() != mine {
				t.Errorf("%x, then %x", mine, Self())
			}
		})
	}
	others := map[uintptr]bool{Self(): true}
	for range n {
		others[<-seen] = true
	}
	runtime.GC()
	close(done)
	all.Wait()
	if len(others) != n+1 {
		t.Errorf("%d goroutines have %d addresses", n+1, len(others))
	}
}

// grow makes the stack grow.
func grow(depth int) byte {
	var room [128]byte
	if depth > 0 {
		room[depth%128] = grow(depth - 1)
	}
	return room[0]
}

func BenchmarkSelf(b *testing.B) {
	for b.Loop() {
		Self()
	}
}
