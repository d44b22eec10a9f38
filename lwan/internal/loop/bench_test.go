//go:build linux

package loop

import (
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// BenchmarkMailbox sends letters to a mailbox that somebody empties.
func BenchmarkMailbox(b *testing.B) {
	var box mailbox
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				for m := box.take(); m != nil; m = m.next {
				}
			}
			runtime.Gosched()
		}
	})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			box.push(&letter{})
		}
	})
	close(stop)
	reader.Wait()
}

// BenchmarkGrowth is what a time limit costs, set and taken back, beside more and more others.
func BenchmarkGrowth(b *testing.B) {
	for n := 10; n <= 1_000_000; n *= 10 {
		b.Run("timers="+strconv.Itoa(n), func(b *testing.B) {
			var heap timerHeap
			for i := range n {
				heap.add(&Timer{}, int64(i*7919%n))
			}
			var one Timer
			for i := 0; b.Loop(); i++ {
				heap.add(&one, int64(i*104729%n))
				heap.remove(&one)
			}
		})
	}
}
