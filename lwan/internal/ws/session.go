package ws

import (
	"errors"
	"sync"

	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// Owner is told what happens, on the loop. It must not wait, and calls no code of the program's.
type Owner interface {
	// Message gives a message away: payload is the owner's. Nothing more is read until Resume.
	Message(op wsframe.Opcode, payload []byte)
	// Room says that all frames have left, and others may be sent.
	Room()
	// Left says that the client has left while the owner has a message: of what it has sent before
	// Message is still told.
	Left()
	// Draining says that the server stops. The client has been told so.
	Draining()
	// Over is the last call: cause is a *Closed, or an error of package transport. ErrTimeout: the
	// client does not answer to pings; ErrStopping: the server has stopped.
	Over(cause error)
}

// Config is what the Sessions of an endpoint have in common. It must not change. Times are in
// seconds; 0: none.
type Config struct {
	MaxMessage   int64  // 0: none
	Backlog      int    // bytes that a client may owe before Push says ErrFull
	Ping         uint32 // pause after which a client is asked, and after as much more given up
	CloseTimeout uint32 // wait for the client's part of the closing handshake
	Write        uint32 // how long a client may take nothing of what it is sent
}

// Closed is an end by a close frame, received or sent.
type Closed struct {
	Code   int
	Reason string
}

// Error describes the end for a log.
func (c *Closed) Error() string { return "websocket: closed" }

// ErrFull is what Push returns for a client that owes more than Backlog; ErrSlow ends one that has
// taken nothing for longer than Write.
var (
	ErrFull = errors.New("websocket: the client is too slow for another message")
	ErrSlow = errors.New("websocket: the client takes nothing")
)

// state is how far a Session has come.
//
//	open ──a close frame is queued──▶ closing ──it is sent, and the client has done its part
//	or its time is up──▶ over
//	open, closing ──it leaves, or is too slow; the Pipe has ended──▶ over
//
//	open     messages go both ways
//	closing  a close frame is the last that is sent; messages that come are thrown away
//	over     nothing may be called but Push and Close, which say so
type state uint8

const (
	open state = iota
	closing
	over
)

// Session is a WebSocket on a Pipe. It is owned by the loop.
type Session struct {
	pipe  transport.Pipe
	cfg   Config
	owner Owner
	in    *input // what has come of the next message; nil: nothing
	part  []byte // frames on their way: what the kernel has not taken yet
	cause error  // why it is closing
	heard int64  // when something came last, or a ping was sent
	gone  int64  // bytes that have left
	stuck int64  // since when the client takes nothing of part; 0: it does

	window int32 // compresses what is sent, with so large a window; 0: not
	state  state
	asked  bool // a ping was sent, and nothing has come since
	paused bool // the owner has a message
	left   bool // and was told that the client has left
	seen   bool // the client's close frame has come, or it has broken a rule
	wants  bool // Deflate was agreed on

	mu    sync.Mutex // guards what follows; it is held for a moment only
	told  bool       // the loop has a letter
	last  bool       // nothing may follow what is in out
	out   []byte     // frames that were pushed
	owed  int        // bytes of out and part
	close *Closed    // what Close was called with, until the loop knows
}

// Init makes s a Session on p, whose client has asked for deflate or not (nil). rest was read
// behind the handshake. p.Attach(s) has to follow. Nothing is read before Resume.
func (s *Session) Init(
	p transport.Pipe, cfg Config, owner Owner, deflate *wsframe.Deflate, rest []byte,
) {
	s.pipe, s.cfg, s.owner, s.paused = p, cfg, owner, true
	s.heard = p.Loop().Now()
	if deflate != nil {
		s.wants, s.window = true, int32(deflate.Window)
	}
	if len(rest) > 0 {
		s.in = s.begin()
		s.in.bytes = append(s.in.bytes, rest...)
	}
}

// Ready implements transport.Session.
func (s *Session) Ready(transport.Pipe) {
	s.flush()
	if s.read(); s.paused && s.state != over && !s.left && s.pipe.Gone() {
		s.left = true
		s.owner.Left()
	}
	s.arm()
}

// Sent is how many bytes have left.
func (s *Session) Sent() int64 { return s.gone }

// Resume says that the owner is done with a message: the next one may come.
func (s *Session) Resume() {
	s.paused = false
	if s.state != over {
		s.pipe.Again()
	}
}

const second = int64(1e9)

// arm sets when the client is looked at next. It ends a Session whose client takes nothing.
func (s *Session) arm() {
	now := s.pipe.Loop().Now()
	write := int64(s.cfg.Write) * second
	switch {
	case s.state != open: // its time does not move
	case s.stuck > 0 && write > 0 && now-s.stuck >= write:
		s.fail(ErrSlow)
	case s.stuck > 0 && write > 0 && (s.cfg.Ping == 0 || s.cfg.Write < s.cfg.Ping):
		s.pipe.Expire(s.cfg.Write)
	default:
		s.pipe.Expire(s.cfg.Ping)
	}
}

// Expired implements transport.Session.
func (s *Session) Expired(transport.Pipe) {
	now := s.pipe.Loop().Now()
	ping := int64(s.cfg.Ping) * second
	switch {
	case s.state == closing: // it had its time
		s.end(transport.Linger)
	case s.state == over, ping == 0, now-s.heard < ping:
	case s.paused: // nobody listens to it
		s.heard = now
	case s.asked:
		s.fail(transport.ErrTimeout)
	default:
		s.asked, s.heard = true, now
		s.queue(wsframe.Ping, nil)
		s.flush()
	}
	s.arm()
}

// AtRest implements transport.Session: who has opened a WebSocket wants to keep it.
func (s *Session) AtRest(transport.Pipe) bool { return false }

// Draining implements transport.Session.
func (s *Session) Draining(transport.Pipe) {
	if s.state != open {
		return
	}
	s.leave(transport.ErrStopping, wsframe.CodeAway, "")
	s.owner.Draining()
	s.flush()
}

// Ended implements transport.Session.
func (s *Session) Ended(_ transport.Pipe, cause error) {
	if s.state == closing {
		cause = s.cause
	}
	s.finish(cause)
}

// beginClosing gives the client its time for the closing handshake, from now on.
func (s *Session) beginClosing(cause error) {
	if s.state != open {
		return
	}
	s.state, s.cause = closing, cause
	if s.cfg.CloseTimeout == 0 {
		s.seen = true // nobody waits for it
	}
	s.pipe.Expire(max(s.cfg.CloseTimeout, 1))
}

// leave begins the closing handshake, or answers the client's part of it.
func (s *Session) leave(cause error, code int, reason string) {
	s.beginClosing(cause)
	s.mu.Lock()
	if !s.last { // else Close was called, and its frame is in out
		s.last = true
		s.append(wsframe.Close, wsframe.AppendClose(nil, code, reason))
	}
	s.mu.Unlock()
}

// fail ends it without a close frame: nobody would read it.
func (s *Session) fail(cause error) {
	if s.state == closing {
		cause = s.cause
	}
	s.state, s.cause = closing, cause
	s.end(transport.Close)
}

// end ends the Pipe, and tells the owner.
func (s *Session) end(how transport.Ending) {
	cause := s.cause
	s.pipe.End(how)
	s.finish(cause)
}

// finish tells the owner that it is over, once.
func (s *Session) finish(cause error) {
	if s.state == over {
		return
	}
	s.state = over
	s.mu.Lock()
	s.last, s.out, s.owed = true, nil, 0
	s.mu.Unlock()
	s.part = nil
	s.drop()
	s.owner.Over(cause)
}
