//go:build linux

package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"syscall"
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Security is how connections of a Lane get their Layer. A connection that begins with a handshake
// is first collected as bytes, and has a worker only from then on:
//
//	hello ──its turn──▶ busy, in a handshake ──▶ fresh, with a Layer
//	                                         ──▶ session
//
// At most one handshake is begun in a turn of a loop, and Config.Handshakes go on at a time. The
// others wait in the order in which they came; all within the time of Lane.Secure.
type Security interface {
	// Missing says how many bytes are missing of what a handshake begins with. An error: hello is
	// no such thing.
	Missing(hello []byte) (n int, err error)
	// Plain is the answer to a first that is none; nil: none.
	Plain(first []byte) []byte
	// Handshake makes the Layer. It runs in a worker: the calls of over wait. hello was read
	// already. An alert is sent by it.
	Handshake(over *Handshake, hello []byte) (Layer, error)
	// Chosen says who goes on behind the handshake, in the same worker. Idle: the engine's
	// Protocol; Hand: a session, to which it has attached c; Linger: nobody.
	Chosen(c Conn) Verdict
}

// Secure makes connections of the lane begin with a handshake, which may take limit, counted from
// accepting and rounded up to seconds; 0: any time.
func (l *Lane) Secure(by Security, limit time.Duration) {
	l.security, l.handshake = by, Seconds(limit)
}

// Handshake is the connection below a handshake that is under way. Its calls park the worker that
// makes it, and others may not make them, but for the function of Apart. The addresses may be asked
// for by anybody.
type Handshake struct {
	c             Conn
	t             *loop.Task
	by            int64  // of the loop's clock; 0: no limit
	apart         *apart // nil: it is made in the worker
	local, remote net.Addr
}

var _ net.Conn = (*Handshake)(nil)

var errLate = fmt.Errorf("handshake: %w", transport.ErrTimeout)

// left is how long a call may wait.
func (h *Handshake) left() (time.Duration, error) {
	switch {
	case !h.t.Mine():
		return 0, transport.ErrForeign
	case h.by == 0:
		return 0, nil
	}
	left := time.Duration(h.by - h.t.Clock())
	if left <= 0 {
		return 0, errLate
	}
	return left, nil
}

// Read implements net.Conn.
func (h *Handshake) Read(p []byte) (int, error) {
	if h.apart != nil {
		return h.apart.ask(h.read, p)
	}
	return h.read(p)
}

// Write implements net.Conn.
func (h *Handshake) Write(p []byte) (int, error) {
	if h.apart != nil {
		return h.apart.ask(h.write, p)
	}
	return h.write(p)
}

func (h *Handshake) read(p []byte) (int, error) {
	left, err := h.left()
	if err != nil {
		return 0, err
	}
	n, err := h.c.Read(h.t, p, left)
	if n == 0 && err == nil {
		err = transport.ErrGone
	}
	return n, err
}

func (h *Handshake) write(p []byte) (int, error) {
	left, err := h.left()
	if err != nil {
		return 0, err
	}
	return h.c.Write(h.t, p, left)
}

// Offload runs fn on a goroutine, and parks the worker until it has ended.
func (h *Handshake) Offload(fn func()) error {
	if h.apart != nil {
		fn()
		return nil
	}
	return h.t.Offload(func(run func()) bool {
		go func() {
			// those of the loop are not its own
			pprof.SetGoroutineLabels(context.Background())
			run()
		}()
		return true
	}, fn)
}

// Close does nothing: the loop closes the connection.
func (h *Handshake) Close() error { return nil }

// LocalAddr implements net.Conn.
func (h *Handshake) LocalAddr() net.Addr { return h.local }

// RemoteAddr implements net.Conn.
func (h *Handshake) RemoteAddr() net.Addr { return h.remote }

// SetDeadline does nothing: the handshake has one.
func (h *Handshake) SetDeadline(time.Time) error      { return nil }
func (h *Handshake) SetReadDeadline(time.Time) error  { return nil }
func (h *Handshake) SetWriteDeadline(time.Time) error { return nil }

// expectHello makes the connection one that begins with a handshake.
func (set *Set) expectHello(s *slot) {
	s.state = slotHello
	set.shaking++
}

// hello is what has come of a connection that has not begun its handshake.
type hello struct {
	bytes   []byte
	missing int // of it; 0: nobody knows yet
	waits   bool
}

// firstRead is what most of them fit into.
const firstRead = 2 << 10

// greet collects what the handshake begins with. Nothing is read beyond that but what came with it.
func (set *Set) greet(fd int32, s *slot) {
	if s.rec < 0 {
		if !s.readable() {
			return
		}
		set.record(s).what = &hello{}
	}
	h := set.records.at(s.rec).what.(*hello)
	sec, buf := set.eng.lanes[s.lane].security, set.loop.Scratch()
	for !h.waits && s.readable() {
		want := h.missing
		if want == 0 {
			want = firstRead
		}
		n, e := set.kernel.Read(int(fd), buf[:want])
		switch {
		case e == syscall.EINTR:
			continue
		case e == syscall.EAGAIN:
			set.used(fd, s, loop.In|loop.Urgent)
			return
		case e != 0 || n == 0:
			set.close(fd, s)
			return
		}
		set.received(fd, s, n, n < want)
		h.bytes = append(slices.Clip(h.bytes), buf[:n]...)
		var err error
		if h.missing, err = sec.Missing(h.bytes); err != nil {
			set.refusePlain(fd, s, sec.Plain(h.bytes))
			return
		}
		if h.missing == 0 {
			h.waits = true
			set.lineUp(s.token(fd))
		}
	}
}

