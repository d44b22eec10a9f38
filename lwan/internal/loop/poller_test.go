//go:build linux

package loop

import (
	"fmt"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pollers are all implementations of the contract.
var pollers = map[string]NewPoller{
	"epoll": NewEpoll, "poll": NewPollSet, "epoll dozing": newDozing,
}

// dozing is epoll whose waits keep the processor.
type dozing struct{ *epoll }

func newDozing() (Poller, error) {
	p, err := NewEpoll()
	if err != nil {
		return nil, err
	}
	return dozing{p.(*epoll)}, nil
}

func (p dozing) Wait(events []Event, ms int) (int, syscall.Errno) { return p.Doze(events, ms) }

// pollerRig is a poller and a connection that it watches.
type pollerRig struct {
	t *testing.T
	p Poller
}

func eachPoller(t *testing.T, test func(t *testing.T, r pollerRig)) {
	for name, create := range pollers {
		t.Run(name, func(t *testing.T) {
			p, err := create()
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			test(t, pollerRig{t, p})
		})
	}
}

// pair is a TCP connection: the descriptor that is watched, and its peer's.
func (r pollerRig) pair() (fd, peer int) {
	r.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	defer ln.Close()
	ends := make([]int, 2)
	out, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer out.Close()
	in, err := ln.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	defer in.Close()
	for i, c := range []net.Conn{in, out} {
		file, err := c.(*net.TCPConn).File()
		if err != nil {
			r.t.Fatal(err)
		}
		defer file.Close()
		if ends[i], err = unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			err = unix.SetNonblock(ends[i], true)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { unix.Close(ends[i]) }) // EBADF if the test has done so
	}
	return ends[0], ends[1]
}

func (r pollerRig) add(fd int, token uint64) {
	r.t.Helper()
	if e := r.p.Add(fd, token); e != 0 {
		r.t.Fatal(e)
	}
}

// told returns what is told of each token within the next waits, until all of want has been.
// Nothing wanted: at once.
func (r pollerRig) told(want map[uint64]Ready) map[uint64]Ready {
	r.t.Helper()
	got := map[uint64]Ready{}
	var events [4]Event
	deadline := time.Now().Add(patience)
	covered := func() bool {
		for token, ready := range want {
			if got[token]&ready != ready {
				return false
			}
		}
		return true
	}
	for {
		ms := 0
		if !covered() {
			ms = int(patience.Milliseconds())
		}
		n, e := r.p.Wait(events[:], ms)
		if e != 0 && e != syscall.EINTR {
			r.t.Fatal(e)
		}
		if n == 0 && ms == 0 {
			return got
		}
		if n == 0 && time.Now().After(deadline) { // else it was a wake-up
			r.t.Fatalf("told %v, want %v", got, want)
		}
		for _, ev := range events[:n] {
			got[ev.Token] |= ev.Ready
		}
	}
}

// quiet expects that nothing is told: a poller that repeats itself for ever makes a loop spin.
func (r pollerRig) quiet() {
	r.t.Helper()
	if got := r.told(nil); len(got) > 0 {
		r.t.Errorf("told without need: %v", got)
	}
}

func (r pollerRig) write(fd int, s string) {
	r.t.Helper()
	if _, err := unix.Write(fd, []byte(s)); err != nil {
		r.t.Fatal(err)
	}
}

// empty reads all that is there, as the loop does, and tells the poller.
func (r pollerRig) empty(fd int) {
	r.t.Helper()
	var buf [100]byte
	for {
		if _, err := unix.Read(fd, buf[:]); err == unix.EAGAIN {
			r.p.Used(fd, In|Urgent)
			return
		} else if err != nil {
			r.t.Fatal(err)
		}
	}
}

// fill writes until there is no room, as the loop does, and tells the poller.
func (r pollerRig) fill(fd int) {
	r.t.Helper()
	buf := make([]byte, 1<<16)
	for {
		if _, err := unix.Write(fd, buf); err == unix.EAGAIN {
			r.p.Used(fd, Out)
			return
		} else if err != nil {
			r.t.Fatal(err)
		}
	}
}

type readiness = map[uint64]Ready

