package lwan

import (
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/http1"
)

// memoryCarrier is a request that lies in memory: what a Request needs to be read, and no answer.
type memoryCarrier struct {
	carrier            // nil: what is not defined here must not be called
	body     io.Reader // the content
	loop     bool      // there is a loop that must not block
	offloads int
	busy     bool // no goroutine is free
}

func (c *memoryCarrier) readBody(p []byte) (int, error) {
	n, err := c.body.Read(p)
	if n > 0 {
		return n, nil
	}
	return 0, err
}

func (c *memoryCarrier) onLoop() bool { return c.loop && c.offloads == 0 }

func (c *memoryCarrier) offload(fn func()) error {
	if c.busy {
		return ErrBusy
	}
	c.offloads++
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	<-done
	return nil
}

// memoryRequest begins a request of a head, given without its blank line and with "\n" as line end, and a content whose
// length the head must tell.
func memoryRequest(t testing.TB, head string, body io.Reader) (*Request, *memoryCarrier) {
	t.Helper()
	buf := []byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n")
	core := (&Server{Log: slog.New(slog.NewTextHandler(t.Output(), nil))}).newCore()
	req, car := new(Request), &memoryCarrier{body: body}
	limits := http1.Limits{Line: 1 << 20, Fields: 1 << 20, Count: 1 << 10}
	if verdict, err := http1.Parse(buf, &req.head, &limits, new(http1.Resume)); verdict != http1.Done {
		t.Fatalf("the head of the test is not valid: %v\n%s", err, head)
	}
	req.begin(car, &table{core: core}, buf)
	t.Cleanup(func() {
		if req.state != stateOver {
			req.end()
		}
	})
	return req, car
}
