//go:build linux

package loop

import (
	"runtime"
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
