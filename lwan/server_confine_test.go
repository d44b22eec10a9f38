//go:build linux

package lwan

import (
	"errors"
	"net"
	"testing"
)

// TestConfine: it is called once, when modules are open and sockets are bound, and its error ends
// the start.
func TestConfine(t *testing.T) {
	var opened, called int
	srv := &Server{}
	module := Module[struct{}]{Name: "m", Open: func(s *Scope, _ struct{}) error {
		opened++
		s.Handle("/", text("hello"))
		return nil
	}}
	srv.Mount("/", module.With(struct{}{}))
	srv.Confine = func() error {
		if called++; opened != 1 {
			t.Errorf("%d modules are open", opened)
		}
		return nil
	}
	serveTest(t, srv)
	if called != 1 {
		t.Errorf("called %d times", called)
	}

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	refused := errors.New("it cannot be given up")
	srv = &Server{Confine: func() error { return refused }}
	srv.OnClose(func() error { closed = true; return nil })
	if err := srv.Serve(ln); !errors.Is(err, refused) || !closed {
		t.Errorf("%v, closed: %v", err, closed)
	}
	if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		c.Close()
		t.Error("it listens")
	}
}
