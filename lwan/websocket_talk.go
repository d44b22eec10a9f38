package lwan

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/lwan/internal/ws"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// talk is a conversation on a loop. It owns its Session and the messages that come; the loop owns
// it, until the last of its jobs has ended.
//
//	open ──a message──▶ busy ──its function has returned──▶ open
//	open, busy ──the Session is over──▶ ended, once nothing is busy: Closed, observers
type talk struct {
	ws.Session
	Socket

	// constant
	c      *Conversation
	core   *process
	loop   transport.Loop
	number uint64 // of the route, for the watchdog
	write  uint32 // seconds that a client may take nothing; 0: any time

	busy   bool              // one of the program's functions runs
	over   bool              // the Session is
	cause  error             // why the functions' waits end; nil: they do not
	cancel func(cause error) // ends those of the one that runs
	past   *pastRequest      // what the observers are shown at the end; nil: there are none
	held   *holding          // the configuration of the request
	joined []*topicGuest

	mu      sync.Mutex // guards what follows, for any goroutine
	waiting []func()   // wakes those that wait for room
	ended   error      // what contexts end with
	quit    context.CancelCauseFunc
	ctx     context.Context // of the message under way; nil: nobody has asked
}

var (
	_ guest      = (*talk)(nil)
	_ socketHost = (*talk)(nil)
)

// observed implements guest.
func (g *talk) observed(past *pastRequest) { g.past = past }

// lent implements guest.
func (g *talk) lent(h *holding) { g.held = h }

// begin calls Open, and lets messages come then.
func (g *talk) begin() {
	if g.c.Open == nil {
		g.Resume()
		return
	}
	g.run(nil, func() error { g.c.Open(&g.Socket); return nil })
}

// talkOwner is a talk as its Session sees it.
type talkOwner talk

var _ ws.Owner = (*talkOwner)(nil)

// Message implements ws.Owner.
func (o *talkOwner) Message(op wsframe.Opcode, payload []byte) {
	g := (*talk)(o)
	m := newMessage(&g.Socket, op, payload)
	m.talk = g
	g.run(m, func() error { return g.c.Message(m) })
}

// run lets a worker call a function of the program's, with m if it is that for a message.
func (g *talk) run(m *Message, fn func() error) {
	g.busy = true
	g.loop.Go(func(on transport.Task) {
		g.cancel = on.Canceller()
		if m != nil {
			m.on = on
		}
		err, ended := errDied, false
		defer func() {
			if v := recover(); v != nil {
				err = &PanicError{Value: v, Stack: debug.Stack()}
			} else if !ended {
				err = errDied
			}
			on.LeaveUser() // after it the loop is ours again
			g.returned(m, err)
		}()
		on.EnterUser(g.number)
		err = fn()
		ended = true
	})
}

var errDied = errors.New("lwan: a function of a Conversation has ended by runtime.Goexit")

// returned is called when a function of the program's has ended.
func (g *talk) returned(m *Message, err error) {
	g.busy, g.cancel = false, nil
	if m != nil {
		m.over.Store(true)
		g.endContext(context.Canceled)
	}
	if err != nil && g.cause == nil { // else it ends anyway
		code, reason, logged := closeFor(err)
		if logged {
			g.log(err)
		}
		g.Session.Close(code, reason)
	}
	if g.over {
		g.conclude()
		return
	}
	g.Resume()
}

func (g *talk) log(err error) {
	where := ""
	if rt := g.core.numbers.find(g.number); rt != nil {
		where = rt.pattern
	}
	logTalk(g.core.log, where, err)
}

// logTalk tells the log why a conversation was ended by its program.
func logTalk(log *slog.Logger, route string, err error) {
	args := []any{"route", route, "err", err}
	if p, ok := errors.AsType[*PanicError](err); ok {
		args = append(args, "stack", string(p.Stack))
	}
	log.Error("a WebSocket's conversation has failed", args...)
}

// Room implements ws.Owner.
func (o *talkOwner) Room() {
	g := (*talk)(o)
	g.wake()
	g.feed()
}

// Left implements ws.Owner.
func (o *talkOwner) Left() { (*talk)(o).stop(ErrGone) }

// Draining implements ws.Owner.
func (o *talkOwner) Draining() { (*talk)(o).stop(ErrStopping) }

// Over implements ws.Owner.
func (o *talkOwner) Over(cause error) {
	g := (*talk)(o)
	g.over = true
	g.stop(causeOf(cause))
	g.cause = causeOf(cause)
	g.leaveTopics()
	if !g.busy {
		g.conclude()
	}
}

// stop ends what the program's function under way waits for.
func (g *talk) stop(cause error) {
	if g.cause == nil {
		g.cause = cause
	}
	if g.cancel != nil {
		g.cancel(cause)
	}
	g.endContext(cause)
	g.wake()
}

// conclude tells who waits for the end.
func (g *talk) conclude() {
	counts := g.loop.Counts()
	counts[countRequests]++
	counts[statusClass(switching)]++
	past, cause, ended := g.past, g.cause, g.loop.Now()
	g.past = nil
	if g.c.Closed == nil && past == nil {
		g.held.drop(g)
		return
	}
	g.loop.Go(func(on transport.Task) {
		defer g.held.drop(g)
		on.EnterUser(g.number)
		defer on.LeaveUser()
		if past != nil {
			defer past.conclude(cause, false, g.Sent(), ended) // whatever Closed does
		}
		defer func() {
			if v := recover(); v != nil {
				g.log(&PanicError{Value: v, Stack: debug.Stack()})
			}
		}()
		if g.c.Closed != nil {
			g.c.Closed(&g.Socket, cause)
		}
	})
}

// push implements socketHost.
func (g *talk) push(op wsframe.Opcode, msg []byte) error {
	switch err := g.Session.Push(op, msg); err {
	case ws.ErrFull:
		return ErrSlow
	case transport.ErrOver:
		return ErrGone
	default:
		return err
	}
}

// logger implements socketHost.
func (g *talk) logger() *slog.Logger { return g.core.log }

// shut implements socketHost.
func (g *talk) shut(code int, reason string) { g.Session.Close(code, reason) }

// roomy implements socketHost.
func (g *talk) roomy(wake func()) {
	g.mu.Lock()
	g.waiting = append(g.waiting, wake)
	g.mu.Unlock()
	if g.Owed() == 0 { // Room has come before
		wake()
	}
}

// wake wakes those that wait for room.
func (g *talk) wake() {
	g.mu.Lock()
	list := g.waiting
	g.waiting = nil
	g.mu.Unlock()
	for _, wake := range list {
		wake()
	}
}

// context is that of the message under way.
func (g *talk) context(m *Message) context.Context {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case m.over.Load():
		return ended(context.Canceled)
	case g.ended != nil:
		return ended(g.ended)
	case g.ctx == nil:
		g.ctx, g.quit = context.WithCancelCause(context.Background())
	}
	return g.ctx
}

// ended is a context that has ended.
func ended(cause error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ctx
}

// endContext ends that of the message under way; with another cause than Canceled those of all that
// follow, too.
func (g *talk) endContext(cause error) {
	g.mu.Lock()
	quit := g.quit
	g.ctx, g.quit = nil, nil
	if cause != context.Canceled && g.ended == nil {
		g.ended = cause
	}
	g.mu.Unlock()
	if quit != nil {
		quit(cause)
	}
}
