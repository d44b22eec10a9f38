package lwan

import (
	"log/slog"
	"net/netip"
	"sync/atomic"
	"unicode/utf8"

	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// Socket is the WebSocket of a Conversation for everybody: its methods may be called from any
// handler and goroutine, at any time, and never wait. After the end they return ErrGone. It may be
// kept for as long as you like.
type Socket struct {
	_ noCopy

	host        socketHost
	addr        netip.AddrPort
	subprotocol string
	value       atomic.Pointer[any]
}

// socketHost is who serves it.
type socketHost interface {
	// push queues a valid message: ErrSlow, ErrGone.
	push(op wsframe.Opcode, msg []byte) error
	// shut begins the closing handshake.
	shut(code int, reason string)
	// roomy calls wake, from anywhere, once the client owes nothing, or everything is over.
	roomy(wake func())
	logger() *slog.Logger
	// join and leave are Topic.Join and Leave.
	join(sub *subscriber, first []string) error
	leave(t *Topic)
}

// Push sends a message, later if the client is slow. ErrSlow: it would owe more than
// WebSocketConfig.Backlog, and the message was not taken. msg is copied. After Close, and after the
// end, it returns ErrGone.
func (s *Socket) Push(kind MessageKind, msg []byte) error {
	if err := kind.check(msg); err != nil {
		return err
	}
	return s.host.push(wsframe.Opcode(kind), msg)
}

// check reports why msg is no message.
func (k MessageKind) check(msg []byte) error {
	switch {
	case k != TextMessage && k != BinaryMessage:
		return errMessageKind
	case k == TextMessage && !utf8.Valid(msg):
		return errMessageText
	}
	return nil
}

// Close begins the closing handshake, behind what was pushed, unless it has begun. code and reason
// are as those of WebSocket.Close; what may not be sent is an error, and nothing happens.
func (s *Socket) Close(code int, reason string) error {
	if err := checkClose(code, reason); err != nil {
		return err
	}
	s.host.shut(code, reason)
	return nil
}

// checkClose reports why a close frame must not carry that.
func checkClose(code int, reason string) error {
	switch {
	case !wsframe.ValidCode(code):
		return errCloseCode
	case len(reason) > wsframe.MaxReason || !utf8.ValidString(reason):
		return errCloseReason
	}
	return nil
}

// Subprotocol is the one that was agreed on; "" if there is none.
func (s *Socket) Subprotocol() string { return s.subprotocol }

// RemoteAddr is what Request.RemoteAddr was.
func (s *Socket) RemoteAddr() netip.AddrPort { return s.addr }

// SetValue attaches something of yours. Do it in Open, if others rely on it.
func (s *Socket) SetValue(v any) { s.value.Store(&v) }

// Value is what SetValue has attached; nil: nothing.
func (s *Socket) Value() any {
	if v := s.value.Load(); v != nil {
		return *v
	}
	return nil
}