// refusePlain ends a connection that has begun with something else.
func (set *Set) refusePlain(fd int32, s *slot, answer []byte) {
	if len(answer) == 0 {
		set.close(fd, s)
		return
	}
	set.missHello(s)
	_, _ = set.kernel.Write(int(fd), answer) // the socket's buffer is empty, and has room for it
	set.startLinger(fd, s)
}

// missHello books that a connection ends before its handshake has begun.
func (set *Set) missHello(s *slot) {
	if s.state == slotHello {
		s.state = slotIdle
		set.shaking--
		set.counts.HandshakesFailed++
	}
}

// lineToken stands in the loop's queue for the handshakes that wait: it is no connection's.
var lineToken = eventData(0, laneInternal, 0)

// lineUp lets a connection wait for the turn of its handshake.
func (set *Set) lineUp(token uint64) {
	set.line = append(set.line, token)
	set.callLine()
}

// callLine gives the first in line a turn of the loop.
func (set *Set) callLine() {
	if !set.called && len(set.line) > 0 {
		set.called = true
		set.loop.Queue(lineToken)
	}
}

// nextHandshake begins the handshake of the first in line that is still there.
func (set *Set) nextHandshake(w *loop.Worker) {
	set.called = false
	for len(set.line) > 0 {
		fd, _, gen := eventTarget(set.line[0])
		s := &set.slots[fd]
		there := s.generation() == gen && s.state == slotHello
		if there && !set.mayShake() {
			return
		}
		if set.line = set.line[1:]; len(set.line) == 0 {
			set.line = nil
		}
		if there {
			set.callLine()
			set.shake(w, int32(fd), s)
			return
		}
	}
}

// mayShake counts a handshake that is about to begin, unless there are as many as there may be.
// Then the end of one calls the line again.
func (set *Set) mayShake() bool {
	if set.eng.takeHandshake() {
		return true
	}
	set.starved.Store(true)
	if !set.eng.takeHandshake() { // one may have ended before it could see that we wait
		return false
	}
	set.starved.Store(false)
	return true
}

func (e *Engine) takeHandshake() bool {
	if n := e.handshakes.Add(1); e.maxHandshakes > 0 && n > int64(e.maxHandshakes) {
		e.handshakes.Add(-1)
		return false
	}
	return true
}

// giveHandshake is for a handshake that has ended, in whatever way.
func (e *Engine) giveHandshake() {
	e.handshakes.Add(-1)
	for _, o := range e.sets {
		if o.starved.Load() && o.starved.Swap(false) {
			o.loop.Post(o.callLine)
		}
	}
}

// shake makes the handshake in w, which parks whenever the peer has to answer.
func (set *Set) shake(w *loop.Worker, fd int32, s *slot) {
	r := set.record(s)
	first := r.what.(*hello).bytes
	r.what = nil
	over := &Handshake{t: &w.Task}
	if s.bucket != noBucket {
		over.by = int64(s.die) * int64(time.Second)
	}
	sec := set.eng.lanes[s.lane].security
	over.c = set.begin(w, fd, s)
	over.local, over.remote = net.TCPAddrFromAddrPort(over.c.Local()),
		net.TCPAddrFromAddrPort(over.c.Peer())
	seatOf(&w.Task).shakes = true
	layer, err := set.shakeHands(sec, over, first)
	seatOf(&w.Task).shakes = false
	set.shaking--
	v := Linger // so that the peer can read the alert
	switch {
	case err == nil && over.c.Open():
		v = set.dress(over.c, layer, sec)
	case errors.Is(err, transport.ErrTimeout):
		set.counts.HandshakesFailed++
		v = Close
	default:
		set.counts.HandshakesFailed++
	}
	set.settle(w, v)
	if s = over.c.slot(); s != nil && s.state == slotFresh && set.readable(s) &&
		s.latch&latchTurn == 0 {
		set.serve(w, fd, s, Readable)
	}
}

// shakeHands does not let a panic get at what the worker has to do next.
func (set *Set) shakeHands(sec Security, over *Handshake, first []byte) (l Layer, err error) {
	defer set.eng.giveHandshake()
	defer func() {
		if v := recover(); v != nil {
			set.eng.log.Error("conn: panic in a handshake", "panic", v, "stack",
				string(debug.Stack()))
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return sec.Handshake(over, first)
}

// dress puts the Layer on, and says who goes on.
func (set *Set) dress(c Conn, l Layer, sec Security) Verdict {
	set.counts.Handshakes++
	set.record(c.slot()).layer = &layered{Layer: l, kernel: l.Kernel(), sealed: set.loop.Second()}
	v := sec.Chosen(c)
	if v == Idle {
		v = greeted
	}
	return v
}

// welcome makes a connection with its Layer, or whose peer is known now, a fresh one: nothing was
// read of it.
func (set *Set) welcome(fd int32, s *slot) {
	s.state = slotFresh
	set.wheel.disarm(fd)
	if set.eng.firstByte > 0 {
		set.wheel.arm(fd, set.secondAfter(set.eng.firstByte))
	}
	if set.phase == phaseDrain {
		set.hurry(fd, s, newcomerSeconds)
	}
	set.begun(fd, s)
}
