//go:build linux

package evloop

import "syscall"

// Poller makes pollers that have the faults of k, of what makes good ones.
func (k *Faults) Poller(good NewPoller) NewPoller {
	return func() (Poller, error) {
		p, err := good()
		return &faultyPoller{p, k}, err
	}
}

// faultyPoller refuses connections and is interrupted. Which of its poller watches what is known to k, for the edges that are
// owed.
type faultyPoller struct {
	Poller
	k *Faults
}

func (p *faultyPoller) add(fd int, token uint64) syscall.Errno {
	k := p.k
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.chance(k.rates.Register, "register ENOMEM") {
		return syscall.ENOMEM
	}
	e := p.Poller.add(fd, token)
	if c := k.conns[fd]; c != nil && e == 0 {
		c.poller, c.token = p.Poller, token
	}
	return e
}

func (p *faultyPoller) remove(fd int) syscall.Errno {
	k := p.k
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.conns[fd]; c != nil {
		c.poller = nil
	}
	return p.Poller.remove(fd)
}

func (p *faultyPoller) wait(events []event, ms int) (int, syscall.Errno) {
	call := "wait EINTR"
	if ms == 0 {
		call = "poll EINTR"
	}
	if p.interrupted(call) {
		return 0, syscall.EINTR
	}
	return p.Poller.wait(events, ms)
}

func (p *faultyPoller) interrupted(call string) bool {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	return p.k.chance(p.k.rates.Poll, call)
}
