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
	"github.com/golwan/golwan/lwan/internal/transport"
)

// memoryStream is a request that lies in memory: what a Request needs to be read, and no answer.
type memoryStream struct {
	transport.Stream           // nil: what is not defined here must not be called
	transport.Task             // nor of this
	body             io.Reader // the content
	loop             bool      // there is a loop that must not block
	offloads         int
	busy             bool // no goroutine is free
}

func (*memoryStream) Peer() transport.Peer       { return new(peerCopy) }
func (*memoryStream) Trailer() []transport.Field { return nil }
func (*memoryStream) EnterUser(uint64)           {}
func (*memoryStream) LeaveUser() uint64          { return transport.Outside }
func (*memoryStream) Now() int64                 { return 0 }
func (*memoryStream) Unread() bool               { return true }

func (c *memoryStream) Read(_ transport.Task, p []byte) (int, error) {
	n, err := c.body.Read(p)
	if n > 0 {
		return n, nil
	}
	return 0, err
}

func (c *memoryStream) Inline() bool { return c.loop }

// Flush is what a worker does first when it leaves something to a goroutine.
func (c *memoryStream) Flush() error {
	if c.busy {
		return ErrBusy
	}
	c.offloads++
	return nil
}

func (c *memoryStream) Wait(arm func(wake func()), limit time.Duration, _ transport.Till) error {
	return transport.WaitOn(arm, limit, nil, nil)
}

func (*memoryStream) Canceller() func(error) { return nil }
func (*memoryStream) Killer() func()         { return nil }

// memoryLoop runs what a loop would.
type memoryLoop struct {
	transport.Loop // nil: what is not defined here must not be called
	car            *memoryStream
}

func (l memoryLoop) Go(fn func(on transport.Task)) { go fn(l.car) }

// memoryRequest begins a request of a head, given without its blank line and with "\n" as line end,
// and a content whose length the head must tell.
func memoryRequest(t testing.TB, head string, body io.Reader) (*Request, *memoryStream) {
	t.Helper()
	buf := []byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n")
	core := (&Server{Log: slog.New(slog.NewTextHandler(t.Output(), nil))}).newCore()
	var parsed message.Head
	req, car := new(Request), &memoryStream{body: body}
	limits := message.Limits{Line: 1 << 20, Fields: 1 << 20, Count: 1 << 10}
	verdict, err := http1.Parse(buf, &parsed, &limits, new(http1.Resume))
	if verdict != http1.Done {
		t.Fatalf("the head of the test is not valid: %v\n%s", err, head)
	}
	req.x = &exchange{
		core: core.process, by: car, on: car, req: req, resp: new(Response), loop: memoryLoop{car: car},
	}
	req.begin(car, car, &table{core: core}, &parsed, buf)
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

// fetchOnce sends a request on a connection of its own.
func fetchOnce(t testing.TB, method, url, contentType, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.DisableKeepAlives = true
	resp, err := (&http.Client{Transport: tr}).Do(req)
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
