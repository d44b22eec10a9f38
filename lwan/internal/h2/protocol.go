//go:build linux && !golwan_nethttp

package h2

import (
	"log/slog"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/h2frame"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Config is what a Protocol is made of.
type Config struct {
	// NewExchange makes the exchange of one worker of a loop.
	NewExchange func(on transport.Loop) transport.Exchange

	Loops    int            // of the engine
	Limits   message.Limits // of heads
	Idle     uint32         // seconds without a stream; 0: for ever
	Header   uint32         // for the beginning of a connection, and for a head; 0: for ever
	Turn     int            // requests of one connection before others have a turn
	Requests uint32         // of one connection; 0: any number
	Watched  bool           // a watchdog looks at the program's code
	Log      *slog.Logger
	Calm     Calm
}

// Calm bounds what one connection may ask for: lwan.HTTP2Limits, whose defaults are filled in.
type Calm struct {
	Streams       int // handlers at a time
	Window        int // bytes of one body that its handler has not read
	ConnWindow    int // and of all: at least 65,535
	Resets        int // streams that end before they were answered, in 10 s
	Control       int // frames without use in a second
	Continuations int // frames of one field block
	Table         int // bytes of HPACK's table
}

// Protocol is HTTP/2, for connections of package conn.
type Protocol struct {
	Config
	homes []home
}

// New makes a Protocol.
func New(cfg Config) *Protocol {
	cfg.Limits = cfg.Limits.OrDefault()
	return &Protocol{Config: cfg, homes: make([]home, cfg.Loops)}
}

// Start makes c a connection of HTTP/2, of which rest has been read: at once, whatever the worker
// that serves it still does.
func (p *Protocol) Start(c conn.Conn, rest []byte) { p.start(c, rest) }

// Refuse is Start for a connection that is told at once why it is not spoken on.
func (p *Protocol) Refuse(c conn.Conn, code h2frame.Code, reason string) {
	p.start(c, nil).fail(code, reason)
}

func (p *Protocol) start(c conn.Conn, rest []byte) *session {
	h := &p.homes[c.Loop().Number()]
	if h.loop == nil {
		*h = home{p: p, loop: c.Loop(), buf: make([]byte, bufferSize)}
	}
	s := &session{
		p: p, home: h, c: c, lane: c.Lane(), part: rest,
		peer: h2frame.DefaultSettings(), sendWindow: h2frame.DefaultWindow,
		window: h2frame.DefaultWindow, recvWindow: int64(p.Calm.ConnWindow),
	}
	s.fields = h2frame.NewFields(uint32(p.Calm.Table), p.Limits)
	s.greet()
	c.Attach(s)
	return s
}

// Rests gives back what a worker that has nothing to do holds for its streams.
func (p *Protocol) Rests(w *loop.Worker) {
	if r, ok := w.Branching.(*runner); ok {
		r.buf = nil
		r.x.Shrink()
	}
}

const (
	bufferSize = 64 << 10 // frames are read into it; several of the largest fit
	outSize    = 64 << 10 // answers gather up to it
	keptHead   = 4 << 10  // a worker's buffer of heads that has grown beyond is not used again
)

// home is what the connections of one loop share.
type home struct {
	p    *Protocol
	loop *loop.Loop
	buf  []byte   // frames are read into it, by one session at a time
	free *stream  // that may be used again
	outs [][]byte // write buffers that nobody uses
	unix int64    // the second of date
	date []byte   // as a field
}

const keptOuts = 16

// takeOut returns a write buffer.
func (h *home) takeOut() []byte {
	n := len(h.outs)
	if n == 0 {
		return make([]byte, 0, 4<<10)
	}
	b := h.outs[n-1]
	h.outs = h.outs[:n-1]
	return b
}

// giveOut takes one back.
func (h *home) giveOut(b []byte) {
	if len(h.outs) < keptOuts && cap(b) <= 4*outSize {
		h.outs = append(h.outs, b[:0])
	}
}

// dateField is the Date field, encoded once a second.
func (h *home) dateField() []byte {
	if now := h.loop.Unix(); now != h.unix || h.date == nil {
		h.unix = now
		var at [32]byte
		h.date = h2frame.AppendField(h.date[:0], "date", string(message.AppendDate(at[:0], now)))
	}
	return h.date
}
