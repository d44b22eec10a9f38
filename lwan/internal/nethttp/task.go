package nethttp

import (
	"time"

	"github.com/golwan/golwan/lwan/internal/goid"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// The goroutine of net/http: Call as the Task that runs the handler.

// Killer implements transport.Task. A writer that cannot have a deadline takes what is written,
// sooner or later.
func (c *Call) Killer() func() {
	if c.Outer != nil {
		return func() {
			c.Outer.Abandon()
			c.End(transport.ErrGone)
		}
	}
	return func() {
		c.givenUp.Store(true)
		_ = c.ctl.SetWriteDeadline(time.Unix(1, 0))
		c.End(transport.ErrGone)
	}
}

// Sleep implements transport.Task.
func (c *Call) Sleep(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.ended:
		return c.cause
	}
}

// Wait implements transport.Task.
func (c *Call) Wait(arm func(wake func()), limit time.Duration, till transport.Till) error {
	if till == transport.Woken {
		return transport.WaitOn(arm, limit, nil, nil)
	}
	return transport.WaitOn(arm, limit, c.ended, func() error { return c.cause })
}

// Offload implements transport.Task.
func (c *Call) Offload(_ func(run func()) bool, fn func()) error {
	fn()
	return nil
}

// Inline implements transport.Task.
func (c *Call) Inline() bool { return false }

// Mine implements transport.Task.
func (c *Call) Mine() bool { return goid.CalledBy("nethttp.(*Call).Serve") }

// EnterUser and LeaveUser implement transport.Task: no watchdog looks at goroutines.
func (c *Call) EnterUser(uint64)  {}
func (c *Call) LeaveUser() uint64 { return transport.Outside }

// Now and Clock implement transport.Task: the time since the request came.
func (c *Call) Now() int64   { return int64(time.Since(c.start)) }
func (c *Call) Clock() int64 { return c.Now() }

// Canceller implements transport.Task.
func (c *Call) Canceller() func(cause error) { return c.End }
