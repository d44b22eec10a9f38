package main

import (
	"flag"
	"fmt"
	"time"

	"github.com/golwan/golwan/lwan"
)

// tuning is what can be set to see what it is worth. The zero value is the default of everything.
type tuning struct {
	loops          int
	heapFloor      int64
	keepGOMAXPROCS bool
	deferAccept    time.Duration
	threads        threads
	smallFile      int64
	burners        int
}

func tuningFlags() *tuning {
	t := &tuning{}
	flag.IntVar(&t.loops, "loops", 0, "Server.Loops")
	flag.Int64Var(&t.heapFloor, "heap-floor", 0, "Server.HeapFloor")
	flag.BoolVar(&t.keepGOMAXPROCS, "keep-gomaxprocs", false, "Server.KeepGOMAXPROCS")
	flag.DurationVar(&t.deferAccept, "defer-accept", 0, "Endpoint.DeferAccept")
	flag.Var(&t.threads, "threads", "Server.Threads: pinned, cpu or free")
	flag.Int64Var(&t.smallFile, "small-file", 0, "files.Config.SmallFile")
	flag.IntVar(&t.burners, "burn", 0, "goroutines that compute all the time")
	return t
}

func (t *tuning) server(addr string) *lwan.Server {
	return &lwan.Server{Endpoints: []lwan.Endpoint{{Addr: addr, DeferAccept: t.deferAccept}},
		Loops: t.loops, Threads: lwan.Threads(t.threads), HeapFloor: t.heapFloor,
		KeepGOMAXPROCS: t.keepGOMAXPROCS}
}

// burn starts what competes with the loops for processors.
func (t *tuning) burn() {
	for range t.burners {
		go func() {
			for n := uint64(1); n != 0; n = n*6364136223846793005 | 1 { // never 0
			}
		}()
	}
}

// threads is a flag for lwan.Threads.
type threads lwan.Threads

var threadNames = [...]string{
	lwan.ThreadsPinned: "pinned", lwan.ThreadsCPU: "cpu", lwan.ThreadsFree: "free",
}

// String is for the flag package.
func (t *threads) String() string { return threadNames[*t] }

func (t *threads) Set(name string) error {
	for i, known := range threadNames {
		if name == known {
			*t = threads(i)
			return nil
		}
	}
	return fmt.Errorf("no mode of threads is called %q", name)
}
