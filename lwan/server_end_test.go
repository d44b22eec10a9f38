//go:build linux

package lwan

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"
)

// serving starts srv, which the test ends.
func serving(t *testing.T, srv *Server) (addr string, ended <-chan error) {
	t.Helper()
	srv.Addr, srv.Log = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	end := make(chan error, 1)
	go func() { end <- srv.ListenAndServe() }()
	received(t, srv.Ready())
	return srv.Addrs()[0].String(), end
}

// TestSecondEndIsHeard: a Shutdown whose requests do not end is ended by Close, and by another one
// that has less time.
func TestSecondEndIsHeard(t *testing.T) {
	for how, end := range map[string]func(s *Server) error{
		"Close": (*Server).Close,
		"Shutdown": func(s *Server) error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			return s.Shutdown(ctx)
		},
	} {
		t.Run(how, func(t *testing.T) {
			srv := &Server{}
			busy := make(chan struct{})
			srv.Handle("GET /", func(req *Request, resp *Response) Status {
				close(busy)
				return resp.Fail(req.Sleep(time.Hour))
			})
			addr, ended := serving(t, srv)
			w := dial(t, addr)
			w.send(get1("/"))
			received(t, busy)
			first := make(chan error, 1)
			go func() { first <- srv.Shutdown(context.Background()) }()
			received(t, srv.life.core.ending.Done())
			if err := end(srv); err != nil {
				t.Errorf("%s: %v", how, err)
			}
			if err := received(t, first); err == nil {
				t.Error("requests were cut off, which the first call does not tell")
			}
			received(t, ended)
		})
	}
}

// TestEndFromHandler: a handler that ends the server waits for itself, and somebody else can still
// end it.
func TestEndFromHandler(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			return resp.Fail(srv.Shutdown(context.Background()))
		}, mw...)
		addr, ended := serving(t, srv)
		w := dial(t, addr)
		w.send(get1("/"))
		received(t, srv.life.core.ending.Done())
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		received(t, ended)
	})
}

// TestEndFromInside: what the end of a server waits for may ask for it, and does not wait for
// itself.
func TestEndFromInside(t *testing.T) {
	for how, prepare := range map[string]func(s *Server, end func() error){
		"Go": func(s *Server, end func() error) {
			s.Go(func(ctx context.Context) error { return end() })
		},
		"OnClose": func(s *Server, end func() error) {
			s.OnClose(end)
			s.Go(func(ctx context.Context) error { return end() })
		},
		"Open": func(s *Server, end func() error) {
			open := func(*Scope, struct{}) error { return end() }
			s.Mount("/m", Module[struct{}]{Name: "m", Open: open}.With(struct{}{}))
		},
	} {
		t.Run(how, func(t *testing.T) {
			srv := &Server{Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
			prepare(srv, func() error {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel() // which does not cut anything
				return srv.Shutdown(ctx)
			})
			ended := make(chan error, 1)
			go func() { ended <- srv.ListenAndServe() }()
			if err := received(t, ended); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestServerInOpen: a module may ask its server what it likes while it is opened.
func TestServerInOpen(t *testing.T) {
	srv := &Server{}
	var ready <-chan struct{}
	open := func(s *Scope, _ struct{}) error {
		ready = s.Server().Ready()
		if a, n := s.Server().Addrs(), s.Server().Stats().Requests; a != nil || n != 0 {
			t.Errorf("before the start: %v, %d requests", a, n)
		}
		if err := s.Server().Restart(context.Background()); err == nil {
			t.Error("restarted before the start")
		}
		return nil
	}
	srv.Mount("/m", Module[struct{}]{Name: "m", Open: open}.With(struct{}{}))
	serveTest(t, srv)
	received(t, ready)
}

// TestHooksThatExit: a function that opens or closes a module, and ends its goroutine, keeps no
// other one from running, nor anybody who waits for the server.
func TestHooksThatExit(t *testing.T) {
	exit := func() error { runtime.Goexit(); return nil }
	for how, prepare := range map[string]func(s *Server){
		"OnClose": func(s *Server) { s.OnClose(exit) },
		"Open": func(s *Server) {
			open := func(*Scope, struct{}) error { return exit() }
			s.Mount("/m", Module[struct{}]{Name: "m", Open: open}.With(struct{}{}))
		},
	} {
		t.Run(how, func(t *testing.T) {
			srv := &Server{Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
			closed := make(chan struct{})
			srv.OnClose(func() error { close(closed); return nil })
			prepare(srv)
			srv.Go(func(context.Context) error { return srv.Close() })
			ended := make(chan error, 1)
			go func() { ended <- srv.ListenAndServe() }()
			err := received(t, ended)
			if err == nil || !strings.Contains(err.Error(), "Goexit") {
				t.Errorf("%v", err)
			}
			received(t, closed)
			if err := srv.Close(); err != nil {
				t.Errorf("again: %v", err)
			}
		})
	}
}
