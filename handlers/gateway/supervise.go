package gateway

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"
)

const (
	shortLife    = time.Second
	firstBackoff = time.Second
	mostBackoff  = 30 * time.Second
)

// supervise runs one process after the other until ctx ends. One that has lived for long enough, or
// has served a request, is followed by the next one at once, whatever has ended it, and so is the
// first that was of no use. Behind more of these there are pauses, and requests get 503.
func (s *slot) supervise(ctx context.Context) {
	defer close(s.ended)
	defer s.tried()
	defer s.down()
	useless, backoff := 0, firstBackoff
	for ctx.Err() == nil {
		began, served := time.Now(), s.member.served.Load()
		recycled := s.runOne(ctx)
		s.tried()
		if ctx.Err() != nil || recycled {
			continue
		}
		s.member.restarts.Add(1)
		if time.Since(began) >= shortLife || s.member.served.Load() != served {
			useless, backoff = 0, firstBackoff
			continue
		}
		if useless++; useless == 1 {
			continue
		}
		s.down()
		if err := s.renew(); err != nil {
			s.pool.say(said{s.name(), err.Error(), 0})
		}
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, mostBackoff)
	}
}

// down takes the member out of use, until a process runs.
func (s *slot) down() {
	s.member.hold(s.pool.now(), byProcess)
	s.member.lift(s.pool.now(), replacing)
}

// up brings it back, for who waits, too.
func (s *slot) up() {
	back := s.member.lift(s.pool.now(), byProcess)
	if s.member.lift(s.pool.now(), replacing) || back {
		s.pool.queue.pump(s.pool.try)
	}
}

// tried tells the start of the group that the first process runs, or does not.
func (s *slot) tried() {
	if !s.known {
		s.known = true
		close(s.first)
	}
}

// renew makes the socket anew: those who have connected already are not to wait for a process that
// does not come soon, and are reset.
func (s *slot) renew() error {
	if s.socket == nil {
		return nil
	}
	_ = s.socket.Close()
	s.socket = nil
	if err := os.Remove(s.path); err != nil {
		return err
	}
	return s.open()
}

// runOne runs a process to its end, whatever that is, and reports whether it was to be replaced.
func (s *slot) runOne(ctx context.Context) (recycled bool) {
	if s.of.Listen == OnStdin && s.socket == nil { // renew has failed
		if err := s.open(); err != nil {
			s.pool.say(said{s.name(), err.Error(), 0})
			return false
		}
	}
	c, err := s.pool.spawn(s)
	if err != nil {
		s.pool.say(said{s.name(), err.Error(), 0})
		return false
	}
	if err := s.ready(ctx, c); err != nil {
		if ctx.Err() == nil {
			s.pool.say(said{s.name(), err.Error(), 0})
		}
		c.end(s.of.signal(), s.of.patience())
		return false
	}
	s.up()
	s.tried()
	select {
	case <-c.exited:
		if s.of.Listen != OnStdin { // there, who connects waits in the socket
			s.member.hold(s.pool.now(), replacing)
		}
		s.pool.say(said{s.name(), "it has ended: " + c.state, 0})
		return false
	case <-s.recycle:
		recycled = true
		s.member.hold(s.pool.now(), replacing)
	case <-ctx.Done():
		s.down()
	}
	s.rest(c)
	c.end(s.of.signal(), s.of.patience())
	return recycled
}

// rest waits until the process has nothing to do, for as long as it is given to end.
func (s *slot) rest(c *child) {
	late := time.After(s.of.patience())
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s.member.active.Load() > 0 {
		select {
		case <-tick.C:
		case <-c.exited:
			return
		case <-late:
			return
		}
	}
}

// ready waits until a process that listens by itself does so.
func (s *slot) ready(ctx context.Context, c *child) error {
	if s.of.Listen == OnStdin {
		return nil // the socket is there: who connects waits for the process
	}
	network, address := "unix", s.path
	if s.of.Listen == ByPort {
		network, address = "tcp", s.address()
	}
	limit := orDefault(s.of.Ready, 10*time.Second)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-c.exited:
			return fmt.Errorf("it has ended before it has listened: %s", c.state)
		case <-ctx.Done():
			return fmt.Errorf("it does not listen after %v: %w", limit, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// open makes the slot's socket, or finds out where its process is to listen.
func (s *slot) open() error {
	switch s.of.Listen {
	case OnStdin:
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.path, Net: "unix"})
		if err != nil {
			return err
		}
		defer ln.Close() // the file stays, and so does the socket
		ln.SetUnlinkOnClose(false)
		if err := os.Chmod(s.path, 0o600); err != nil {
			return err
		}
		s.socket, err = ln.File()
		return err
	case ByPort:
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		_, s.port, err = net.SplitHostPort(ln.Addr().String())
		if cerr := ln.Close(); err == nil {
			err = cerr
		}
		return err
	}
	return nil
}
