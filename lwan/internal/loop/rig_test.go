//go:build linux

package loop

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// idleDriver has nothing to do: what these tests run are letters, timers and jobs.
type idleDriver struct{ l *Loop }

func (d *idleDriver) Event(*Worker, Event) {}
func (d *idleDriver) Turn(*Worker, uint64) {}
func (d *idleDriver) Sweep()               {}
func (d *idleDriver) Sweeps() bool         { return false }
func (d *idleDriver) Over() bool           { return true }
func (d *idleDriver) Publish()             {}
func (d *idleDriver) NewSeat(*Worker) Seat { return idleSeat{} }

type idleSeat struct{}

func (idleSeat) Attach()               {}
func (idleSeat) Ended(transport.Till)  {}
func (idleSeat) Behind()               {}
func (idleSeat) Died(any, []byte) bool { return false }
func (idleSeat) Rests()                {}

// rig is a group under test.
type rig struct {
	t testing.TB
	g *Group
}

// run starts a group of one loop, unless cfg says how many. At the end of the test nothing may be
// left of it.
func run(t testing.TB, cfg Config) *rig {
	t.Helper()
	if cfg.Loops == 0 {
		cfg.Loops = 1
	}
	cfg.Log = slog.New(slog.DiscardHandler)
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range g.Loops() {
		l.Drive(&idleDriver{l})
	}
	if err := g.Start(func() {}); err != nil {
		t.Fatal(err)
	}
	r := &rig{t, g}
	t.Cleanup(r.close)
	return r
}

func (r *rig) close() {
	for _, l := range r.g.Loops() {
		l.Post(l.Drain)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.g.Wait(ctx); err != nil {
		r.t.Errorf("Wait: %v", err)
	}
	if s := r.g.Stats(); s.Parked != 0 || s.Workers != 0 {
		r.t.Errorf("left behind: %+v", s)
	}
}

// do runs fn on the first loop and waits for it.
func (r *rig) do(fn func(l *Loop)) {
	l := r.g.loops[0]
	done := make(chan struct{})
	l.Post(func() { defer close(done); fn(l) })
	<-done
}

// run lets a worker of the first loop run fn, and waits for it.
func (r *rig) run(fn func(w *Worker)) {
	done := make(chan struct{})
	r.do(func(l *Loop) { l.Run(func(w *Worker) { defer close(done); fn(w) }) })
	<-done
}

const patience = 60 * time.Second // for what should come at once

// eventually waits until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
		runtime.Gosched()
	}
}
