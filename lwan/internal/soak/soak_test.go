//go:build linux && !golwan_nethttp

package soak_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/internal/faults"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/seams"
)

// TestSoak lets everything happen at once, to one server, for as long as -soak says:
//
//	go test -v -run Soak -timeout 30m ./lwan/internal/soak -soak 10m
//
// Clients of all kinds ask for all kinds of things, in all framings, pipelined or not, fast and
// slowly, through small and large buffers, over TCP and unix sockets; they leave in the middle,
// send what is no HTTP, flood the server and take its descriptors; handlers panic, stall, block;
// and the kernel refuses, shortens, interrupts and breaks what the loops ask of it, some seconds
// more and some less. Every answer is known by the request and compared byte by byte. One may be
// missing only if something was done to its very connection that ends connections: package faults
// says what.
//
// Every now and then all clients have a pause, and the server must have nothing left of them; so
// too at the end, which is a shutdown with requests and streams under way.
func TestSoak(t *testing.T) {
	if *soakFor <= 0 {
		t.Skip("skipped: it takes as long as -soak says, as 10s or 10m")
	}
	s := newSoak(t)
	before := resources()
	s.start()
	s.run(*soakFor)
	s.end(before)
	s.report()
}

var (
	soakFor  = flag.Duration("soak", 0, "how long TestSoak runs; without, it is skipped")
	soakSeed = flag.Uint64("soak.seed", 0, "seed of TestSoak; 0: another one each time")
)

const soakConns = 400 // Server.MaxConns

// soak is a run.
type soak struct {
	// constant once it has begun
	t       *testing.T
	seed    uint64
	srv     *lwan.Server
	site    *soakSite
	faults  *faults.Kernel
	addrs   []net.Addr
	temp    string // where uploads are kept
	stopRun context.CancelFunc
	ended   chan error // what Run returned
	began   time.Time
	base    usage // of resources, before the first client

	over     chan struct{}  // closed when no client is to begin again
	done     chan struct{}  // closed when everything is over
	clients  sync.WaitGroup // goroutines
	gate     sync.RWMutex   // held by clients while they are at it
	finish   sync.Once
	failures atomic.Int64

	names     atomic.Int64 // of clients on the unix socket
	shortages atomic.Int64 // odd while there are no descriptors
	stops     stops
	ledger    soakLedger
	log       soakLog
	latencies latencies
	memory    memory
}

func newSoak(t *testing.T) *soak {
	s := &soak{
		t: t, seed: *soakSeed, site: newSoakSite(), ended: make(chan error, 1),
		over: make(chan struct{}), done: make(chan struct{}), ledger: newSoakLedger(),
		log: soakLog{lines: map[string]int64{}},
	}
	if s.seed == 0 {
		s.seed = rand.Uint64()
	}
	s.temp = t.TempDir()
	t.Setenv("TMPDIR", s.temp)
	s.faults = faults.New(s.seed, faults.Rates{})
	s.srv = &lwan.Server{
		Threads: lwan.Threads(s.seed % 3), MaxConns: soakConns, Goroutines: 256,
		Log: slog.New(&s.log), HeaderTimeout: soakHead, IdleTimeout: soakIdle,
		LingerTimeout: time.Second, DrainTimeout: 20 * time.Second,
		StallAfter: 40 * time.Millisecond, MaxPipelined: 8,
		Limits: lwan.Limits{Body: soakBody, Buffer: 256 << 10},
	}
	seams.Put(s.srv, seams.Seams{Kernel: s.faults, Poller: s.faults.Poller(loop.NewEpoll)})
	t.Logf("-soak.seed %d", s.seed)
	return s
}

// start serves on an ordinary address, one with tiny buffers, and a unix socket.
func (s *soak) start() {
	s.began = time.Now()
	dir := s.t.TempDir()
	soakTree(s.t, dir)
	s.site.routes(s.srv, dir)
	tiny := net.ListenConfig{Control: tinyBuffers}
	ln, err := tiny.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.srv.Endpoints = []lwan.Endpoint{{Addr: "127.0.0.1:0"}, {Listener: ln},
		{Addr: "unix:" + filepath.Join(s.t.TempDir(), "socket")}}
	ctx, cancel := context.WithCancel(context.Background())
	s.stopRun = cancel
	go func() { s.ended <- s.srv.Run(ctx) }()
	select {
	case <-s.srv.Ready():
	case err := <-s.ended:
		s.t.Fatal(err)
	}
	s.addrs = s.srv.Addrs()
}

