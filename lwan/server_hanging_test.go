//go:build linux

package lwan

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

// hangingModule is one whose Open does not return before hold is closed, and which tells of its
// closing.
func hangingModule(hold chan struct{}, in, closed chan string) Mountable {
	open := func(sc *Scope, _ struct{}) error {
		sc.OnClose(func() error { closed <- "hangs"; return nil })
		in <- "open"
		<-hold
		sc.OnClose(func() error { closed <- "hangs, late"; return nil })
		sc.Handle("/", text("never"))
		return nil
	}
	return Module[struct{}]{Name: "hangs", Open: open}.With(struct{}{})
}

func closingModule(closed chan string) Mountable {
	open := func(sc *Scope, _ struct{}) error {
		sc.OnClose(func() error { closed <- "good"; return nil })
		return nil
	}
	return Module[struct{}]{Name: "good", Open: open}.With(struct{}{})
}

// over is a context that is over.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// TestOpenThatHangs: an end that has no time fails the start, which names the module; the others
// are closed, and the one that hangs when it returns.
func TestOpenThatHangs(t *testing.T) {
	t.Parallel()
	for how, end := range map[string]func(s *Server, stop func()){
		"Close":    func(s *Server, _ func()) { _ = s.Close() },
		"Shutdown": func(s *Server, _ func()) { _ = s.Shutdown(over()) },
		"Run":      func(_ *Server, stop func()) { stop() },
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			hold, in, closed := make(chan struct{}), make(chan string, 1), make(chan string, 9)
			srv := &Server{
				Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), DrainTimeout: 1,
				KeepGOMAXPROCS: true,
			}
			srv.Mount("/good", closingModule(closed))
			srv.Mount("/hangs", hangingModule(hold, in, closed))
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			ended := make(chan error, 1)
			go func() { ended <- srv.Run(ctx) }()
			received(t, in)
			end(srv, stop)
			err := received(t, ended)
			if !errors.Is(err, errStays) || !strings.Contains(err.Error(), `"hangs" at /hangs`) {
				t.Errorf("Run: %v", err)
			}
			for _, want := range []string{"good", "hangs, late", "hangs"} {
				if got := received(t, closed); got != want {
					t.Errorf("%q was closed, want %q", got, want)
				}
				if want == "good" {
					close(hold)
				}
			}
		})
	}
}

// TestReplaceThatHangs: a replacement whose Open does not return ends with its context; what served
// goes on, and takes the next one.
func TestReplaceThatHangs(t *testing.T) {
	t.Parallel()
	hold, in, closed := make(chan struct{}), make(chan string, 1), make(chan string, 9)
	s := &moduleBook{}
	srv := s.server(text("in"))
	c := dial(t, serveTest(t, srv))
	next := s.tables(1, text("in"))
	next.Routes.Mount("/hangs", hangingModule(hold, in, closed))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Replace(ctx, next) }()
	received(t, in)
	for range 100 {
		if err := srv.Replace(context.Background(), s.tables(2, text("in"))); err != ErrRestarting {
			t.Fatalf("beside another one: %v", err)
		}
	}
	cancel()
	if err := received(t, ended); !errors.Is(err, errStays) {
		t.Errorf("Replace: %v", err)
	}
	s.only(t, 0)
	c.send("GET /n HTTP/1.1\r\nHost: x\r\n\r\n")
	c.want("GET", 200, "0")
	replace(t, srv, s.tables(3, text("in")))
	s.only(t, 3)
	close(hold)
	received(t, closed)
	received(t, closed)
	c.send("GET /n HTTP/1.1\r\nHost: x\r\n\r\n")
	c.want("GET", 200, "3")
}

// TestEndThatHangs: what the program has left hanging does not hold up an end that has no time, and
// is named.
func TestEndThatHangs(t *testing.T) {
	t.Parallel()
	for how, what := range map[string]struct {
		hang func(t *testing.T, srv *Server, hold chan struct{})
		want []error // one of them
	}{
		"Open of a replacement": {func(t *testing.T, srv *Server, hold chan struct{}) {
			in := make(chan string, 1)
			next := &Tables{}
			next.Routes.Mount("/hangs", hangingModule(hold, in, make(chan string, 9)))
			go func() {
				if err := srv.Replace(context.Background(), next); !errors.Is(err, errStays) {
					t.Errorf("Replace: %v", err)
				}
			}()
			received(t, in)
		}, []error{nil}},
		"Go of what was replaced": {func(t *testing.T, srv *Server, hold chan struct{}) {
			begun := make(chan struct{})
			next := &Tables{}
			open := func(sc *Scope, _ struct{}) error {
				sc.Go(func(context.Context) error { close(begun); <-hold; return nil })
				return nil
			}
			next.Routes.Mount("/m", Module[struct{}]{Name: "m", Open: open}.With(struct{}{}))
			replace(t, srv, next)
			received(t, begun)
			replace(t, srv, &Tables{})
			// whoever closes the tables tells it: their last holder the log, or the end of the server
		}, []error{nil, errWorkStays}},
		"OnClose": {func(_ *testing.T, srv *Server, hold chan struct{}) {
			srv.life.mu.Lock()
			srv.life.closeGrace = time.Millisecond
			srv.life.mu.Unlock()
		}, []error{errStays}},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			hold := make(chan struct{})
			defer close(hold)
			srv := &Server{Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
			if how == "OnClose" {
				srv.OnClose(func() error { <-hold; return nil })
			}
			ended := make(chan error, 1)
			go func() { ended <- srv.ListenAndServe() }()
			received(t, srv.Ready())
			what.hang(t, srv, hold)
			err := srv.Close()
			is := func(want error) bool { return errors.Is(err, want) }
			if !slices.ContainsFunc(what.want, is) {
				t.Errorf("Close: %v", err)
			}
			received(t, ended)
		})
	}
}
