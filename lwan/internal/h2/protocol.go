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

// Config is what a Protocol is made of. Zero fields of Calm have defaults.
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

// Calm bounds what one connection may ask for. Zero: the default; negative: none where that is
// possible.
type Calm struct {
	Streams       int // handlers at a time: 128
	Window        int // bytes of one body that its handler has not read: 64 KiB
	ConnWindow    int // and of all: 256 KiB, at least 65,535
	Resets        int // streams that end before they were answered, in 10 s: 256
	Control       int // frames without use in a second: 1000
	Continuations int // frames of one field block: 16
	Table         int // bytes of HPACK's table: 4096
}

// orDefault fills in the defaults.
func (c Calm) orDefault() Calm {
	count := func(n, otherwise, most int) int {
		switch {
		case n == 0:
			return otherwise
		case n < 0:
			return most
		}
		return min(n, most)
	}
	const unbounded = 1<<31 - 1
	return Calm{
		Streams: count(c.Streams, 128, unbounded),
		Window:  count(c.Window, 64<<10, h2frame.MaxWindow),
		ConnWindow: max(count(c.ConnWindow, 256<<10, h2frame.MaxWindow),
			h2frame.DefaultWindow),
		Resets:        count(c.Resets, 256, unbounded),
		Control:       count(c.Control, 1000, unbounded),
		Continuations: count(c.Continuations, 16, unbounded),
		Table:         count(c.Table, h2frame.DefaultTable, 0),
	}
}

// Protocol is HTTP/2, for connections of package conn.
type Protocol struct {
	Config
	homes []home
}

// New makes a Protocol.
func New(cfg Config) *Protocol {
	if cfg.Calm.Table > 0 { // a negative one is none: orDefault says 0
		cfg.Calm.Table = min(cfg.Calm.Table, 1<<20)
	}
	table := cfg.Calm.Table
	cfg.Calm = cfg.Calm.orDefault()
	if table > 0 {
		cfg.Calm.Table = table
	}
	cfg.Limits = cfg.Limits.OrDefault()
	return &Protocol{Config: cfg, homes: make([]home, cfg.Loops)}
}

// Start makes c a connection of HTTP/2, of which rest has been read: at once, whatever the worker
// that serves it still does.
func (p *Protocol) Start(c conn.Conn, rest []byte) {
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
