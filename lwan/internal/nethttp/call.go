package nethttp

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Config is what a Call is made of, besides the request.
type Config struct {
	Exchange transport.Exchange
	Linger   func() Linger // of the connection; it is asked when the handler has run
	Log      *slog.Logger

	// Outer is the request outside, if w and r are those of net/http middleware inside of which a
	// handler answers: its answer is not the last word. nil: there is none.
	Outer Outer
}

// Linger is how long a client may go on to send behind the last answer.
type Linger struct {
	Pause    time.Duration // without sending anything
	Bytes    int64
	Stopping bool // draining gives no more time
}

// Outer is a request whose answer is that of net/http middleware, as the handler inside needs it.
type Outer interface {
	// ReadsAsOutside and WritesAsOutside report whether the request inside has the same limits, so
	// that the deadlines of the request outside will do.
	ReadsAsOutside() bool
	WritesAsOutside() bool
	// Abandon ends what the request outside writes, while it is under way. Any goroutine may call
	// it.
	Abandon()
	// Keep takes the ended request inside over, for as long as the middleware runs: it calls Over
	// then. cut: its answer was given up. It reports false if the middleware has returned before.
	Keep(cut bool) bool
}

// Call is a request that net/http has read: it is the Stream, the Task and the Peer of its
// exchange. It is not used again: a late cancellation must not reach the next one.
type Call struct {
	Config

	// constant
	w       http.ResponseWriter
	r       *http.Request
	ctl     *http.ResponseController
	start   time.Time
	onSent  func(func()) // runs a function when the answer has been sent; nil: nobody knows when
	onLeave func()       // nil, or told the end of the request, or that its connection was hijacked

	// constant after Serve has begun
	head        message.Head
	buf         []byte   // the bytes that the spans of head are in
	rewritten   bool     // as Rewritten
	given       []string // names of fields of w that are the response's
	wantsDuplex bool     // as Duplex has said

	ended   chan struct{} // closed when the request is cancelled
	once    sync.Once     // of end
	cause   error         // why it was; known when ended is closed
	parting sync.Once     // of leave

	// of the handler's goroutine
	phase    phase
	whole    bool  // the answer is whole when its head is sent
	sent     bool  // net/http has ended the answer, or the connection: its writer is nobody's
	content  bool  // it may have any
	mute     bool  // nothing is to be said, inside of middleware, if no content comes
	length   int64 // as Answer.Length
	stuck    bool  // the client does not take what is written any more
	last     bool  // the connection ends with this answer
	duplexed bool  // it is read and answered at once

	givenUp atomic.Bool // nothing is to be written any more
	rawMu   sync.Mutex  // guards raw and killed
	raw     net.Conn    // of an upgraded request; nil: it is none
	killed  bool        // raw has no more time

	// The content may be read by another goroutine than the handler's, as the Transport of a
	// reverse proxy does.
	answering atomic.Bool // the head of the answer is out
	reading   atomic.Bool
	late      atomic.Bool // a deadline has ended reading
	inRead    sync.Mutex  // held while one reads
	bodyMu    sync.Mutex  // guards the fields below
	bodyErr   error       // sticky, as reading ended
	bodyRead  int64
	bodyBegun bool
}

// phase is how far the answer has come.
//
//	held ──Head──▶ streaming ──Close──▶ ended
//	held, streaming, ended ──Cut──▶ cut
//	held, streaming ──Hijack, Raw──▶ taken
type phase uint8

const (
	held phase = iota
	streaming
	ended
	cut
	taken
)

var (
	_ transport.Stream = (*Call)(nil)
	_ transport.Task   = (*Call)(nil)
	_ transport.Peer   = (*Call)(nil)
)

// New makes the Call of a request. Nothing happens before Serve.
func New(w http.ResponseWriter, r *http.Request, cfg Config) *Call {
	return &Call{
		Config: cfg, w: w, r: r, ctl: http.NewResponseController(w), start: time.Now(),
		ended: make(chan struct{}),
	}
}

// Rewritten reports whether the head's target is that of r.URL, and not what the client has sent.
func (c *Call) Rewritten() bool { return c.rewritten }

