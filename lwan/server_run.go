package lwan

import (
	"context"
	"errors"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// engine is what moves the bytes: event loops, or net/http where there is no epoll.
type engine interface {
	// drain stops accepting, closes connections once they have been idle for grace since, and lets
	// what is under way finish. It does not wait.
	drain(grace time.Duration)
	// wait returns nil when the last connection is closed.
	wait(ctx context.Context) error
	// close ends everything that is under way, and waits for it as long as ctx allows.
	close(ctx context.Context) error
	// closeListeners ends listening.
	closeListeners() error
	// sockets duplicates the listening sockets, in the order of the endpoints.
	sockets() ([]*os.File, error)
	// share leaves the listening sockets to another process, before drain.
	share()
	// own takes those that were left to this one.
	own()
	// replace makes next what the server answers with, and returns when that is so everywhere, or
	// ending is closed. Only one runs at a time.
	replace(next *core, ending <-chan struct{})
	// expire ends what has no end by itself of a configuration that was replaced.
	expire(c *core)
	stats(s *Stats)
}

// Run serves until the process gets SIGINT or SIGTERM, then drains for Server.DrainTimeout; a
// second signal ends at once. It returns nil after a clean stop. SIGUSR2 calls Restart: a new
// process takes over, if it starts within RestartTimeout, and this one drains; if it does not, the
// log says why.
func Run(s *Server) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	restart := make(chan os.Signal, 1)
	notifyRestart(restart)
	defer signal.Stop(restart)
	return s.run(ctx, restart)
}

// Run serves until ctx is over, then drains for DrainTimeout. It returns nil after a clean stop.
//
// Unlike ListenAndServe it owns the process: while it runs, GOMAXPROCS is twice the number of
// loops, so that goroutines get processors that no loop holds (KeepGOMAXPROCS turns that off), and
// the heap has a floor, so that a server with little live memory does not collect garbage all the
// time (HeapFloor). A service manager that is named by NOTIFY_SOCKET, as systemd with Type=notify,
// is told when the server serves, when it stops, and which process is its successor.
//
// It logs one line when it serves, with the addresses, the version of golwan, the loops and the
// limits that matter most, and one when it has stopped to serve, with how many requests and
// subscribers were under way when that began; what OnClose was given runs later, and may close the
// log.
func (s *Server) Run(ctx context.Context) error { return s.run(ctx, nil) }

// run is Run; restart is nil, or asks for restarts, and then signals count while draining, too.
func (s *Server) run(ctx context.Context, restart <-chan os.Signal) error {
	defer s.ownProcess()()
	stop := s.limitStart(ctx, restart != nil)
	err := s.start(s.endpoints())
	stop()
	if err != nil {
		return err
	}
	s.TellManager("READY=1")
	s.sayServing()
	defer s.life.core.flushLog()
	var restarts sync.WaitGroup
	defer restarts.Wait() // what became of one is logged before the process ends
	over, failure := s.waitForEnd(ctx, restart, &restarts)
	if over {
		return s.ended()
	}
	drain, cancel := s.patience(restart != nil)
	defer cancel()
	return errors.Join(failure, s.Shutdown(drain))
}

// limitStart ends a start that is under way when ctx is over, and takes longer than draining might.
func (s *Server) limitStart(ctx context.Context, signals bool) (stop func() bool) {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.lifeInit()
	return context.AfterFunc(ctx, func() {
		drain, cancel := s.patience(signals)
		defer cancel()
		select {
		case <-s.life.begun:
		case <-drain.Done():
			s.life.leave()
		}
	})
}

// patience is how long draining may take; if signals are heard, one ends it.
func (s *Server) patience(signals bool) (context.Context, context.CancelFunc) {
	drain, cancel := s.drainContext()
	if !signals {
		return drain, cancel
	}
	heard, stop := signal.NotifyContext(drain, os.Interrupt, syscall.SIGTERM)
	return heard, func() {
		stop()
		cancel()
	}
}

// waitForEnd serves until there is a reason to drain, which may be a failure, or everything is over
// already.
func (s *Server) waitForEnd(
	ctx context.Context, restart <-chan os.Signal, restarts *sync.WaitGroup,
) (over bool, failure error) {
	for {
		select {
		case <-restart:
			restarts.Go(func() { s.restartBySignal(ctx) })
			continue
		case <-s.life.handedOver:
			s.TellManager("MAINPID=" + strconv.Itoa(s.life.successor))
			return false, nil
		case <-s.life.over:
			return true, nil
		case <-ctx.Done():
		case failure = <-s.life.failed:
			s.life.core.log.Error("a function given to Go has failed; the server stops",
				"err", failure)
		}
		s.TellManager("STOPPING=1")
		return false, failure
	}
}

const defaultDrain = 30 * time.Second

func (s *Server) drainContext() (context.Context, context.CancelFunc) {
	switch {
	case s.DrainTimeout < 0:
		return context.WithCancel(context.Background())
	case s.DrainTimeout == 0:
		return context.WithTimeout(context.Background(), defaultDrain)
	}
	return context.WithTimeout(context.Background(), s.DrainTimeout)
}

// lastMoments is what closing connections takes after their grace, with seconds that are rounded
// up.
const lastMoments = 3 * time.Second

// drainIdle is how long idle connections may still be used, so that all are closed before ctx is
// over.
func (s *Server) drainIdle(ctx context.Context) time.Duration {
	grace := s.DrainIdle
	if grace == 0 && s.life.successor != 0 {
		grace = defaultDrainIdle
	}
	if end, ok := ctx.Deadline(); ok {
		grace = min(grace, time.Until(end)-max(s.LingerTimeout, defaultLinger)-lastMoments)
	}
	return max(grace, 0)
}

// ownProcess sets what a whole process is to have, and returns what sets it back.
func (s *Server) ownProcess() (restore func()) {
	loops, before := s.loops(), runtime.GOMAXPROCS(0)
	s.life.loops = loops
	if !s.KeepGOMAXPROCS && before < 2*loops {
		runtime.GOMAXPROCS(2 * loops)
	}
	floor := heapFloor(s.HeapFloor)
	return func() {
		runtime.KeepAlive(floor)
		if !s.KeepGOMAXPROCS && before < 2*loops {
			runtime.GOMAXPROCS(before)
		}
	}
}

const defaultHeapFloor = 32 << 20

// heapFloor is memory that is never touched, so it is address space only; but the collector counts
// it, and begins when the heap has doubled.
func heapFloor(n int64) []byte {
	if n == 0 {
		n = defaultHeapFloor
	}
	return make([]byte, max(n, 0))
}

// ListenAndServe serves until Shutdown or Close, and then returns nil once that has ended: there is
// no ErrServerClosed.
func (s *Server) ListenAndServe() error { return s.serve(s.endpoints()) }

// Serve is ListenAndServe on a listener of the caller's. ln is closed when the server ends.
func (s *Server) Serve(ln net.Listener) error { return s.serve([]Endpoint{{Listener: ln}}) }

func (s *Server) serve(ends []Endpoint) error {
	if err := s.start(ends); err != nil {
		return err
	}
	var err error
	select {
	case <-s.life.over:
		return s.ended()
	case <-s.life.handedOver:
	case err = <-s.life.failed:
	}
	ctx, cancel := s.drainContext()
	defer cancel()
	return errors.Join(err, s.Shutdown(ctx))
}

// endpoints is where to listen.
func (s *Server) endpoints() []Endpoint {
	if len(s.Endpoints) > 0 {
		return s.Endpoints
	}
	return []Endpoint{{Addr: s.Addr}}
}
