//go:build linux && !golwan_nethttp

package lwan

import (
	"errors"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestWatchdogOnAnOverloadedMachine: a handler that spins, on a processor that it shares with three
// others, never has it for most of the time. It was not found, and held its loop for good.
func TestWatchdogOnAnOverloadedMachine(t *testing.T) {
	var where unix.CPUSet
	var give atomic.Bool // ends the spinning
	stalls := make(chan Stall, 10)
	srv := &Server{Loops: 1, Threads: ThreadsCPU, OnStall: func(s Stall) { stalls <- s }}
	srv.Handle("GET /where", func(req *Request, resp *Response) Status {
		if err := unix.SchedGetaffinity(0, &where); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "ok")
	})
	srv.Handle("GET /spin", func(req *Request, resp *Response) Status {
		for begin := time.Now(); !give.Load() && time.Since(begin) < patience; {
		}
		return resp.Text(200, "spun")
	})
	addr := serveTest(t, srv)
	w, o := dial(t, addr), dial(t, addr)
	w.open("/where")
	o.open("/where")
	for range 3 {
		compete(t, &where)
	}
	w.send(get1("/spin"))
	if s := received(t, stalls); s.Pattern != "GET /spin" {
		t.Errorf("%+v", s)
	}
	o.open("/where") // by another thread: the handler still spins
	give.Store(true)
	w.want("GET", 200, "spun")
}

// compete starts a process that computes on these processors to the end of the test.
func compete(t *testing.T, where *unix.CPUSet) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Skip("needs a shell:", err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); !errors.As(err, new(*exec.ExitError)) {
			t.Error(err)
		}
	})
	if err := unix.SchedSetaffinity(cmd.Process.Pid, where); err != nil {
		t.Fatal(err)
	}
}
