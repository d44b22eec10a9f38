package lwan

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/message"
)

// memoryCarrier is a request that lies in memory: what a Request needs to be read, and no answer.
type memoryCarrier struct {
	carrier            // nil: what is not defined here must not be called
	body     io.Reader // the content
	loop     bool      // there is a loop that must not block
	offloads int
	busy     bool // no goroutine is free
}

func (*memoryCarrier) entered(*route) {}
func (*memoryCarrier) returned()      {}

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

func (c *memoryCarrier) readAside(fn func(body io.Reader)) error {
	return c.offload(func() { fn(c.body) })
}

// memoryRequest begins a request of a head, given without its blank line and with "\n" as line end,
// and a content whose length the head must tell.
func memoryRequest(t testing.TB, head string, body io.Reader) (*Request, *memoryCarrier) {
	t.Helper()
	buf := []byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n")
	core := (&Server{Log: slog.New(slog.NewTextHandler(t.Output(), nil))}).newCore()
	req, car := new(Request), &memoryCarrier{body: body}
	limits := message.Limits{Line: 1 << 20, Fields: 1 << 20, Count: 1 << 10}
	verdict, err := http1.Parse(buf, &req.head, &limits, new(http1.Resume))
	if verdict != http1.Done {
		t.Fatalf("the head of the test is not valid: %v\n%s", err, head)
	}
	req.begin(car, &table{core: core}, buf)
	t.Cleanup(func() {
		if req.state.Load() != stateOver {
			req.end()
		}
	})
	return req, car
}

// listening starts srv on a free port. stop shuts it down, and everything that it runs is over when
// it returns.
func listening(t testing.TB, srv *Server) (url string, stop func()) {
	t.Helper()
	srv.Addr, srv.Loops = "127.0.0.1:0", 1
	srv.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	select {
	case <-srv.Ready():
	case err := <-ended:
		t.Fatal(err)
	}
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := errors.Join(srv.Shutdown(ctx), <-ended); err != nil {
			t.Error(err)
		}
	}
	return "http://" + srv.Addrs()[0].String(), stop
}

// exchange sends a request on a connection of its own.
func exchange(t testing.TB, method, url, contentType, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
