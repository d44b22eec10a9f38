package handlers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func ExampleSlogAccess() {
	t := new(testing.B)
	shown := map[string]bool{"method": true, "route": true, "status": true, "msg": true}
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if !shown[a.Key] {
				return slog.Attr{} // the rest is different each time
			}
			return a
		},
	}))
	srv := &lwan.Server{}
	access := handlers.SlogAccess(log)
	srv.Observe(access)
	srv.Handle("GET /users/{id}", func(*lwan.Request, *lwan.Response) lwan.Status { return 204 })
	lwantest.Get(t, lwantest.Build(t, srv), "/users/7")
	access.Close() // the server does it
	// Output: msg=request method=GET route="GET /users/{id}" status=204
}

// TestSlogAccess: what is in a record, also of a request that could not be parsed.
func TestSlogAccess(t *testing.T) {
	var out bytes.Buffer
	access := handlers.SlogAccess(slog.New(slog.NewJSONHandler(&out, nil)))
	srv := &lwan.Server{}
	srv.Observe(access)
	srv.Use(handlers.RequestID)
	srv.Handle("GET /{$}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		handlers.UserKey.Set(req, "ann")
		return resp.Text(503, "later")
	})
	h := lwantest.Build(t, srv)
	lwantest.Do(t, h, newRequest(t, "GET", "/?a=b", "User-Agent", strings.Repeat("x", 5000),
		"X-Request-Id", "given"))
	if err := access.Close(); err != nil {
		t.Fatal(err)
	}
	line := out.String()
	for _, want := range []string{
		`"level":"WARN","msg":"request"`, `"method":"GET"`, `"target":"/?a=b"`,
		`"route":"GET /{$}"`, `"status":503,"bytes":5,"took":`, `"user":"ann"`, `"id":"`,
		`"agent":"` + strings.Repeat("x", 2048) + `"`,
	} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	if n := strings.Count(line, "\n"); n != 1 {
		t.Errorf("%d records", n)
	}
	lwantest.Get(t, h, "/") // behind Close: no panic
	if err := access.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

// heldHandler handles nothing until it is let, and then fails.
type heldHandler struct {
	slog.Handler
	enter sync.Once
	busy  chan struct{} // closed when the first record is being handled
	let   chan struct{}
	mu    sync.Mutex
	seen  []string
}

var errHeld = errors.New("the disk is full")

func (h *heldHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *heldHandler) Handle(_ context.Context, r slog.Record) error {
	h.enter.Do(func() { close(h.busy) })
	<-h.let
	h.mu.Lock()
	defer h.mu.Unlock()
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "count" {
			line += " " + a.Value.String()
		}
		return true
	})
	h.seen = append(h.seen, line)
	return errHeld
}

// TestSlogAccessHeld: requests do not wait for a handler that hangs; what is lost is counted, and
// an error comes out of Close.
func TestSlogAccessHeld(t *testing.T) {
	held := &heldHandler{busy: make(chan struct{}), let: make(chan struct{})}
	access := handlers.SlogAccess(slog.New(held))
	srv := &lwan.Server{}
	srv.Observe(access)
	srv.Handle("GET /", func(*lwan.Request, *lwan.Response) lwan.Status { return 204 })
	h := lwantest.Build(t, srv)
	lwantest.Get(t, h, "/")
	<-held.busy
	for range 4096 + 7 {
		lwantest.Get(t, h, "/")
	}
	close(held.let)
	if err := access.Close(); !errors.Is(err, errHeld) {
		t.Errorf("Close: %v", err)
	}
	if n := len(held.seen); n != 1+4096+1 || held.seen[1] != "requests were not logged 7" {
		t.Errorf("%d records, the second is %q", n, held.seen[1])
	}
}

// panickingHandler is a broken logger.
type panickingHandler struct{ slog.Handler }

func (panickingHandler) Handle(context.Context, slog.Record) error { panic("no disk") }

// TestSlogAccessPanics: a logger that panics ends neither the log nor the process.
func TestSlogAccessPanics(t *testing.T) {
	access := handlers.SlogAccess(slog.New(panickingHandler{slog.NewTextHandler(io.Discard, nil)}))
	srv := &lwan.Server{}
	srv.Observe(access)
	srv.Handle("GET /", func(*lwan.Request, *lwan.Response) lwan.Status { return 204 })
	h := lwantest.Build(t, srv)
	lwantest.Get(t, h, "/")
	lwantest.Get(t, h, "/")
	if err := access.Close(); err == nil || !strings.Contains(err.Error(), "no disk") {
		t.Errorf("Close: %v", err)
	}
}