// Duplex says that the handler reads and answers at once, before it has read anything.
func (c *Call) Duplex() { c.wantsDuplex = true }

// Serve runs the handler, and returns when it has returned. It panics with http.ErrAbortHandler, as
// net/http wants it, if the answer was cut; inside of middleware Outer does.
func (c *Call) Serve() {
	if !c.parse() {
		c.refuse()
		return
	}
	for name, values := range c.w.Header() {
		if !Framing(name) && len(values) > 0 {
			c.given = append(c.given, name)
		}
	}
	c.Exchange.Begin(c, c, &c.head, c.buf)
	stop := context.AfterFunc(c.r.Context(), c.clientLeft)
	defer stop()
	done := false
	defer c.finished() // in a defer because the handler may be unwound
	defer func() {
		if !done {
			c.died(0)
		}
	}()
	c.Exchange.Run()
	done = true
}

// Framing says whether a field of a ResponseWriter says how the answer is sent.
func Framing(name string) bool {
	return message.IsControl(name) || strings.HasPrefix(name, http.TrailerPrefix)
}

// refuse answers what cannot be a request: the client's, or one that middleware has made.
func (c *Call) refuse() {
	status := http.StatusBadRequest
	if c.Outer != nil {
		status = http.StatusInternalServerError
		c.Log.Error("lwan: net/http middleware has passed on what is no request",
			"method", c.r.Method, "url", c.r.URL)
	}
	http.Error(c.w, strconv.Itoa(status)+" "+message.StatusText(status), status)
	c.leave()
}

// died ends a request whose handler ended by Goexit. What it calls of the program's may end the
// goroutine, too: then the rest is done behind that, as often as it takes, up to maxDeaths.
func (c *Call) died(deaths int) {
	done := false
	defer func() {
		if !done && deaths < maxDeaths {
			c.died(deaths + 1)
		}
	}()
	c.Exchange.Died(c, nil, nil)
	done = true
	if c.phase != cut && c.phase != taken {
		// net/http does not do it for a handler that never returns. Who has left needs no answer,
		// and of a connection that was taken net/http knows nothing any more.
		_ = c.flush()
	}
}

// maxDeaths bounds how often one conclusion may end its goroutine: each goes on behind where the
// one before has, so there are few.
const maxDeaths = 64

// finished ends the request once its answer has left.
func (c *Call) finished() {
	switch {
	case c.Outer != nil:
		c.End(context.Canceled)
		if !c.Outer.Keep(c.phase == cut) {
			c.Over()
		}
		return
	case c.phase != cut && c.phase != taken && !c.whole && c.onSent != nil:
		c.onSent(func() { // net/http sends its last chunk when the handler has returned
			c.sent = true
			c.Over()
		})
		return
	}
	c.Over()
	if c.phase == cut {
		panic(http.ErrAbortHandler)
	}
}

// leave tells that nobody has to wait for the request any more.
func (c *Call) leave() {
	c.parting.Do(func() {
		if c.onLeave != nil {
			c.onLeave()
		}
	})
}

// Over ends the request when its answer has left. It is for the Outer that has kept it.
func (c *Call) Over() {
	done := false
	defer func() {
		defer c.leave()
		if !done { // one of those that wait for the end has ended the goroutine: the rest of it
			c.Exchange.End()
		}
		c.End(context.Canceled)
		c.closeRaw()
		if c.phase == cut && c.Outer == nil {
			c.abort()
		}
	}()
	c.Exchange.End()
	done = true
}

// End ends what the request waits for, now and later, with cause. Any goroutine may call it; the
// first call counts.
func (c *Call) End(cause error) {
	c.once.Do(func() {
		c.cause = cause
		c.Exchange.Cancel(cause)
		close(c.ended)
		c.wakeRaw()
	})
}

// OnSent sets who runs a function when the answer has been sent; without, nobody knows when that
// is. OnLeave sets who is told once, when nobody has to wait for the request any more: at its end,
// or when its connection was hijacked. Both are for before Serve.
func (c *Call) OnSent(later func(fn func())) { c.onSent = later }
func (c *Call) OnLeave(fn func())            { c.onLeave = fn }
