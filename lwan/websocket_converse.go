package lwan

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/lwan/internal/ws"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// Conversation is what happens on a WebSocket without a handler that waits: on a loop it holds no
// worker, goroutine or buffer between two messages. On net/http, and in a Blocking handler, it
// holds the handler's goroutine; all else is the same there. Its functions are called one after the
// other, each in a worker, as a handler is: they may wait, and one that blocks is reported and its
// loop taken over. A panic in one is logged, and closes the WebSocket with 1011.
type Conversation struct {
	// Message is called with each message. While it waits the client is read no further. An error
	// ends the connection: with a *CloseError's code and reason, else with 1011, and the log gets
	// it.
	Message func(m *Message) error
	// Open is called before the first message. nil: nothing is.
	Open func(s *Socket)
	// Closed is called once at the end, after all others. cause is a *CloseError, ErrGone,
	// ErrTimeout (no answer to pings), ErrSlow (nothing taken within Limits.Write) or ErrStopping.
	// nil: nothing is.
	Closed func(s *Socket, cause error)
}

var errNoMessage = errors.New("lwan: a Conversation needs its function Message")

// Converse answers the handshake and leaves the connection to c: return resp.Converse(nil, c).
// Middleware and observers see 101, Defer runs, the worker goes, as with Topic.Subscribe; the
// conversation begins once the chain has returned, and if that returns 400 and above the connection
// is closed. Observers see the request when it has ended. What is no handshake is answered as
// WebSocket says.
func (r *Response) Converse(cfg *WebSocketConfig, c *Conversation) Status {
	r.mustLive()
	switch {
	case c == nil || c.Message == nil:
		return r.Fail(errNoMessage)
	case r.req.x.loop == nil:
		return r.converseHere(cfg, c)
	}
	if err := r.converseOnLoop(cfg, c); err != nil {
		return r.Fail(err)
	}
	return StatusOK
}

// converseOnLoop lets the exchange leave the connection to c when all is over.
func (r *Response) converseOnLoop(cfg *WebSocketConfig, c *Conversation) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.term.leave()
	if err := r.begins(); err != nil {
		return err
	}
	if cfg == nil {
		cfg = new(WebSocketConfig)
	}
	agreed, err := r.shakeHands(cfg)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r.req.Body()); err != nil {
		agreed.withdraw(r)
		return err
	}
	if err := r.prepareHead(switching); err != nil {
		agreed.withdraw(r)
		return err
	}
	heir := &conversing{
		c: c, core: r.req.x.core, agreed: agreed,
		cfg: ws.Config{
			MaxMessage: max(cfg.MaxMessage, 0), Backlog: cfg.backlog(),
			Ping:         seconds(orPause(cfg.Ping, defaultPing)),
			CloseTimeout: seconds(orPause(cfg.CloseTimeout, defaultCloseTimeout)),
			Write:        seconds(r.req.limits.Write),
		},
	}
	if cfg.MaxMessage == 0 {
		heir.cfg.MaxMessage = defaultMessage
	}
	r.take(answerSubscribed, switching)
	r.after = func(r *Response, alive bool) {
		if alive { // else the connection is closed, without an answer
			r.leaving = heir
		}
	}
	return nil
}

// conversing is a conversation that is about to begin.
type conversing struct {
	c      *Conversation
	core   *process
	cfg    ws.Config
	agreed handshake
}

// inherit implements heir.
func (h *conversing) inherit(x *exchange) guest {
	r := x.resp
	r.fields = append(r.fields, transport.Field{Name: "Connection", Value: "Upgrade"},
		transport.Field{Name: "Upgrade", Value: "websocket"})
	g := &talk{c: h.c, core: h.core, number: x.number(), write: h.cfg.Write}
	g.Socket.addr, g.Socket.subprotocol = x.req.RemoteAddr(), h.agreed.subprotocol
	g.Socket.host = g
	p, _, rest, err := x.handOver(switching, transport.Unsaid, nil)
	if err != nil { // nobody has heard of it
		return nil
	}
	g.loop = p.Loop()
	g.Session.Init(p, h.cfg, (*talkOwner)(g), h.agreed.deflate, rest)
	p.Attach(g)
	g.begin()
	return g
}

// seconds is d in whole seconds, rounded up.
func seconds(d time.Duration) uint32 { return uint32((d + time.Second - 1) / time.Second) }

// backlog is how many bytes a client may owe.
func (cfg *WebSocketConfig) backlog() int {
	if cfg.Backlog <= 0 {
		return defaultSocketBacklog
	}
	return cfg.Backlog
}

const defaultSocketBacklog = 256 << 10

// causeOf translates why a Session has ended.
func causeOf(err error) error {
	if c, ok := errors.AsType[*ws.Closed](err); ok {
		return &CloseError{Code: c.Code, Reason: c.Reason}
	}
	if err == ws.ErrSlow {
		return ErrSlow
	}
	return err
}

// sendable is a reason as it can be sent.
func sendable(reason string) string {
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if len(reason) <= wsframe.MaxReason {
		return reason
	}
	return strings.ToValidUTF8(reason[:wsframe.MaxReason], "") // without half a character
}

// closeFor is the close frame for what a Message function has returned; logged says that the
// program's log is to know of it.
func closeFor(err error) (code int, reason string, logged bool) {
	if e, ok := errors.AsType[*CloseError](err); ok && wsframe.ValidCode(e.Code) {
		return e.Code, sendable(e.Reason), false
	}
	for _, over := range []error{ErrGone, ErrStopping, ErrTimeout, ErrSlow, ErrOver} {
		if errors.Is(err, over) { // it has ended anyway
			return wsframe.CodeAway, "", false
		}
	}
	return wsframe.CodeInternal, "", true
}
