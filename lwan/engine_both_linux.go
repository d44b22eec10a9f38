//go:build !golwan_nethttp

package lwan

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/conn"
)

// startEngine serves endpoints on loops, but through net/http those that speak what loops do not
// speak yet: HTTP/2, encrypted or not.
func startEngine(s *Server, places []opened, left *inheritance) (engine, []net.Addr, error) {
	var plain, other []opened
	order := make([]bool, len(places))
	for i, p := range places {
		if order[i] = p.versions() != HTTP1 && !s.life.h2OnLoops; order[i] {
			other = append(other, p)
		} else {
			plain = append(plain, p)
		}
	}
	switch {
	case len(other) == 0:
		return startLoops(s, plain, left)
	case len(plain) == 0:
		return startNetHTTP(s, other, left)
	}
	loops, addrs, err := startLoops(s, plain, left)
	if err != nil {
		return nil, nil, err
	}
	web, webAddrs, err := startNetHTTP(s, other, left)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.Background(), hardGrace)
		defer cancel()
		return nil, nil, errors.Join(err, loops.close(ctx), loops.closeListeners())
	}
	return &bothEngines{loops, web, order}, ordered(order, addrs, webAddrs), nil
}

// bothEngines are loops, and net/http beside them.
type bothEngines struct {
	loops, web engine
	order      []bool // by endpoint: it is web's
}

// ordered puts what belongs to endpoints in their order.
func ordered[T any](order []bool, loops, web []T) (all []T) {
	for _, isWeb := range order {
		from := &loops
		if isWeb {
			from = &web
		}
		all, *from = append(all, (*from)[0]), (*from)[1:]
	}
	return all
}

// at does something to both at the same time.
func (e *bothEngines) at(do func(engine) error) error {
	var failed [2]error
	var both sync.WaitGroup
	for i, eng := range []engine{e.loops, e.web} {
		both.Go(func() { failed[i] = do(eng) })
	}
	both.Wait()
	if failed[0] != nil && failed[1] != nil && failed[0].Error() == failed[1].Error() {
		return failed[0] // as that a context is over
	}
	return errors.Join(failed[:]...)
}

func (e *bothEngines) drain(grace time.Duration) {
	e.loops.drain(grace)
	e.web.drain(grace)
}

func (e *bothEngines) wait(ctx context.Context) error {
	return e.at(func(eng engine) error { return eng.wait(ctx) })
}

func (e *bothEngines) close(ctx context.Context) error {
	return e.at(func(eng engine) error { return eng.close(ctx) })
}

func (e *bothEngines) closeListeners() error { return e.at(engine.closeListeners) }

func (e *bothEngines) sockets() ([]*os.File, error) {
	loops, err := e.loops.sockets()
	if err != nil {
		return nil, err
	}
	web, err := e.web.sockets()
	if err != nil {
		closeAll(loops)
		return nil, err
	}
	return ordered(e.order, loops, web), nil
}

func (e *bothEngines) share() {
	e.loops.share()
	e.web.share()
}

func (e *bothEngines) own() {
	e.loops.own()
	e.web.own()
}

func (e *bothEngines) replace(next *core, ending <-chan struct{}) {
	e.loops.replace(next, ending)
	e.web.replace(next, ending)
}

func (e *bothEngines) expire(c *core) {
	e.loops.expire(c)
	e.web.expire(c)
}

func (e *bothEngines) stats(s *Stats) {
	var web Stats
	e.loops.stats(s)
	e.web.stats(&web)
	s.Conns.Idle += web.Conns.Idle
	s.Conns.Active += web.Conns.Active
	s.Accepted += web.Accepted
	s.Rejected += web.Rejected
	s.Requests += web.Requests
	s.BytesIn += web.BytesIn
	s.BytesOut += web.BytesOut
	for class, n := range web.Status {
		s.Status[class] += n
	}
	s.Secure.Handshakes += web.Secure.Handshakes
	s.Secure.Resumed += web.Secure.Resumed
	s.Secure.Failed += web.Secure.Failed
	s.Secure.Pending += web.Secure.Pending
}

// listenSystemd duplicates a socket that the service manager has opened.
func listenSystemd(where string) (net.Listener, error) {
	lane, err := conn.Listen(where, conn.ListenConfig{})
	if err != nil {
		return nil, err
	}
	file, err := lane.Duplicate()
	if err != nil {
		return nil, errors.Join(err, lane.Close())
	}
	ln, err := net.FileListener(file)
	return ln, errors.Join(err, file.Close(), lane.Close())
}
