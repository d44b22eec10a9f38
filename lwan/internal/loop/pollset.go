//go:build linux

package loop

import (
	"errors"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// pollSet is the Poller that poll(2) makes: level-triggered, everywhere at hand, and slow with many
// connections, all of which the kernel looks at in each wait. It is the proof that the loops depend
// on the contract alone, and the pattern for other systems. What was told is not asked for again
// until it is used.
type pollSet struct {
	evfd int

	// the runner's
	// the first one is evfd's; negative: nothing to ask for, since the connection is over
	fds     []unix.PollFd
	watched []watched   // of the same index
	at      map[int]int // index by descriptor
	// the next wait tells of this one first, so that none is left out for ever
	first int

	mu    sync.Mutex
	fresh []newcomer // added, and unknown to the runner
}

type watched struct {
	token uint64
	level bool // is told again without being used: a listener
}

type newcomer struct {
	fd     int
	events int16
	watched
}

const (
	pollConn = unix.POLLIN | unix.POLLOUT | unix.POLLRDHUP | unix.POLLPRI
	pollOver = unix.POLLHUP | unix.POLLERR | unix.POLLNVAL // are told whether one asks or not
)

// NewPollSet makes a poller that calls poll.
func NewPollSet() (Poller, error) {
	evfd, err := newEventfd()
	if err != nil {
		return nil, err
	}
	p := &pollSet{evfd: evfd, at: map[int]int{}}
	p.admit(newcomer{evfd, unix.POLLIN, watched{wakeToken, true}})
	return p, nil
}

func (p *pollSet) Add(fd int, token uint64) syscall.Errno {
	return p.announce(newcomer{fd, pollConn, watched{token, false}})
}

func (p *pollSet) AddListener(fd int, token uint64) syscall.Errno {
	return p.announce(newcomer{fd, unix.POLLIN, watched{token, true}})
}

func (p *pollSet) Shares() bool { return false }

// announce leaves a descriptor to the runner, which may be waiting.
func (p *pollSet) announce(c newcomer) syscall.Errno {
	p.mu.Lock()
	p.fresh = append(p.fresh, c)
	p.mu.Unlock()
	p.Wake()
	return 0
}

// catchUp takes notice of what was added.
func (p *pollSet) catchUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.fresh {
		p.admit(c)
	}
	p.fresh = p.fresh[:0]
}

func (p *pollSet) admit(c newcomer) {
	if _, ok := p.at[c.fd]; ok {
		return
	}
	p.at[c.fd] = len(p.fds)
	p.fds = append(p.fds, unix.PollFd{Fd: int32(c.fd), Events: c.events})
	p.watched = append(p.watched, c.watched)
}

func (p *pollSet) Remove(fd int) syscall.Errno {
	p.catchUp()
	i, ok := p.at[fd]
	if !ok {
		return syscall.ENOENT
	}
	last := len(p.fds) - 1
	p.fds[i], p.watched[i] = p.fds[last], p.watched[last]
	p.at[descriptorOf(p.fds[i])] = i
	delete(p.at, fd)
	p.fds, p.watched = p.fds[:last], p.watched[:last]
	return 0
}

func (p *pollSet) Closing(fd int) { p.Remove(fd) }

func (p *pollSet) Used(fd int, what Ready) {
	i, ok := p.at[fd]
	if !ok {
		return // it was removed, and is used up by somebody else
	}
	f := &p.fds[i]
	if what&In != 0 {
		f.Events |= unix.POLLIN
	}
	if what&Out != 0 {
		f.Events |= unix.POLLOUT
	}
	f.Fd = int32(fd)
}

// descriptorOf is the descriptor of an entry, whether it is asked for or not.
func descriptorOf(f unix.PollFd) int {
	if f.Fd < 0 {
		return int(^f.Fd)
	}
	return int(f.Fd)
}

func (p *pollSet) Wake() { wakeEventfd(p.evfd) }

func (p *pollSet) Close() { unix.Close(p.evfd) }

// Doze waits as ever.
func (p *pollSet) Doze(events []Event, ms int) (int, syscall.Errno) { return p.Wait(events, ms) }

func (p *pollSet) Wait(events []Event, ms int) (int, syscall.Errno) {
	p.catchUp()
	ready, err := unix.Poll(p.fds, ms)
	if err != nil {
		var e syscall.Errno
		errors.As(err, &e)
		return 0, e
	}
	told, n := 0, len(p.fds)
	start := p.first
	for k := 0; k < n && ready > 0; k++ {
		i := (start + k) % n
		if p.fds[i].Revents == 0 {
			continue
		}
		if told == len(events) {
			p.first = i
			break
		}
		ready--
		if p.watched[i].token == wakeToken {
			p.drain()
			continue
		}
		events[told] = p.tell(i)
		told++
	}
	return told, 0
}

// tell makes an event of what poll says of an entry, and does not ask for it again.
func (p *pollSet) tell(i int) Event {
	f, w := &p.fds[i], p.watched[i]
	if !w.level {
		f.Events &^= f.Revents
		if f.Revents&pollOver != 0 {
			f.Fd, f.Events = ^f.Fd, 0
		}
	}
	return Event{w.token, readyOf(uint32(f.Revents))}
}

// drain takes the wake-ups.
func (p *pollSet) drain() {
	var count [8]byte
	for {
		if _, err := unix.Read(p.evfd, count[:]); err != unix.EINTR {
			return
		}
	}
}
