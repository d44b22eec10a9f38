//go:build linux

package lwan

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stuckLog is a log that never ends, until the test does.
type stuckLog struct {
	slog.Handler
	end chan struct{}
}

func newStuckLog(t *testing.T) (*slog.Logger, *stuckLog) {
	l := &stuckLog{slog.DiscardHandler, make(chan struct{})}
	t.Cleanup(sync.OnceFunc(func() { close(l.end) }))
	return slog.New(l), l
}

func (l *stuckLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *stuckLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *stuckLog) Handle(context.Context, slog.Record) error {
	<-l.end
	return nil
}

// TestInvariant10LogThatBlocks: requests that fail write a line each; no request waits for it, and
// the server stops cleanly.
func TestInvariant10LogThatBlocks(t *testing.T) {
	t.Parallel()
	log, _ := newStuckLog(t)
	srv := &Server{Log: log, Loops: 1}
	srv.Handle("GET /fail", func(req *Request, resp *Response) Status {
		return resp.Fail(errSecret)
	})
	srv.Handle("GET /named", func(req *Request, resp *Response) Status {
		req.SetLog(req.Log().With("name", "x"))
		return resp.Fail(errSecret)
	})
	srv.Handle("GET /panic", func(req *Request, resp *Response) Status { panic("on purpose") })
	srv.Handle("GET /defer", func(req *Request, resp *Response) Status {
		req.Defer(func() { panic("on purpose") })
		return resp.Text(200, "x")
	})
	w := dial(t, serveTest(t, srv))
	for i := range 1500 {
		path := []string{"/fail", "/named", "/panic", "/defer"}[i%4]
		w.send(get1(path))
		if a := w.answer("GET"); a.status != 500 && path != "/defer" {
			t.Fatalf("request %d: %v", i, a)
		}
	}
	if n := srv.Stats().LogLost; n < 400 || n > 1500-1024 {
		t.Errorf("%d lines lost", n)
	}
}

// TestLogIsFlushed: what was logged is written when the server has ended.
func TestLogIsFlushed(t *testing.T) {
	srv := &Server{Addr: "127.0.0.1:0"}
	book := logged(srv)
	srv.Handle("GET /fail", func(req *Request, resp *Response) Status {
		return resp.Fail(errSecret)
	})
	addr, stop, ended := running(t, srv)
	const n = 300
	w := dial(t, addr)
	for range n {
		w.send(get1("/fail"))
		w.answer("GET")
	}
	stop()
	if err := received(t, ended); err != nil {
		t.Error(err)
	}
	book.mu.Lock() // nothing is on its way
	defer book.mu.Unlock()
	got := strings.Count(book.text.String(), `msg="request failed" route="GET /fail" status=500`)
	if got != n || srv.Stats().LogLost != 0 {
		t.Errorf("%d lines, %d lost", got, srv.Stats().LogLost)
	}
}

// TestErrorsKeepTheirType: a log that looks into errors finds them, with the text that they had.
func TestErrorsKeepTheirType(t *testing.T) {
	t.Parallel()
	found := make(chan error, 10)
	srv := &Server{Log: slog.New(errorLog{slog.DiscardHandler, found})}
	srv.Handle("GET /fail", func(req *Request, resp *Response) Status {
		return resp.Fail(errSecret)
	})
	w := dial(t, serveTest(t, srv))
	w.send(get1("/fail"))
	w.answer("GET")
	if err := received(t, found); !errors.Is(err, errSecret) || err.Error() != errSecret.Error() {
		t.Errorf("%v", err)
	}
}

type errorLog struct {
	slog.Handler
	found chan error
}

func (errorLog) Enabled(context.Context, slog.Level) bool { return true }
func (l errorLog) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			l.found <- err
		}
		return true
	})
	return nil
}

// TestInvariant10FullPipe: standard error is a pipe that nobody reads. The server goes on, and
// SIGTERM ends it. It runs this test again as a process of its own.
func TestInvariant10FullPipe(t *testing.T) {
	t.Parallel()
	if os.Getenv("LWAN_TEST_FULL_PIPE") != "" {
		serveWithFullPipe()
		return
	}
	unread, full, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestInvariant10FullPipe$")
	cmd.Env = append(os.Environ(), "LWAN_TEST_FULL_PIPE=1")
	cmd.Stderr = full
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(cmd.Start(), full.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, unless the test has failed
	w := dial(t, newPipe(t, out).line())
	for i := range 2000 { // of 100 bytes and more: the pipe takes 64 KiB
		w.send(get1("/fail"))
		if a := w.answer("GET"); a.status != 500 {
			t.Fatalf("request %d: %v", i, a)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, _ = io.Copy(io.Discard, out)
		ended <- cmd.Wait()
	}()
	if err := received(t, ended); err != nil {
		t.Error(err)
	}
}

func serveWithFullPipe() {
	srv := &Server{
		Addr: "127.0.0.1:0", Loops: 1, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	srv.Handle("GET /fail", func(req *Request, resp *Response) Status {
		return resp.Fail(errSecret)
	})
	go func() {
		<-srv.Ready()
		_, _ = os.Stdout.WriteString(srv.Addrs()[0].String() + "\n")
	}()
	if Run(srv) != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// TestClientsDoNotFillTheLog: requests beyond a limit get 503; the log gets one line, and later
// their number.
func TestClientsDoNotFillTheLog(t *testing.T) {
	srv := &Server{Loops: 1}
	book := logged(srv)
	srv.Handle("GET /busy", func(req *Request, resp *Response) Status { return resp.Fail(ErrBusy) })
	srv.Handle("GET /late",
		func(req *Request, resp *Response) Status { return resp.Fail(req.Sleep(time.Hour)) },
		WithLimits(Limits{Timeout: time.Millisecond}))
	t.Run("served", func(t *testing.T) {
		addr := serveTest(t, srv)
		for _, path := range []string{"/busy", "/late"} {
			w := dial(t, addr)
			for range 20 {
				w.send(get1(path))
				if a := w.answer("GET"); a.status != 503 {
					t.Fatalf("%v", a)
				}
			}
		}
	})
	if n := book.lines("request failed"); n != 4 || book.lines("request failed", "times=19") != 2 {
		t.Errorf("%d lines:\n%s", n, book)
	}
}
