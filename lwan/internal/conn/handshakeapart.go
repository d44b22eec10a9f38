//go:build linux

package conn

import (
	"context"
	"fmt"
	"net"
	"runtime/debug"
	"runtime/pprof"
)

// apart is a handshake that is made on a goroutine, since it may compute for long. The goroutine
// has no socket: its calls are made by the worker, which is parked otherwise.
//
//	goroutine ──ask: what is to be read or written──▶ worker ──goOn──▶ goroutine
//	goroutine ──it has ended──▶ worker
//
// One of the two runs, so nothing here is guarded; but for a worker that is unwound, which is the
// end of goOn.
type apart struct {
	call func()        // lets the worker go on; one for each of its waits
	op   func()        // what it is to do; nil: fn has ended
	goOn chan struct{} // it has done that; closed: nobody does anything any more
	err  error         // how fn has ended, if not by returning
}

// Apart runs fn on a goroutine, and makes the calls of h for it until it has ended. A panic of fn
// is an error.
func (h *Handshake) Apart(fn func()) error {
	a := &apart{goOn: make(chan struct{}, 1)}
	defer close(a.goOn)
	h.apart = a
	next := func() { go a.run(fn) }
	for {
		err := h.t.Offload(func(call func()) bool {
			a.call = call
			next()
			return true
		}, func() {})
		if err != nil {
			return err
		}
		if a.op == nil {
			if a.err != nil {
				h.c.set.eng.log.Error("conn: panic in a handshake", "err", a.err)
			}
			return a.err
		}
		a.op()
		next = func() { a.goOn <- struct{}{} }
	}
}

func (a *apart) run(fn func()) {
	pprof.SetGoroutineLabels(context.Background()) // those of the loop are not its own
	defer func() {
		if v := recover(); v != nil {
			a.err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
		a.op = nil
		a.call()
	}()
	fn()
}

// ask lets the worker do op.
func (a *apart) ask(op func(p []byte) (int, error), p []byte) (n int, err error) {
	a.op = func() { n, err = op(p) }
	a.call()
	if _, ok := <-a.goOn; !ok {
		return 0, net.ErrClosed
	}
	return n, err
}
