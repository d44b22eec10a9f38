package lwantest

import (
	"context"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// call is a request in memory.
type call struct {
	family *family
	rec    *recorder
	// closed when the handler's goroutine has ended; the fields below are readable then
	ended chan struct{}

	cut      bool
	panicked any // of the framework: a handler's own panic is an answer
	stack    []byte
}

// run is the handler's goroutine. It ends by Goexit when a dead request is unwound, or a handler
// calls t.Fatal.
func (c *call) run(h http.Handler, r *http.Request) { c.runOn(c.rec, h, r) }

// runOn is run with another writer than rec, which records there.
func (c *call) runOn(w http.ResponseWriter, h http.Handler, r *http.Request) {
	defer close(c.ended)
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			c.cut = true
		default:
			c.panicked, c.stack = v, debug.Stack()
		}
	}()
	c.family.join()
	h.ServeHTTP(w, r)
}

const (
	leaveGrace  = 10 * time.Second // from the client's leaving to the handler's end
	longest     = time.Minute      // of a handler whose client stays
	longestFake = 30 * 24 * time.Hour
)

// wait waits for the end of the handler, and fails the test if it does not come.
func (c *call) wait(t testing.TB, ctx context.Context) {
	t.Helper()
	limit := time.NewTimer(longest)
	if inBubble() {
		limit.Reset(longestFake)
	}
	defer limit.Stop()
	select {
	case <-c.ended:
	case <-limit.C:
		c.stalled(t,
			"the handler does not return; an endless stream ends with the context of its request")
	case <-ctx.Done():
		c.waitForLeaver(t)
	}
	if c.panicked != nil {
		t.Fatalf("lwantest: panic outside of the handler: %v\n%s", c.panicked, c.stack)
	}
}

func (c *call) waitForLeaver(t testing.TB) {
	t.Helper()
	grace := time.NewTimer(leaveGrace)
	defer grace.Stop()
	select {
	case <-c.ended:
	case <-grace.C:
		c.stalled(t, "the client has left, and the handler does not return")
	}
}

func (c *call) stalled(t testing.TB, what string) {
	t.Helper()
	c.family.forgive() // one failure is enough
	t.Fatalf("lwantest: %s\n\n%s", what, strings.Join(c.family.alive(), "\n\n"))
}

func (c *call) result() *Result {
	sent := c.rec.sent
	if sent == nil {
		sent = http.Header{}
	}
	return &Result{
		Status: c.rec.status, Header: sent, Trailer: c.rec.trailer(), Body: c.rec.body.String(),
		Err: c.rec.failure, Cut: c.cut,
	}
}
