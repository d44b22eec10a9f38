package gateway

import (
	"context"
	"errors"
	"os"
	"time"
)

// The manager of a group's processes is a goroutine. Each second it looks how busy they are: if all
// are, twice in a row, or if requests wait, it starts one, then two, four ...; and one that has had
// nothing to do for IdleTime is ended, if there are more than Min.

const manageEvery = time.Second

// manager is what the goroutine knows of the processes of one backend.
type manager struct {
	slots  []*slot
	busy   int // looks in a row at which all were busy
	growth int // how many are started next
}

// runProcesses starts the manager, and returns when as many processes run as there must be, or it
// is known that they do not.
func (p *pool) runProcesses() {
	p.spawns = make(chan func())
	ready := make(chan struct{})
	p.works.Go(func() {
		defer close(p.spawns)
		p.manage(ready)
	})
	go spawner(p.spawns)
	<-ready
	for _, s := range p.slots {
		if s.number < s.of.min() {
			<-s.first
		}
	}
}

// manage runs the processes until the group is closed.
func (p *pool) manage(ready chan<- struct{}) {
	var all []*manager
	for _, s := range p.slots {
		if n := len(all); n == 0 || all[n-1].slots[0].of != s.of {
			all = append(all, &manager{growth: 1})
		}
		m := all[len(all)-1]
		m.slots = append(m.slots, s)
		if s.number < s.of.min() {
			s.start()
		}
	}
	close(ready)
	tick := time.NewTicker(manageEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, m := range all {
				m.look(p.queue.waiting.Load() > 0, time.Now())
			}
		case <-p.life.Done():
			for _, s := range p.slots {
				s.stop()
			}
			for _, s := range p.slots {
				s.wait()
			}
			return
		}
	}
}

// look starts and ends processes.
func (m *manager) look(waiting bool, now time.Time) {
	running, busy := 0, 0
	var idle *slot
	for _, s := range m.slots {
		if s.quit == nil {
			continue
		}
		running++
		switch n := s.member.active.Load(); {
		case n > 0:
			s.since = now
			if s.member.full() {
				busy++
			}
		case idle == nil || s.since.Before(idle.since):
			idle = s
		}
		s.recycled()
	}
	of := m.slots[0].of
	if m.busy++; busy < running {
		m.busy = 0
	}
	switch {
	case waiting || m.busy >= 2:
		m.grow()
	default:
		m.growth = 1
		if idle != nil && running > of.min() &&
			now.Sub(idle.since) >= orDefault(of.IdleTime, time.Minute) {
			idle.stop()
		}
	}
}

// grow starts as many as are due.
func (m *manager) grow() {
	left := m.growth
	for _, s := range m.slots {
		if left > 0 && s.quit == nil && s.over() {
			s.start()
			left--
		}
	}
	m.growth *= 2
}

// over reports whether the slot's last supervisor has ended.
func (s *slot) over() bool {
	if s.ended == nil {
		return true
	}
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// start starts the slot's supervisor.
func (s *slot) start() {
	ctx, quit := context.WithCancel(context.Background())
	s.quit, s.since, s.ended = quit, time.Now(), make(chan struct{})
	s.base = s.member.requests.Load()
	go s.supervise(ctx)
}

// stop tells it to end.
func (s *slot) stop() {
	if s.quit != nil {
		s.quit()
		s.quit = nil
	}
}

// wait waits until it has ended.
func (s *slot) wait() {
	if s.ended != nil {
		<-s.ended
	}
}

// recycled lets a process be replaced that has had its requests.
func (s *slot) recycled() {
	n := s.member.requests.Load()
	if s.of.Recycle <= 0 || n-s.base < s.of.Recycle {
		return
	}
	s.base = n
	select {
	case s.recycle <- struct{}{}:
	default:
	}
}

// closeSlots gives up the sockets. No process runs any more.
func (p *pool) closeSlots() error {
	var errs []error
	for _, s := range p.slots {
		if s.socket != nil {
			errs = append(errs, s.socket.Close())
		}
	}
	if p.dir != "" {
		errs = append(errs, os.RemoveAll(p.dir), p.lock.Close())
	}
	return errors.Join(errs...)
}
