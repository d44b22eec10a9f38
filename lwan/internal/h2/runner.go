//go:build linux && !golwan_nethttp

package h2

import (
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/remains"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// runner runs the handlers of one worker's streams, one after the other: it is the loop.Branch, and
// the transport.Stream and transport.Peer of its exchange. All of it is used again.
type runner struct {
	p    *Protocol
	x    transport.Exchange
	t    *loop.Task // of the worker
	task *task      // the same, for the exchange

	// of the request under way
	s       *session
	st      *stream // nil: there is none, or a guest has it
	phase   answered
	refused message.Error
	head    message.Head
	buf     []byte     // of the head
	reader  *loop.Task // reads ahead of a handler on a goroutine; nil: nobody does
	unread  bool       // and is to stop
	deaths  int

	// of its answer
	none   bool // it has no content, and what is written is dropped
	broken bool // the content of the request cannot be read any more
	left   int64
	by     int64  // when it has taken too long that next to nothing left; 0: no such time runs
	moved  int    // since then
	seen   uint64 // what the connection had moved when it began to run
	share  int    // of what may be written before other connections have a turn
	lastAt int    // where in out its last DATA frame begins
	// how long one write may take; zero: as long as Exchange.Pauses says
	writeBy time.Time
	writes  uint64
	dated   bool

	addField func(name, value string) bool // appendField, bound once
}

// answered is how far the answer has come.
//
//	idle ──begin──▶ held ──Head──▶ streaming ──Close──▶ done ──settle──▶ idle
//	held, streaming ──Cut, a lost write──▶ given up    held ──Take──▶ handed
//	held ──Raw──▶ raw ──Close | Cut──▶ done            raw ──a lost write──▶ given up
type answered uint8

const (
	idle answered = iota
	held
	streaming
	done
	givenUp
	handed
	raw // the handler reads and writes a WebSocket
)

var _ loop.Branch = (*runner)(nil)

// runBy makes t the task that runs all this.
func (r *runner) runBy(t *loop.Task) {
	r.t = t
	r.task = &task{Task: t, r: r} // a new one, as goroutines may still hold the old one
}

// begin prepares Run.
func (r *runner) begin(s *session, st *stream, refused message.Error) {
	r.s, r.st, r.refused, st.r = s, st, refused, r
	r.phase, r.none, r.broken, r.left, r.by, r.share = held, false, false, -1, 0, 0
	r.reader, r.unread, r.deaths, r.writes = nil, false, 0, ^uint64(0)
	r.writeBy = time.Time{}
}

// Run implements loop.Branch.
func (r *runner) Run(t *loop.Task) {
	r.x.Begin(r, r.task, &r.head, r.buf)
	t.Begin(r.x)
	if r.s.eof {
		t.Cancel(0, transport.ErrGone)
	}
	if r.refused.Status != 0 {
		r.x.Refuse(r.refused.Status, r.refused.Reason)
	} else {
		r.x.Run()
	}
	r.settle()
}

// settle ends the request.
func (r *runner) settle() {
	r.Cut() // an answer that nobody has concluded
	r.x.End()
	r.t.End()
	s, st := r.s, r.st
	if r.phase = idle; st != nil {
		s.finish(st)
	}
	remains.Of(r.buf)
	r.s, r.st, r.reader = nil, nil, nil
	if cap(r.buf) > keptHead {
		r.buf = nil
	}
}

// finish ends a stream whose answer has left, or is cut. Content that nobody wants is not waited
// for (RFC 9113 section 8.1).
func (s *session) finish(st *stream) {
	if !st.reset && !st.ended && s.phase != over {
		st.reset = true
		s.refuse(st.id, h2frame.NoError)
	}
	s.drop(st)
	s.kick()
}

// Parked implements loop.Branch.
func (r *runner) Parked() {
	if s := r.s; s != nil && s.phase != over {
		s.hand()
	}
}

// maxDeaths bounds how many workers one conclusion may cost: each goes on behind where the one
// before has died, so there are few.
const maxDeaths = 64

// Died implements loop.Branch: another worker concludes the request.
func (r *runner) Died(value any, stack []byte) {
	if r.phase == idle || r.deaths >= maxDeaths {
		r.p.Log.Error("h2: panic outside of a handler", "panic", value, "stack", string(stack))
		if r.s != nil {
			r.s.lost()
		}
		return
	}
	r.deaths++
	r.reader = nil
	dead := r.t
	l := dead.Loop()
	l.Run(func(*loop.Worker) { l.Branch(&conclusion{r, dead, value, stack}) })
}

// conclusion is what is left to do for a request whose worker is dead.
type conclusion struct {
	*runner
	dead  *loop.Task
	value any
	stack []byte
}

// Run implements loop.Branch.
func (c *conclusion) Run(t *loop.Task) {
	r := c.runner
	t.Inherit(c.dead)
	r.runBy(t)
	t.Begin(r.x)
	r.x.Died(r.task, c.value, c.stack)
	r.settle()
}

// Parked implements loop.Branch: no connection is being read.
func (c *conclusion) Parked() {}

// task is the worker's task as the exchange sees it: before it waits, what was written so far is to
// leave, as the client may wait for that.
type task struct {
	*loop.Task
	r *runner
}

var _ transport.Task = (*task)(nil)

// ready prepares a wait.
func (t *task) ready() error {
	r := t.r
	if err := r.gone(); err != nil {
		return err
	}
	r.s.kick()
	r.x.Shrink()
	return nil
}

// Sleep implements transport.Task.
func (t *task) Sleep(d time.Duration) error {
	if err := t.ready(); err != nil {
		return err
	}
	return t.Task.Sleep(d)
}

// Wait implements transport.Task.
func (t *task) Wait(arm func(wake func()), limit time.Duration, till transport.Till) error {
	if err := t.ready(); err != nil && till != transport.Woken {
		return err
	}
	return t.Task.Wait(arm, limit, till)
}

// Offload implements transport.Task. It may be asked by a handler that is being unwound: what it
// began has to be ended, whatever has become of the connection.
func (t *task) Offload(start func(run func()) bool, fn func()) error {
	if err := t.ready(); err != nil && t.Cause() == nil {
		return err
	}
	return t.Task.Offload(start, fn)
}

// EnterUser implements transport.Task.
func (t *task) EnterUser(tag uint64) {
	if t.r.p.Watched {
		t.Task.EnterUser(tag)
	}
}

// gone is why nothing can be sent any more.
func (r *runner) gone() error {
	switch st := r.st; {
	case st == nil:
		return transport.ErrOver
	case r.t.Dead() != nil:
		return r.t.Dead()
	case st.reset && r.phase != givenUp, r.s.phase == over:
		return transport.ErrGone
	}
	return nil
}

// taskOf is the loop's task behind on; nil: nobody waits.
func taskOf(on transport.Task) *loop.Task {
	switch on := on.(type) {
	case *task:
		return on.Task
	case *loop.Task:
		return on
	}
	return nil
}
