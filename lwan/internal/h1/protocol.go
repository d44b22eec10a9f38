//go:build linux && !golwan_nethttp

package h1

import (
	"log/slog"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/remains"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Config is what a Protocol is made of. All but the first field may be zero.
type Config struct {
	// NewExchange makes the exchange of one worker of a loop.
	NewExchange func(on transport.Loop) transport.Exchange

	Limits    message.Limits // of heads
	Chunks    http1.Chunked  // a fresh one
	Idle      uint32         // seconds between two requests; 0: for ever
	Header    uint32         // seconds for a head; 0: for ever
	Bare      []bool         // endpoints whose connections carry no requests; nil: none
	Pipelined int            // requests of one connection before others have a turn
	Requests  uint32         // of one connection; 0: any number
	Watched   bool           // a watchdog looks at the program's code
	Refusal   []byte         // what a connection over the limit is sent
	Log       *slog.Logger
}

// Protocol is HTTP/1, for an engine of package conn.
type Protocol struct {
	Config
	buffers sync.Pool // of *[readBuffer]byte, for workers that have given theirs back
}

// New makes a Protocol.
func New(cfg Config) *Protocol { return &Protocol{Config: cfg} }

var _ conn.Protocol = (*Protocol)(nil)

// NewState implements conn.Protocol.
func (p *Protocol) NewState(w *loop.Worker) any {
	h := &server{p: p, x: p.NewExchange(w.Loop())}
	h.addField = h.appendField
	h.runBy(w)
	return h
}

// Serve implements conn.Protocol.
func (p *Protocol) Serve(w *loop.Worker, c conn.Conn, why conn.Why) conn.Verdict {
	h := w.State.(*server)
	h.c = c
	switch {
	case p.Bare != nil && p.Bare[c.Lane()]:
		return h.serveBare()
	case why == conn.Expired:
		return h.expire()
	}
	return h.serve()
}

// Resume keeps b, the first bytes of a connection, for its next Serve: somebody has looked at them.
func (p *Protocol) Resume(c conn.Conn, b []byte) {
	c.Expire(p.Header)
	c.Keep(&fragment{bytes: b})
}

// Died implements conn.Protocol.
func (p *Protocol) Died(w *loop.Worker, c conn.Conn, state, value any, stack []byte) conn.Verdict {
	h := state.(*server)
	h.c = c
	return h.died(w, value, stack)
}

// Waits implements conn.Protocol.
func (p *Protocol) Waits(w *loop.Worker) { w.State.(*server).giveBack() }

// Rests implements conn.Protocol.
func (p *Protocol) Rests(w *loop.Worker) { w.State.(*server).shrink() }

// Refuse implements conn.Protocol.
func (p *Protocol) Refuse(fd int) {
	_, _ = unix.Write(fd, p.Refusal) // a courtesy: a client that is gone already needs none
}

// takeBuffer returns a read buffer.
func (p *Protocol) takeBuffer() []byte {
	if b, ok := p.buffers.Get().(*[readBuffer]byte); ok {
		return b[:]
	}
	return make([]byte, readBuffer)
}

// giveBuffer takes one back. Those that have grown are left to the collector.
func (p *Protocol) giveBuffer(b []byte) {
	if len(b) == readBuffer {
		remains.Of(b)
		p.buffers.Put((*[readBuffer]byte)(b))
	}
}
