//go:build linux && !owner

package conn

import (
	"io"
	"log/slog"
	"runtime"
	"testing"
)

// A request that is served allocates nothing, whether it waits or not. The whole process is
// measured, on real sockets, so a few allocations of the runtime are allowed in many requests.
func TestServingAllocatesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		p    Protocol
		size int
	}{
		"inline": {&pingProtocol{}, 64}, "parked": {&pingProtocol{wait: true}, 64},
		"writev": {&pingProtocol{big: make([]byte, 64)}, 128},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, c.p, Config{Loops: 1, Log: slog.New(slog.DiscardHandler)})
			p := r.dial()
			ask, answer := make([]byte, 64), make([]byte, c.size)
			trips := func(n int) {
				for range n {
					if _, err := p.Conn.Write(ask); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(p.Conn, answer); err != nil {
						t.Fatal(err)
					}
				}
			}
			trips(1000)
			const n = 10_000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			trips(n)
			runtime.ReadMemStats(&after)
			if got := after.Mallocs - before.Mallocs; got > n/100 {
				t.Errorf("%d allocations in %d requests", got, n)
			}
		})
	}
}

// TestHoldAndRestAllocateNothing: a connection that is kept costs no memory of the collector.
func TestHoldAndRestAllocateNothing(t *testing.T) {
	_, to := backend(t)
	var ses restingSession
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		up, err := Dial(&c.w.Task, &to, patience)
		if err != nil {
			printTo(c, "dial: %v", err)
			return Idle
		}
		pipe := up.Pipe()
		n := testing.AllocsPerRun(100, func() {
			if !up.Rest(pipe, &ses, 60) || !up.Hold() {
				panic("it cannot be used again")
			}
		})
		up.Close()
		printTo(c, "%v", n)
		return Idle
	})}, Config{})
	p := r.dial()
	p.send("a\n")
	p.want("0")
}