// What holds at first is told, what comes to hold is told, and what was used is told again when it
// holds again.
func TestPollerTellsOfConnections(t *testing.T) {
	eachPoller(t, func(t *testing.T, r pollerRig) {
		fd, peer := r.pair()
		r.write(peer, "before")
		r.add(fd, 7)
		r.told(readiness{7: In | Out})
		r.quiet()
		for range 3 {
			r.empty(fd)
			r.quiet()
			r.write(peer, "more")
			r.told(readiness{7: In})
			if _, err := unix.Read(fd, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			r.write(peer, "behind a short read")
			r.p.Used(fd, In)
			r.told(readiness{7: In})
		}
		r.empty(fd)
		r.fill(fd)
		r.quiet()
		var buf [1 << 16]byte
		for n := 1; n > 0; { // the peer reads all of it
			n, _ = unix.Read(peer, buf[:])
		}
		r.told(readiness{7: Out})
	})
}

// Bytes that nobody reads, and no room, hide neither the peer's FIN nor its end.
func TestPollerTellsOfTheEndBehindBytes(t *testing.T) {
	eachPoller(t, func(t *testing.T, r pollerRig) {
		fd, peer := r.pair()
		r.add(fd, 7)
		r.write(peer, "unread")
		r.told(readiness{7: In | Out})
		if err := unix.Shutdown(peer, unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		r.told(readiness{7: RdHup})
		r.quiet()
		linger := &unix.Linger{Onoff: 1} // a reset
		if err := unix.SetsockoptLinger(peer, unix.SOL_SOCKET, unix.SO_LINGER, linger); err != nil {
			t.Fatal(err)
		}
		unix.Close(peer)
		r.told(readiness{7: Hup})
		r.quiet()
	})
}

// A listener is told of until its queue is empty, and not after it was removed.
func TestPollerTellsOfListeners(t *testing.T) {
	eachPoller(t, func(t *testing.T, r pollerRig) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		file, err := ln.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		lfd := int(file.Fd())
		if e := r.p.AddListener(lfd, 3); e != 0 {
			t.Fatal(e)
		}
		r.quiet()
		for range 2 {
			c, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		var events [4]Event
		for range 3 { // though nobody accepts
			if n, e := r.p.Wait(events[:], -1); n != 1 || e != 0 || events[0] != (Event{3, In}) {
				t.Fatalf("%d events, %v, %v", n, events[0], e)
			}
		}
		if e := r.p.Remove(lfd); e != 0 {
			t.Error(e)
		}
		r.quiet()
		if e := r.p.Remove(lfd); e != syscall.ENOENT {
			t.Errorf("removed twice: %v", e)
		}
	})
}

// A loop that waits is woken, and hears of what another one adds.
func TestPollerWakes(t *testing.T) {
	eachPoller(t, func(t *testing.T, r pollerRig) {
		var events [4]Event
		for range 3 {
			r.p.Wake()
			if n, e := r.p.Wait(events[:], -1); n != 0 || e != 0 {
				t.Errorf("%d events, %v", n, e)
			}
		}
		fd, _ := r.pair()
		go r.p.Add(fd, 7)
		r.told(readiness{7: Out})
	})
}

// What was removed, or closed, is not told of, and its number may be another connection's at once.
func TestPollerForgets(t *testing.T) {
	eachPoller(t, func(t *testing.T, r pollerRig) {
		fd, peer := r.pair()
		r.add(fd, 7)
		r.told(readiness{7: Out})
		if e := r.p.Remove(fd); e != 0 {
			t.Error(e)
		}
		r.write(peer, "x")
		r.quiet()
		r.add(fd, 8)
		r.told(readiness{8: In | Out})
		r.p.Closing(fd)
		unix.Close(fd)
		r.quiet()
		again, _ := r.pair()
		r.p.Closing(again) // nobody watches it
		r.add(again, 9)
		if got := r.told(readiness{9: Out}); len(got) != 1 {
			t.Errorf("told %v", got)
		}
	})
}

// Where more is ready than there is room for, all of it is told in some of the waits, and none is
// told for ever in the place of others: half of the connections are read again and again, and never
// empty.
func TestPollerLeavesNobodyOut(t *testing.T) {
	eachPoller(t, func(t *testing.T, r pollerRig) {
		const n = 12
		var fds [n]int
		for i := range fds {
			var peer int
			fds[i], peer = r.pair()
			r.write(peer, "x")
			r.add(fds[i], uint64(i))
		}
		told := map[uint64]bool{}
		var events [4]Event
		for range 100 * n {
			got, e := r.p.Wait(events[:], 0)
			if e != 0 && e != syscall.EINTR {
				t.Fatal(e)
			}
			for _, ev := range events[:got] {
				told[ev.Token] = true
				if ev.Token < n/2 {
					r.p.Used(fds[ev.Token], In|Out) // though it holds still
				}
			}
		}
		if len(told) != n {
			t.Errorf("only %v", told)
		}
	})
}

// FuzzPollSet compares the poller's own book-keeping with a simple one.
func FuzzPollSet(f *testing.F) {
	f.Add([]byte{1, 2, 3, 129, 2, 130, 67})
	f.Fuzz(func(t *testing.T, ops []byte) {
		created, err := NewPollSet()
		if err != nil {
			t.Fatal(err)
		}
		p := created.(*pollSet)
		defer p.Close()
		const base = 1000 // above what is open: poll is never called
		model := map[int]uint64{}
		for i, op := range ops {
			fd := base + int(op&31)
			switch _, open := model[fd]; {
			case op&128 != 0:
				if e := p.Remove(fd); (e == 0) != open {
					t.Fatalf("remove: %v, open: %v", e, open)
				}
				delete(model, fd)
			case op&64 != 0 && open:
				p.catchUp()
				p.fds[p.at[fd]].Revents = unix.POLLHUP
				p.tell(p.at[fd])
			case !open:
				p.Add(fd, uint64(i))
				model[fd] = uint64(i)
			}
		}
		p.catchUp()
		var got, want []string
		for i, f := range p.fds[1:] {
			got = append(got, fmt.Sprint(descriptorOf(f), p.watched[1+i].token))
		}
		for fd, token := range model {
			want = append(want, fmt.Sprint(fd, token))
		}
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) || len(p.at) != len(p.fds) {
			t.Errorf("%v are watched, want %v", got, want)
		}
	})
}
