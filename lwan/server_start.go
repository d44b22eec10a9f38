package lwan

import (
	"errors"
	"fmt"
	"net"
)

var (
	errNotNew = errors.New("lwan: the server has been started or closed already; a Server is " +
		"used once")
	errStart = errors.New("lwan: the start of the server panicked, or ended by runtime.Goexit")
)

// beginStart reports an error unless the caller is the one who starts the server.
func (s *Server) beginStart() error {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.lifeInit()
	if s.life.state != lifeNew {
		return errNotNew
	}
	s.life.state = lifeStarting
	return nil
}

// endStart ends what beginStart has begun, with the state that the server has reached, or with what
// has failed: then what was opened is closed. It runs as a deferred function, and returns err and
// what else there is to say.
func (s *Server) endStart(reached lifeState, err error) error {
	if err == nil {
		s.startWork()
	} else {
		reached = lifeOver
		err = errors.Join(err, s.closeOpened())
		if c := s.life.core; c != nil {
			c.flushLog()
		}
	}
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.life.state = reached
	close(s.life.begun)
	switch reached {
	case lifeServing:
		close(s.life.ready)
	case lifeOver:
		close(s.life.over)
	}
	return err
}

// start builds the server and begins to serve, in the place of another process if that has left its
// sockets.
func (s *Server) start(ends []Endpoint) (err error) {
	if err := s.beginStart(); err != nil {
		return err
	}
	err = errStart
	defer func() { err = s.endStart(lifeServing, err) }()
	left, e := inherit()
	if e != nil {
		err = e
		return err
	}
	defer func() {
		if e := left.settle(err); err == nil && e != nil {
			s.life.core.log.Warn("lwan: the process before this one", "err", e)
		}
		if err == nil {
			s.life.engine.own()
		}
	}()
	err = s.startOn(ends, left)
	return err
}

func (s *Server) startOn(ends []Endpoint, left *inheritance) error {
	roots := make([]*Routes, len(ends))
	for i, e := range ends {
		if roots[i] = e.Routes; e.Routes == nil {
			roots[i] = &s.Routes
		}
	}
	if err := s.build(roots); err != nil {
		return err
	}
	s.life.core.ring.Start()
	eng, addrs, err := s.openEngine(ends, left)
	if err != nil {
		return err
	}
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.life.engine, s.life.ends, s.life.addrs = eng, ends, addrs
	return nil
}

// confine gives up what is not needed any more. Nothing of the program's runs meanwhile but what it
// has started itself.
func (s *Server) confine() error {
	if s.Confine == nil {
		return nil
	}
	if err := s.Confine(); err != nil {
		return fmt.Errorf("lwan: Server.Confine: %w", err)
	}
	return nil
}

// openEngine reads certificates first, since nothing works without them.
func (s *Server) openEngine(ends []Endpoint, left *inheritance) (engine, []net.Addr, error) {
	places := make([]opened, len(ends))
	for i, end := range ends {
		places[i] = opened{Endpoint: end, number: i, table: s.life.current.tables[i]}
	}
	if err := s.secure(places, left); err != nil {
		return nil, nil, err
	}
	return startEngine(s, places, left)
}
