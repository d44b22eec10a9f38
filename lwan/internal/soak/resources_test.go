//go:build linux && !golwan_nethttp

package soak_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/netstat"
)

// usage is what a process holds that a server could leak.
type usage struct{ goroutines, descriptors int64 }

// resources counts what there is. The runtime's poller, which appears with the first descriptor
// that needs it, is always there.
func resources() usage {
	usePoller()
	return usage{int64(runtime.NumGoroutine()), int64(len(entries("/proc/self/fd")))}
}

var usePoller = sync.OnceFunc(func() {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	_, _ = r.Close(), w.Close() // nothing was written
})

// entries lists a directory.
func entries(dir string) []os.DirEntry {
	list, err := os.ReadDir(dir)
	if err != nil {
		panic(err)
	}
	return list
}

// memory is how much the process has, in bytes.
type memory struct {
	first, last, peak   int64 // resident
	heapFirst, heapLast int64 // of the live heap
}

func (m *memory) measure(first bool) {
	runtime.GC()
	runtime.GC() // what pools keep is given up by the second one
	var st runtime.MemStats
	runtime.ReadMemStats(&st)
	m.heapLast = int64(st.HeapAlloc)
	m.last, m.peak = resident()
	if first {
		m.first, m.heapFirst = m.last, m.heapLast
	}
}

func (m *memory) String() string {
	return fmt.Sprintf("%d MB resident, %d MB of them live", m.last>>20, m.heapLast>>20)
}

// resident is the memory that the process has in RAM, and the most that it ever had.
func resident() (now, peak int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	for line := range bytes.Lines(status) {
		fmt.Sscanf(string(line), "VmRSS: %d kB", &now)
		fmt.Sscanf(string(line), "VmHWM: %d kB", &peak)
	}
	return now << 10, peak << 10
}

// stops counts how often the process, or a goroutine that was ready, did not run for so long that
// timeouts mean nothing: it was stopped, or the machine is too busy.
type stops struct {
	last atomic.Int64 // when it ran, in nanoseconds since begin
	n    atomic.Int64

	aborts  atomic.Int64 // TCP connections that the system has ended for want of memory
	aborted atomic.Int64 // when it last did, on the same clock
}

const soakStop = 2 * time.Second

var stopClock = time.Now()

// watch looks at the clock until done is closed.
func (s *stops) watch(done <-chan struct{}) {
	s.countAborts()
	s.aborted.Store(0) // those were before
	s.last.Store(int64(time.Since(stopClock)))
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			s.countAborts()
			runtime.Gosched() // behind all that are ready
			now := int64(time.Since(stopClock))
			if now-s.last.Swap(now) > int64(soakStop) {
				s.n.Add(1)
			}
		}
	}
}

// countAborts looks whether the system has ended connections. Other programs on the machine can
// make it do so.
func (s *stops) countAborts() {
	if n := netstat.Aborts(); s.aborts.Swap(n) != n {
		s.aborted.Store(int64(time.Since(stopClock)))
	}
}

// tcpAborted reports whether that was since a time.
func (s *stops) tcpAborted(since time.Time) bool {
	s.countAborts()
	at := s.aborted.Load()
	return at != 0 && !stopClock.Add(time.Duration(at)).Before(since)
}

// count is how often that was, a stop that has just ended included.
func (s *stops) count() int64 {
	n := s.n.Load()
	if last := s.last.Load(); last != 0 && int64(time.Since(stopClock))-last > int64(soakStop) {
		n++
	}
	return n
}
