package lwan

import (
	"sync"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// beatingCall is a function of Await that runs while its handler sends the heartbeats of an event
// stream.
type beatingCall struct {
	mu    sync.Mutex
	ended bool
	wake  func()
}

// arm lets wake be called at the end of the function: at once if that is over.
func (c *beatingCall) arm(wake func()) {
	c.mu.Lock()
	ended := c.ended
	c.wake = wake
	c.mu.Unlock()
	if ended {
		wake()
	}
}

func (c *beatingCall) end() {
	c.mu.Lock()
	c.ended = true
	wake := c.wake
	c.mu.Unlock()
	wake()
}

func (c *beatingCall) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// offloadBeating is offloadOn for the handler of an event stream. The function begins once the
// handler waits: what waiting does to the request is done by then.
func (r *Request) offloadBeating(fn func()) error {
	call := &beatingCall{}
	begun, busy := false, false
	arm := func(wake func()) {
		call.arm(wake)
		if begun {
			return
		}
		begun = true
		if busy = !r.table.core.goroutine.run(func() { defer call.end(); fn() }); busy {
			wake()
		}
	}
	for {
		err := r.await(arm, r.heartbeat(), transport.Cancelled)
		switch {
		case busy:
			return ErrBusy
		case call.over():
			return nil
		case err == transport.ErrPause:
			err = r.resp.events.beat()
		}
		if err == nil {
			continue
		}
		if !begun { // the request was over before it could wait
			return r.endWait(err)
		}
		// fn uses what the handler owns; nothing else ends it
		_ = r.await(call.arm, 0, transport.Woken)
		return nil
	}
}
