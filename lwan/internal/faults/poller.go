//go:build linux

package faults

import (
	"syscall"

	"github.com/golwan/golwan/lwan/internal/loop"
)

// Poller makes pollers that have the faults of k, of what makes good ones.
func (k *Kernel) Poller(good loop.NewPoller) loop.NewPoller {
	return func() (loop.Poller, error) {
		p, err := good()
		return &faultyPoller{p, k}, err
	}
}

// faultyPoller refuses connections and is interrupted. Which of its poller watches what is known to
// k, for the edges that are owed.
type faultyPoller struct {
	loop.Poller
	k *Kernel
}

func (p *faultyPoller) Add(fd int, token uint64) syscall.Errno {
	k := p.k
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.chance(k.rates.Register, "register ENOMEM") {
		return syscall.ENOMEM
	}
	e := p.Poller.Add(fd, token)
	if c := k.conns[fd]; c != nil && e == 0 {
		c.poller, c.token = p.Poller, token
	}
	return e
}

func (p *faultyPoller) Remove(fd int) syscall.Errno {
	k := p.k
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.conns[fd]; c != nil {
		c.poller = nil
	}
	return p.Poller.Remove(fd)
}

func (p *faultyPoller) Wait(events []loop.Event, ms int) (int, syscall.Errno) {
	call := "wait EINTR"
	if ms == 0 {
		call = "poll EINTR"
	}
	if p.interrupted(call) {
		return 0, syscall.EINTR
	}
	return p.Poller.Wait(events, ms)
}

func (p *faultyPoller) Doze(events []loop.Event, ms int) (int, syscall.Errno) {
	if p.interrupted("doze EINTR") {
		return 0, syscall.EINTR
	}
	return p.Poller.Doze(events, ms)
}

func (p *faultyPoller) interrupted(call string) bool {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	return p.k.chance(p.k.rates.Poll, call)
}
