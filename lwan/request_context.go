package lwan

import (
	"context"
	"errors"
	"sync"
	"time"
)

// requestContext is what Request.Context gives out. It does not point at the Request, which is used
// again for the next one: goroutines may keep it.
type requestContext struct {
	context.Context // made with WithCancelCause
	cancel          context.CancelCauseFunc
	derived         context.Context // what SetContext put in its place, or nil
	home            requester       // constant; of a handler on a loop
	unset           func() bool     // ends the watch over its deadline; nil: it has none

	mu       sync.Mutex
	values   []keyValue
	deadline time.Time
	timer    *time.Timer
}

func newRequestContext(r *Request) *requestContext {
	c := &requestContext{values: append([]keyValue(nil), r.values...)}
	c.Context, c.cancel = context.WithCancelCause(r.parent())
	if r.home != nil {
		c.home = requester{r.home, r, r.serial}
	}
	r.ctx.Store(c)
	if cause := r.cancelled(); cause != nil { // also one that came before Store
		c.cancel(cause)
	}
	if left, ok := r.timeLeft(); ok {
		c.arm(left, r.canceller())
	}
	return c
}

// outer is the context that users see.
func (c *requestContext) outer() context.Context {
	if c.derived != nil {
		return c.derived
	}
	return c
}

// Deadline is when the handler's time is up, if Limits.Timeout sets one.
func (c *requestContext) Deadline() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deadline, !c.deadline.IsZero()
}

// Err is DeadlineExceeded when the time is up, else as always.
func (c *requestContext) Err() error {
	err := c.Context.Err()
	if err != nil && context.Cause(c.Context) == ErrTimeout {
		return context.DeadlineExceeded
	}
	return err
}

// Value finds what Key.Set stored.
func (c *requestContext) Value(key any) any {
	if key == (requesterKey{}) && c.home.x != nil {
		return c.home
	}
	if id, ok := key.(*keyID); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i := len(c.values) - 1; i >= 0; i-- {
			if c.values[i].id == id {
				return c.values[i].value
			}
		}
		return nil
	}
	return c.Context.Value(key)
}

func (c *requestContext) set(kv keyValue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values = append(c.values, kv)
}

// arm ends the context after left, and with it what the request waits for.
func (c *requestContext) arm(left time.Duration, cancel func(error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = time.Now().Add(left)
	c.timer = time.AfterFunc(left, func() {
		c.cancel(ErrTimeout)
		cancel(ErrTimeout)
	})
}

// disarm takes the deadline back.
func (c *requestContext) disarm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	c.deadline = time.Time{}
}

// replace puts ctx in the place of what users see. Its deadline ends the request's waits, as the
// request's own does. Its cancellation does not: its maker cancels it at the latest when the
// handler has returned.
func (c *requestContext) replace(ctx context.Context, cancel func(error)) {
	c.release()
	c.derived = ctx
	if _, limited := ctx.Deadline(); limited {
		c.unset = context.AfterFunc(ctx, func() {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				cancel(ErrTimeout)
			}
		})
	}
}

// release ends the watch over the context that replace has put there.
func (c *requestContext) release() {
	if c.unset != nil {
		c.unset()
		c.unset = nil
	}
}

// end is called when the request is over.
func (c *requestContext) end() {
	c.release()
	c.disarm()
	c.cancel(context.Canceled)
}

// timeLeft is how long the handler may still take until the head is out; false if there is no
// limit.
func (r *Request) timeLeft() (time.Duration, bool) {
	if r.limits.Timeout <= 0 || r.headOut() {
		return 0, false
	}
	return max(r.limits.Timeout-r.elapsed(), 0), true
}

// resetDeadline follows a change of the limit, or the head's leaving.
func (r *Request) resetDeadline() {
	c := r.ctx.Load()
	if c == nil { // it is set when something asks for it: Context, or the first wait
		r.armed()
		return
	}
	c.disarm()
	if left, ok := r.timeLeft(); ok {
		c.arm(left, r.canceller())
	}
}

// armed sets the deadline of a Blocking handler at once: whoever reads for it must not have to.
func (r *Request) armed() {
	if r.term == nil || r.ctx.Load() != nil {
		return
	}
	if _, ok := r.timeLeft(); ok {
		newRequestContext(r)
	}
}

// endOf is why the handler has ended by Goexit.
func (r *Request) endOf() error {
	if dead := r.dead.Load(); dead != nil {
		return *dead
	}
	return errGoexit
}

// cancel ends the request's context, now or once it is made. Unlike the rest of a Request it may be
// called by the loop while the handler is on a goroutine.
func (r *Request) cancel(cause error) {
	r.lost.CompareAndSwap(nil, &cause)
	if c := r.ctx.Load(); c != nil {
		c.cancel(cause)
	}
}

// cancelled is why the request's context has ended, nil if it has not; also before it was made.
func (r *Request) cancelled() error {
	if dead := r.dead.Load(); dead != nil {
		return *dead
	}
	if cause := r.lost.Load(); cause != nil {
		return *cause
	}
	return nil
}

// canceller is the task's; for a request of the past there is nothing to be ended but its context.
func (r *Request) canceller() func(cause error) {
	if r.on == nil {
		return func(error) {}
	}
	return r.on.Canceller()
}

// parent is what the request's context gets values from, and nothing else.
func (r *Request) parent() context.Context {
	if r.via != nil {
		return context.WithoutCancel(r.via.r.Context())
	}
	return context.Background()
}
