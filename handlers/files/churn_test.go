package files

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/golwan/golwan/lwan"
)

// slowFS has a file that takes as long as a test says.
type slowFS struct {
	fstest.MapFS
	begun, goOn chan struct{}
}

func (s *slowFS) Open(name string) (fs.File, error) {
	if name == "cold.txt" {
		s.begun <- struct{}{}
		<-s.goOn
	}
	return s.MapFS.Open(name)
}

// While a lookup waits for a disk that hangs, the loop answers from what it has, and finds files
// elsewhere.
func TestColdMissDelaysNobody(t *testing.T) {
	slow := &slowFS{
		fstest.MapFS{"cold.txt": {Data: []byte("cold")}, "hot.txt": {Data: []byte("hot")}},
		make(chan struct{}), make(chan struct{}),
	}
	for i := range 100 {
		slow.MapFS[fmt.Sprint("other", i)] = &fstest.MapFile{Data: []byte("other")}
	}
	s := mounted(t, "/", Config{FS: slow, TTL: -1})
	s.want("/hot.txt", 200, "hot")
	cold := make(chan *reply, 3)
	for range cap(cold) { // all of them wait for one look
		go func() { cold <- s.get("/cold.txt") }()
	}
	<-slow.begun
	for i := range 100 {
		s.want("/hot.txt", 200, "hot")
		s.want(fmt.Sprint("/other", i), 200, "other")
	}
	select {
	case r := <-cold:
		t.Fatal("answered before it was found:", r.status)
	default:
	}
	slow.goOn <- struct{}{} // fs.Stat, and then Open
	for range cap(cold) {
		select {
		case r := <-cold:
			if r.status != 200 || r.body != "cold" {
				t.Error(r.status, r.body)
			}
		case <-slow.begun:
			slow.goOn <- struct{}{}
			if r := <-cold; r.status != 200 || r.body != "cold" {
				t.Error(r.status, r.body)
			}
		}
	}
}

// More files than are remembered, asked for at random by 64 clients: memory and descriptors stay
// bounded, and nothing is left open at the end. FILES_TREE and FILES_LOAD make it larger and
// longer.
func TestChurn(t *testing.T) {
	t.Parallel()
	n, entries := 2000, 100
	if v, err := strconv.Atoi(os.Getenv("FILES_TREE")); err == nil {
		n, entries = v, 1000
	}
	dir := manyFiles(t, n)
	var tree *site
	srv := &lwan.Server{Loops: 1}
	srv.Mount("/",
		lwan.Module[Config]{Name: "files", Open: func(scope *lwan.Scope, c Config) (err error) {
			if tree, err = openSite(scope, c); err == nil {
				tree.loader.young = 0
			}
			return err
		}}.With(Config{Dir: dir, Entries: entries, MemoryBytes: 8 << 20}))
	s := started(t, srv)
	hot := s.newWire("/hot.txt", 3)
	quiet := latencies(t, hot, time.Now().Add(loadTime(t)/4), nil)
	var peakOpen, peakHeap atomic.Int64
	var clients sync.WaitGroup
	until := time.Now().Add(loadTime(t))
	for i := range 64 {
		clients.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 2))
			for time.Now().Before(until) {
				k := rng.IntN(n)
				r := s.get(manyName(k))
				if r.status != 200 || r.length != int64(manySize(k)) || r.err != nil {
					t.Errorf("%s: %d, %d bytes, %v", manyName(k), r.status, r.length, r.err)
				}
			}
		})
	}
	busy := latencies(t, hot, until, func() {
		peakOpen.Store(max(peakOpen.Load(), int64(len(openFiles(dir)))))
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peakHeap.Store(max(peakHeap.Load(), int64(m.HeapInuse)))
	})
	clients.Wait()
	st := tree.entries.Stats()
	t.Logf("%d files, %d entries: hits %d, misses %d, rate %.1f %%; at most %d open, heap %d MB, "+
		"floating %d; hot p50/p99 quiet %v, busy %v", n, entries,
		st.Hits, st.Misses, 100*float64(st.Hits)/float64(st.Hits+st.Misses), peakOpen.Load(),
		peakHeap.Load()>>20, st.Floating, quiet, busy)
	// Each client may hold one that floats, each fill up to two, and the tree itself is one.
	if limit := int64(entries + 64 + 2*maxFills + 1); peakOpen.Load() > limit {
		t.Errorf("%d files open, want at most %d", peakOpen.Load(), limit)
	}
	if st.Entries > int64(entries) || st.Bytes > 8<<20 || peakHeap.Load() > 256<<20 {
		t.Errorf("%+v, heap %d", st, peakHeap.Load())
	}
}

func manyName(k int) string { return fmt.Sprintf("/%02d/%d.txt", k%100, k) }

// manySize is that of a small file mostly.
func manySize(k int) int {
	if k%10 == 0 {
		return defaultSmallFile + 1 + k%5000
	}
	return 100 + k%5000
}

func manyFiles(t *testing.T, n int) string {
	dir := writeTree(t, map[string]string{"hot.txt": "hot"})
	text := strings.Repeat("many files\n", 4000)
	for k := range n {
		at := filepath.Join(dir, manyName(k))
		if k < 100 {
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		write(t, at, text[:manySize(k)])
	}
	return dir
}

type percentiles [2]time.Duration

// latencies measures how long a request takes, one after another, and calls each now and then.
func latencies(t *testing.T, w *wire, until time.Time, each func()) percentiles {
	var list []time.Duration
	for i := 0; time.Now().Before(until); i++ {
		begin := time.Now()
		if err := w.exchange(); err != nil {
			t.Error(err)
			break
		}
		list = append(list, time.Since(begin))
		if each != nil && i%500 == 0 {
			each()
		}
	}
	slices.Sort(list)
	return percentiles{list[len(list)/2], list[len(list)*99/100]}
}
