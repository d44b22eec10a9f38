package lwan

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// hereTalk is a conversation where there is no loop: in the goroutine of its handler, which reads.
// What others push is sent by a goroutine of its own, begun with the first of it, which ends with
// the handler.
//
//	handler's goroutine ──Receive──▶ Open, Message ..., Closed
//	anybody ──push──▶ out ──sender──▶ client
type hereTalk struct {
	Socket
	ws      *WebSocket
	c       *Conversation
	backlog int
	log     *slog.Logger

	mu      sync.Mutex // guards what follows; it is held for a moment only
	out     []queuedMessage
	owed    int
	sending bool        // there is a sender
	closing *CloseError // what Close was called with
	over    bool
	waiting []func()
	joined  []*hereJoin
}

type queuedMessage struct {
	kind MessageKind
	data []byte
}

var _ socketHost = (*hereTalk)(nil)

// converseHere is Converse in the handler's own goroutine.
func (r *Response) converseHere(cfg *WebSocketConfig, c *Conversation) Status {
	if cfg == nil {
		cfg = new(WebSocketConfig)
	}
	addr := r.req.RemoteAddr()
	w, err := r.WebSocket(cfg)
	if err != nil {
		return r.Fail(err)
	}
	h := &hereTalk{ws: w, c: c, backlog: cfg.backlog(), log: r.req.table.core.log}
	h.Socket.host, h.Socket.addr, h.Socket.subprotocol = h, addr, w.subprotocol
	var cause error = ErrGone // should a wait be unwound
	defer func() {
		if c.Closed != nil {
			c.Closed(&h.Socket, cause)
		}
	}()
	defer h.end()
	cause = h.talk()
	return StatusOK
}

// talk calls the program's functions until the end, and returns why it came.
func (h *hereTalk) talk() error {
	if h.c.Open != nil {
		if err := h.call(func() error { h.c.Open(&h.Socket); return nil }); err != nil {
			return h.fail(err)
		}
	}
	for {
		kind, data, err := h.ws.Receive()
		if err != nil {
			return h.causeOf(err)
		}
		m := newMessage(&h.Socket, wsframe.Opcode(kind), append([]byte(nil), data...))
		m.req = h.ws.req
		err = h.call(func() error { return h.c.Message(m) })
		m.here.end(m)
		if err != nil {
			return h.fail(err)
		}
	}
}

// hereContext is what Message.Context gives where there is no loop.
type hereContext struct {
	mu   sync.Mutex
	ctx  context.Context // nil: nobody has asked
	quit context.CancelFunc
}

func (c *hereContext) of(m *Message) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case m.over.Load():
		return ended(context.Canceled)
	case c.ctx == nil:
		c.ctx, c.quit = context.WithCancel(m.req.Context())
	}
	return c.ctx
}

// end is called when the function has returned.
func (c *hereContext) end(m *Message) {
	m.over.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quit != nil {
		c.quit()
	}
}

// call calls fn and makes a panic of it an error.
func (h *hereTalk) call(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return fn()
}

// fail ends the conversation for err, which a function of the program's has returned.
func (h *hereTalk) fail(err error) error {
	code, reason, logged := closeFor(err)
	if logged {
		logTalk(h.log, h.ws.req.where(), err)
	}
	if cause := h.ws.ended(); cause != nil {
		return h.causeOf(cause)
	}
	if cause := h.ws.req.cancelled(); cause != nil { // nothing waits any more
		return cause
	}
	why := &CloseError{Code: code, Reason: reason}
	h.settle()
	_ = h.ws.Close(code, reason) // ErrTimeout: it was told all the same
	return why
}

// settle waits until what was pushed has left, so that nothing of it comes behind a close frame.
func (h *hereTalk) settle() {
	_ = h.ws.req.waitFor(h.roomy) // else the request is over
}

// reply sends a message behind what was pushed, in the handler's goroutine: so it has left before
// the client is read on, and its framing is found to be wrong.
func (h *hereTalk) reply(kind MessageKind, msg []byte) error {
	if err := h.ws.req.waitFor(h.roomy); err != nil {
		return err
	}
	switch err := h.ws.Send(kind, msg); {
	case err == nil:
		return nil
	case errors.Is(err, ErrTimeout), errors.Is(err, ErrStopping):
		return err
	}
	return ErrGone
}

// causeOf is why the conversation has ended, where a WebSocket says err.
func (h *hereTalk) causeOf(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := (*CloseError)(nil); h.closing != nil && (err == ErrSlow || errors.As(err, &e)) {
		return h.closing
	}
	return err
}

// cut ends the connection of a client that is in the middle of a message, and does not read it.
func (h *hereTalk) cut(why *CloseError) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over || h.closing != nil {
		return
	}
	h.closing = why
	h.ws.cut(ErrSlow)
}

// end tells those that wait that it is over.
func (h *hereTalk) end() {
	h.mu.Lock()
	h.over, h.out, h.owed = true, nil, 0
	waiting, joined := h.waiting, h.joined
	h.waiting, h.joined = nil, nil
	h.mu.Unlock()
	for _, wake := range waiting {
		wake()
	}
	for _, j := range joined {
		j.end(ErrGone)
	}
}

// push implements socketHost.
func (h *hereTalk) push(op wsframe.Opcode, msg []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.over || h.closing != nil:
		return ErrGone
	case h.owed > 0 && h.owed+len(msg) > h.backlog:
		return ErrSlow
	}
	h.owed += len(msg) + 1 // so that an empty one counts, too
	h.out = append(h.out, queuedMessage{MessageKind(op), append([]byte(nil), msg...)})
	h.send()
	return nil
}

// logger implements socketHost.
func (h *hereTalk) logger() *slog.Logger { return h.log }

// shut implements socketHost.
func (h *hereTalk) shut(code int, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over || h.closing != nil {
		return
	}
	h.closing = &CloseError{Code: code, Reason: reason}
	h.send()
}

// send begins a sender, unless there is one; mu is held.
func (h *hereTalk) send() {
	if !h.sending {
		h.sending = true
		go h.sender()
	}
}

// sender sends what is there, and ends.
func (h *hereTalk) sender() {
	for {
		h.mu.Lock()
		if h.over || len(h.out) == 0 && !h.news() {
			closing := h.closing
			h.sending = false
			waiting := h.waiting
			h.waiting = nil
			over := h.over
			h.mu.Unlock()
			for _, wake := range waiting {
				wake()
			}
			if closing != nil && !over {
				_ = h.ws.Close(closing.Code, closing.Reason) // Receive says how it has ended
			}
			return
		}
		if len(h.out) == 0 {
			joined := append([]*hereJoin(nil), h.joined...)
			h.mu.Unlock()
			for _, j := range joined {
				j.serve()
			}
			continue
		}
		m := h.out[0]
		h.out = h.out[1:]
		h.mu.Unlock()
		err := h.ws.Send(m.kind, m.data)
		h.mu.Lock()
		h.owed -= len(m.data) + 1
		if err != nil { // Receive says why
			h.out, h.owed = nil, 0
		}
		h.mu.Unlock()
	}
}

// news reports whether a topic has something for the client; mu is held.
func (h *hereTalk) news() bool {
	for _, j := range h.joined {
		if j.told.Load() {
			return true
		}
	}
	return false
}

// roomy implements socketHost.
func (h *hereTalk) roomy(wake func()) {
	h.mu.Lock()
	idle := h.over || !h.sending
	if !idle {
		h.waiting = append(h.waiting, wake)
	}
	h.mu.Unlock()
	if idle {
		wake()
	}
}
