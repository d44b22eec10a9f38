package lwan

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// Message is a message of a Conversation, and what its function may do. Only the goroutine that the
// function runs on may wait by it: others get ErrForeign, and everybody ErrOver once the function
// has returned. It is not used again for another message.
type Message struct {
	_ noCopy

	socket *Socket
	kind   MessageKind
	data   []byte
	over   atomic.Bool

	// one of the two
	talk *talk
	req  *Request // of the handler that the conversation runs in
	here hereContext

	on transport.Task // who runs the function, on a loop
}

// Kind is the type of the message.
func (m *Message) Kind() MessageKind { return m.kind }

// Bytes is the message. It is yours.
func (m *Message) Bytes() []byte { return m.data }

// Text is a copy of the message.
func (m *Message) Text() string { return string(m.data) }

// Socket is where it came from.
func (m *Message) Socket() *Socket { return m.socket }

// Reply is Socket.Push, but waits while the client is slow, up to Limits.Write each time without
// progress: then it returns ErrTimeout.
func (m *Message) Reply(kind MessageKind, msg []byte) error {
	if m.over.Load() {
		return ErrOver
	}
	if h, ok := m.socket.host.(*hereTalk); ok {
		return h.reply(kind, msg)
	}
	for {
		err := m.socket.Push(kind, msg)
		if err != ErrSlow {
			return err
		}
		if err := m.wait(m.socket.host.roomy); err != nil {
			return err
		}
	}
}

// Context ends when the function returns, with the connection, or when draining starts;
// context.Cause says why.
func (m *Message) Context() context.Context {
	if m.req != nil {
		return m.here.of(m)
	}
	return m.talk.context(m)
}

// Sleep waits for d. It returns early with ErrGone, ErrTimeout, ErrSlow or ErrStopping when the
// connection ends, or draining starts; on net/http that the client has left is seen by reading
// only.
func (m *Message) Sleep(d time.Duration) error {
	if m.over.Load() {
		return ErrOver
	}
	if m.req != nil {
		return m.req.Sleep(d)
	}
	return m.outside(func() error { return m.on.Sleep(d) })
}

// Await runs fn on a goroutine of the server's and waits for its end, as Request.Await does.
func (m *Message) Await(fn func(ctx context.Context) error) error {
	if m.over.Load() {
		return ErrOver
	}
	if m.req != nil {
		return m.req.Await(fn)
	}
	if err := m.mine(); err != nil {
		return err
	}
	ctx := m.Context()
	var err error
	end := offload(func() { err = fn(ctx) }, func(run func()) error {
		return m.outside(func() error { return m.on.Offload(m.talk.core.goroutine.run, run) })
	})
	if end != nil {
		return end
	}
	return err
}

// wait waits until room calls wake.
func (m *Message) wait(room func(wake func())) error {
	limit := time.Duration(m.talk.write) * time.Second
	err := m.outside(func() error { return m.on.Wait(room, limit, transport.Cancelled) })
	if err == transport.ErrPause {
		return ErrTimeout
	}
	return err
}

// outside runs op, which waits, outside of the program's code.
func (m *Message) outside(op func() error) error {
	if err := m.mine(); err != nil {
		return err
	}
	tag := m.on.LeaveUser()
	defer m.on.EnterUser(tag)
	if cause := m.talk.cause; cause != nil {
		return cause
	}
	return op()
}

// mine reports why the caller must not wait.
func (m *Message) mine() error {
	switch {
	case m.over.Load():
		return ErrOver
	case !m.on.Mine():
		return ErrForeign
	}
	return nil
}

func newMessage(s *Socket, op wsframe.Opcode, data []byte) *Message {
	return &Message{socket: s, kind: MessageKind(op), data: data}
}
