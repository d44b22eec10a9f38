//go:build linux

package loop

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestMailboxKeepsEachSendersOrder(t *testing.T) {
	const senders, each = 8, 20_000
	var b mailbox
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				b.push(&letter{tick: uint64(s)<<32 | uint64(i)})
			}
		})
	}
	var next [senders]uint64
	for got := 0; got < senders*each; {
		for m := b.take(); m != nil; m = m.next {
			s, i := m.tick>>32, m.tick&(1<<32-1)
			if i != next[s] {
				t.Fatalf("sender %d: letter %d, want %d", s, i, next[s])
			}
			next[s]++
			got++
		}
	}
	wg.Wait()
	if !b.empty() || b.take() != nil {
		t.Error("there is more than was sent")
	}
}

// A loop that has nothing to do sleeps without a limit: a wake-up that is lost stops the game for
// good.
func TestLoopIsAlwaysWoken(t *testing.T) {
	r := run(t, Config{Loops: 2})
	a, b := r.g.loops[0], r.g.loops[1]
	const rounds = 20_000
	var wg sync.WaitGroup
	for range 4 { // games of ping-pong that meet on the same loops
		wg.Add(1)
		var ping, pong func()
		n := 0
		ping = func() { b.Post(pong) }
		pong = func() {
			if n++; n == rounds {
				wg.Done()
				return
			}
			a.Post(ping)
		}
		a.Post(ping)
	}
	wg.Wait()
}

func TestLoopReadsLettersOfManySendersInOrder(t *testing.T) {
	r := run(t, Config{})
	const senders, each = 8, 5000
	var last [senders]int
	var bad atomic.Int64
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				r.g.loops[0].Post(func() {
					if last[s] != i {
						bad.Add(1)
					}
					last[s] = i + 1
				})
			}
		})
	}
	wg.Wait()
	r.do(func(*Loop) {
		for s, n := range last {
			if n != each {
				t.Errorf("sender %d: %d letters of %d were read", s, n, each)
			}
		}
	})
	if bad.Load() != 0 {
		t.Errorf("%d letters out of order", bad.Load())
	}
}

// A function that panics costs its worker, not the letters behind it.
func TestLettersSurviveAPanic(t *testing.T) {
	r := run(t, Config{})
	l := r.g.loops[0]
	read := make(chan int, 10)
	r.do(func(*Loop) { // all of them are taken out at once
		for i := range 10 {
			l.Post(func() {
				read <- i
				if i%3 == 0 {
					panic(i)
				}
			})
		}
	})
	for i := range 10 {
		if got := <-read; got != i {
			t.Fatalf("letter %d, want %d", got, i)
		}
	}
	r.do(func(l *Loop) {
		if l.counts.Died != 4 {
			t.Errorf("%d workers died, want 4", l.counts.Died)
		}
	})
}

func TestDurationsDoNotWrap(t *testing.T) {
	r := run(t, Config{})
	r.do(func(l *Loop) {
		if when := l.At(1<<63 - 1); when < l.Clock() {
			t.Errorf("the longest wait ends at %d, in the past", when)
		}
		if when := l.At(-1); when > l.Clock() {
			t.Errorf("a negative wait ends at %d, in the future", when)
		}
	})
}