// run lets the clients loose.
func (s *soak) run(d time.Duration) {
	s.began = time.Now()
	s.base = resources()
	go s.stops.watch(s.done)
	go s.publish()
	for i, group := range []struct {
		n     int
		pause time.Duration // between two turns
		do    func(*rand.Rand)
	}{
		{40, 0, s.talk}, {4, 0, s.leave}, {2, 0, s.noise}, {24, 0, s.slow}, {6, 0, s.stream},
		{1, 0, s.probe}, {1, 0, s.weather}, {1, 2 * time.Second, s.flood},
		{1, 5 * time.Second, s.exhaust},
	} {
		for k := range group.n {
			r := rand.New(rand.NewPCG(s.seed, uint64(i<<16+k+1)))
			s.clients.Go(func() { s.repeat(r, group.pause, group.do) })
		}
	}
	s.watch(d)
	s.clients.Wait()
}

// repeat lets a client have turn after turn.
func (s *soak) repeat(r *rand.Rand, pause time.Duration, do func(*rand.Rand)) {
	for {
		select {
		case <-s.over:
			return
		default:
		}
		s.gate.RLock()
		do(r)
		s.gate.RUnlock()
		s.rest(pause)
	}
}

// watch looks what is left of the clients, at regular intervals, the first of which is the time in
// which caches and pools fill.
func (s *soak) watch(d time.Duration) {
	defer s.stop()
	looks := min(max(d/(30*time.Second), 2), 10)
	for i := range looks {
		s.rest(time.Until(s.began.Add((i + 1) * d / looks)))
		select {
		case <-s.over: // too much went wrong
			return
		default:
		}
		if i == looks-1 {
			s.stop() // nobody begins another turn, which takes seconds
		}
		s.look(i == 0)
		asked, answered, conns := s.ledger.sums()
		s.t.Logf("%v: %d connections, %d requests, %d answered, %s, %d failures",
			time.Since(s.began).Round(time.Second), conns, asked, answered,
			&s.memory, s.failures.Load())
	}
}

func (s *soak) stop() { s.finish.Do(func() { close(s.over) }) }

// fail reports what must not be. After some of it the run ends.
func (s *soak) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Errorf("-soak.seed %d, after %v: %s",
		s.seed, time.Since(s.began).Round(time.Millisecond), fmt.Sprintf(format, args...))
	if s.failures.Add(1) >= 10 {
		s.stop()
	}
}

// look finds what is left of the clients while they have a pause.
func (s *soak) look(first bool) {
	s.gate.Lock()
	defer s.gate.Unlock()
	s.nothingLeft()
	s.settle("descriptors", s.base.descriptors, func() int64 {
		return max(s.base.descriptors, resources().descriptors)
	})
	s.faults.Forget() // else it remembers all those who never ask
	s.memory.measure(first)
	if grown := s.memory.heapLast - s.memory.heapFirst; grown > 16<<20 {
		s.ledger.leaks.Add(1)
		s.fail("the heap has grown by %d bytes since the first look", grown)
	}
}

// nothingLeft waits until there are no connections and what belongs to them.
func (s *soak) nothingLeft() {
	for what, value := range map[string]func() int64{
		"connections": func() int64 {
			n := s.srv.Stats().Conns
			return n.Idle + n.Active + n.Parked + n.Subscribed + int64(s.faults.Open())
		},
		"goroutines of handlers": func() int64 {
			n := s.srv.Stats()
			return n.Awaiting + n.Queued
		},
		"handlers that did not end": func() int64 {
			return s.site.begun.Load() - s.site.ended.Load()
		},
		"functions given to Defer": func() int64 {
			return s.site.promised.Load() - s.site.deferred.Load()
		},
		"subscribers": func() int64 {
			return int64(s.site.news.Len() + s.site.gossip.Len())
		},
		"subscriptions without end": func() int64 {
			return s.site.joined.Load() - s.site.left.Load()
		},
		"references into the cache":  func() int64 { return s.site.pages.Stats().Floating },
		"answers that have no class": func() int64 { return unclassed(s.srv.Stats()) },
		"temporary files":            func() int64 { return int64(len(entries(s.temp))) },
	} {
		s.settle(what, 0, value)
	}
}

// unclassed is how far the sum of all answers is from the number of requests.
func unclassed(st lwan.Stats) int64 {
	for _, n := range st.Status {
		st.Requests -= n
	}
	return st.Requests
}

// settle waits until there are as many as want, which takes no longer than the server's patience
// with a client that is gone.
func (s *soak) settle(what string, want int64, value func() int64) {
	s.t.Helper()
	patience := soakPatience / 2
	if s.failures.Load() > 0 { // what is wrong already has its consequences
		patience = soakPatience / 20
	}
	deadline := time.Now().Add(patience)
	for n := value(); n != want; n = value() {
		if time.Now().After(deadline) {
			s.ledger.leaks.Add(1)
			s.fail("left behind: %s: %d, want %d", what, n, want)
			s.stop()
			return
		}
		runtime.Gosched()
	}
}
