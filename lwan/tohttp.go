package lwan

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// ToHTTP serves a Handler under net/http, streams included: one of a user's, or that which Server.Build returns, which
// brings the server's configuration along. Waiting blocks the goroutine of the request. It is also what a Server runs on
// where there is no epoll.
//
// Path and Query are those of r.URL, as http.StripPrefix has changed it, and Target is r.RequestURI. Fields that
// middleware has set on w count as if the handler had. Param and Pattern are those of an http.ServeMux, where no route of
// the Handler's own has been found; Form is what r.ParseForm has read. With a deadline that has passed, r's context ends
// the handler with ErrTimeout, else with ErrGone. A w that cannot flush, as that of http.TimeoutHandler, gets what is
// flushed at the end; Events fail on it.
func ToHTTP(h Handler) http.Handler {
	t := &table{core: new(Server).newCore(), handler: h}
	return toHTTP(t)
}

func toHTTP(t *table) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		newHTTPCall(w, r, t, nil).serve()
	})
}

// newHTTPCall makes the call of one request with its exchange. Neither is pooled: a late cancellation
// must not reach the next one. pass is nil unless w and r are those of middleware of
// FromHTTPMiddleware.
func newHTTPCall(w http.ResponseWriter, r *http.Request, t *table, pass *passage) *httpCall {
	c := &httpCall{
		w: w, r: r, ctl: http.NewResponseController(w), start: time.Now(), ended: make(chan struct{}),
		log: t.core.log,
	}
	x := &exchange{core: t.core, sites: []endpointTable{{table: t}}}
	x.via = &viaHTTP{r: r, w: w, pass: pass}
	x.unlike()
	c.x, c.via = x, x.via
	c.linger = x.httpLinger
	if pass != nil {
		c.inside = &insideCall{pass: pass, x: x, call: c}
	}
	return c
}

// httpCall is a request that net/http has read: it is the Stream, the Task and the Peer of its
// exchange.
type httpCall struct {
	w    http.ResponseWriter
	r    *http.Request
	ctl  *http.ResponseController
	x    transport.Exchange
	head message.Head

	log    *slog.Logger
	linger func() httpLinger // how long a connection may linger
	via    *viaHTTP
	inside *insideCall // nil: w and r are not those of middleware of FromHTTPMiddleware

	later func(func()) // runs a function when the answer has been sent; nil: nobody knows when that is
	left  func()       // nil, or told the end of the request, or that its connection was hijacked

	buf      []byte   // the bytes that the spans of head are in
	given    []string // names of fields of w that are the response's
	start    time.Time
	ended    chan struct{} // closed when the request is cancelled
	once     sync.Once     // of end
	cause    error         // why it was; known when ended is closed
	parting  sync.Once     // of left
	phase    callPhase
	whole    bool        // the answer is whole when its head is sent
	content  bool        // it may have any
	length   int64       // as Answer.Length
	stuck    bool        // the client does not take what is written any more
	last     bool        // the connection ends with this answer
	duplexed bool        // it is read and answered at once
	givenUp  atomic.Bool // nothing is to be written any more
	raw      net.Conn    // of an upgraded request; nil: it is none
	rawMu    sync.Mutex  // guards raw

	// The body may be read by another goroutine than the handler's, as the Transport of a reverse proxy does.
	answering atomic.Bool // the head of the answer is out
	reading   atomic.Bool
	late      atomic.Bool // a deadline has ended reading
	inRead    sync.Mutex  // held while one reads
	bodyMu    sync.Mutex  // guards the fields below
	bodyErr   error       // sticky, as reading ended
	bodyRead  int64
	bodyBegun bool
}

// callPhase is how far the answer has come.
//
//	held ──Head──▶ streaming ──Close──▶ ended
//	held, streaming, ended ──Cut──▶ cut          held, streaming ──Hijack, Raw──▶ taken
type callPhase uint8

const (
	callHeld callPhase = iota
	callStreaming
	callEnded
	callCut
	callTaken
)

var (
	_ transport.Stream = (*httpCall)(nil)
	_ transport.Task   = (*httpCall)(nil)
	_ transport.Peer   = (*httpCall)(nil)
)

func (c *httpCall) serve() {
	if !c.parse() {
		c.refuse()
		return
	}
	for name, values := range c.w.Header() {
		if !framing(name) && len(values) > 0 {
			c.given = append(c.given, name)
		}
	}
	c.x.Begin(c, c, &c.head, c.buf)
	stop := context.AfterFunc(c.r.Context(), c.clientLeft)
	defer stop()
	done := false
	defer func() { // in a defer because the handler may be unwound
		if !done {
			c.died()
		}
		c.finished()
	}()
	c.x.Run()
	done = true
}

// died ends a request whose handler ended by Goexit.
func (c *httpCall) died() {
	c.x.Died(c, nil, nil)
	if c.phase != callCut {
		_ = c.flush() // net/http does not do it for a handler that never returns; who has left needs no answer
	}
}

// finished ends the request once its answer has left.
func (c *httpCall) finished() {
	switch {
	case c.inside != nil:
		c.inside.finished(c)
		return
	case c.phase != callCut && c.phase != callTaken && !c.whole && c.later != nil:
		c.later(c.over) // net/http sends its last chunk when the handler has returned
		return
	}
	c.over()
	if c.phase == callCut {
		panic(http.ErrAbortHandler)
	}
}

// leave tells that nobody has to wait for the request any more.
func (c *httpCall) leave() {
	c.parting.Do(func() {
		if c.left != nil {
			c.left()
		}
	})
}

// over ends the request when its answer has left.
func (c *httpCall) over() {
	defer c.leave() // also if one of those that wait for the end ends the goroutine
	c.x.End()
	c.end(context.Canceled)
	c.closeRaw()
	if c.phase == callCut && c.inside == nil {
		c.abort()
	}
}

// httpLimits bounds what net/http has taken already, within its own limits.
var httpLimits = message.Limits{Line: 1 << 20, Fields: 16 << 20, Count: math.MaxUint16}

// parse fills the head with what net/http has parsed, checked as one from a connection is.
func (c *httpCall) parse() bool {
	r, h := c.r, &c.head
	target, rewritten := httpTarget(r)
	c.via.rewritten = rewritten
	minor := uint8(1)
	if r.ProtoMajor == 1 && r.ProtoMinor == 0 {
		minor = 0
	}
	h.Fields = make([]message.Field, 0, len(r.Header)+1)
	var b message.Builder
	b.Begin(h, make([]byte, 0, len(target)+fieldSize*cap(h.Fields)), &httpLimits)
	if b.Line(r.Method, target, minor).Status != 0 || !addFields(&b, r) {
		return false
	}
	head, bad := b.End()
	if bad.Status != 0 {
		return false
	}
	if r.Body == nil {
		r.ContentLength = 0
	}
	c.buf = head
	h.ContentLength, h.Chunked, h.KeepAlive = r.ContentLength, r.ContentLength < 0, !r.Close
	return true
}

// fieldSize is the room for a field that is made at first, in bytes.
const fieldSize = 64

// addFields adds those of net/http's fields that tell something still, and those that it has made
// something else of. What cannot be a field is left out: net/http middleware may set what it likes.
func addFields(b *message.Builder, r *http.Request) bool {
	if b.Add("Host", r.Host).Status != 0 {
		return false
	}
	for name, values := range r.Header {
		if !hopByHop(name) && !addEach(b, name, values) {
			return false
		}
	}
	if hasToken(r.Header["Connection"], "Upgrade") { // for Response.Upgrade: the handler's in net/http
		if b.Add("Connection", "Upgrade").Status != 0 || !addEach(b, "Upgrade", r.Header["Upgrade"]) {
			return false
		}
	}
	v := r.Header.Get("Expect")
	if strings.EqualFold(v, "100-continue") && b.Add("Expect", v).Status != 0 {
		return false
	}
	return addEach(b, "Trailer", slices.Sorted(maps.Keys(r.Trailer))) // net/http has made it of the field
}

// addEach adds the lines of a field, without those that cannot be one.
func addEach(b *message.Builder, name string, values []string) bool {
	for _, v := range values {
		switch bad := b.Add(name, v); bad.Reason {
		case "", message.ReasonName, message.ReasonValueByte:
		default:
			return false
		}
	}
	return true
}

// hopByHop names fields that net/http has dealt with.
func hopByHop(name string) bool {
	switch name {
	case "Host", "Connection", "Transfer-Encoding", "Expect", "Content-Length", "Upgrade", "Trailer", "Te":
		return true
	}
	return false
}

// end cancels what the request waits for.
func (c *httpCall) end(cause error) {
	c.once.Do(func() {
		c.cause = cause
		c.x.Cancel(cause)
		close(c.ended)
		c.wakeRaw()
	})
}

// Head implements transport.Stream.
func (c *httpCall) Head(a *transport.Answer) error {
	if c.phase != callHeld {
		return ErrOver
	}
	if a.Whole && c.inside == nil {
		c.endReading()
		a.Close = a.Close || c.muchLeft()
	}
	c.header(a)
	c.phase, c.whole, c.length = callStreaming, a.Whole, a.Length
	c.content = !Status(a.Status).bodyless() // that of an answer to HEAD is left out by net/http
	switch {
	case a.Whole && c.inside != nil:
		c.inside.head(c, a)
		return nil
	case a.Whole:
		c.lingerForRest()
	default:
		c.duplex()
	}
	c.w.WriteHeader(a.Status)
	return nil
}

// header copies the fields of the answer.
func (c *httpCall) header(a *transport.Answer) {
	c.answering.Store(true)
	h := c.w.Header()
	for _, name := range c.given {
		delete(h, name)
	}
	h["Content-Type"] = nil // no guessing
	a.Fields(func(name, value string) bool {
		h.Add(name, value)
		return true
	})
	if a.Length >= 0 {
		h.Set("Content-Length", strconv.FormatInt(a.Length, 10))
	}
	if a.Close || c.bodyBroken() {
		h.Set("Connection", "close")
	}
	c.last = c.r.Close || h.Get("Connection") == "close"
	c.writeWithin()
}

// writeError translates an error of the connection.
func (c *httpCall) writeError(err error) error {
	if err == nil || errors.Is(err, http.ErrBodyNotAllowed) {
		return nil
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok || errors.Is(err, http.ErrContentLength) {
		return err // of a file, or of the handler
	}
	c.stuck = true
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrTimeout
	}
	return ErrGone
}

// writeWithin limits how long the client may take none of what is written next.
func (c *httpCall) writeWithin() {
	if c.inside != nil && c.inside.writesAsOutside() {
		return // the server's own will do
	}
	_, pause := c.x.Pauses()
	_ = c.ctl.SetWriteDeadline(deadlineIn(pause)) // not every writer can
	if c.givenUp.Load() {                         // meanwhile, or before
		_ = c.ctl.SetWriteDeadline(time.Unix(1, 0))
	}
}

// Killer implements transport.Task. A writer that cannot have a deadline takes what is written, sooner or later.
func (c *httpCall) Killer() func() {
	if c.inside != nil {
		return func() {
			c.inside.pass.abandon()
			c.end(ErrGone)
		}
	}
	return func() {
		c.givenUp.Store(true)
		_ = c.ctl.SetWriteDeadline(time.Unix(1, 0))
		c.end(ErrGone)
	}
}

var errNoFlusher = fmt.Errorf("lwan: events need a ResponseWriter that can flush: %w", http.ErrNotSupported)

// canFlush reports whether http.ResponseController.Flush would find a Flusher.
func canFlush(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// piece is how much is written at once: Limits.Write is the time for the client to take something, not all there is.
const piece = 64 << 10

// Write implements transport.Stream.
func (c *httpCall) Write(p []byte) error {
	if !c.content {
		return nil
	}
	if c.inside != nil && len(p) > 0 {
		c.inside.mute = false
	}
	for len(p) > 0 {
		n := min(len(p), piece)
		c.writeWithin()
		_, err := c.w.Write(p[:n])
		if err = c.writeError(err); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// File implements transport.Stream.
func (c *httpCall) File(f *os.File, off, n int64) error {
	for c.content && n > 0 {
		c.writeWithin()
		copied, err := io.Copy(c.w, io.NewSectionReader(f, off, min(n, piece)))
		if err = c.writeError(err); err != nil {
			return err
		}
		if copied == 0 {
			return io.ErrUnexpectedEOF
		}
		off, n = off+copied, n-copied
	}
	return nil
}

// Flush implements transport.Stream.
func (c *httpCall) Flush() error {
	if c.phase == callStreaming || c.phase == callEnded {
		return c.flush()
	}
	return nil
}

func (c *httpCall) flush() error {
	c.writeWithin()
	if err := c.ctl.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return c.writeError(err)
	}
	return nil
}

// Close implements transport.Stream.
func (c *httpCall) Close(trailer []transport.Field) error {
	if c.phase != callStreaming {
		return ErrOver
	}
	c.phase = callEnded
	if c.whole {
		c.setTrailers(trailer)
		if c.inside == nil {
			c.lingerBehindLast()
		} else if c.inside.mute {
			delete(c.w.Header(), "Content-Type")
		}
		return nil
	}
	c.endReading()
	c.setTrailers(trailer)
	c.writeWithin()
	return c.readRest()
}

// abort sends what was written of an answer that is given up: who gets nothing at all may ask again. Where its end is that
// of the connection only a reset tells that it is not whole.
func (c *httpCall) abort() {
	if !c.answering.Load() || c.whole || c.stuck {
		return
	}
	if err := c.flush(); err != nil || c.head.Minor > 0 || c.length >= 0 {
		return
	}
	conn, _, err := c.ctl.Hijack()
	if err != nil {
		return // it is closed all the same
	}
	if tcp, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0) // the client may have left meanwhile
	}
	_ = conn.Close()
}

// Cut implements transport.Stream.
func (c *httpCall) Cut() {
	c.endReading()
	if c.phase != callTaken {
		c.phase = callCut
	}
}

// Sleep implements transport.Task.
func (c *httpCall) Sleep(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.ended:
		return c.cause
	}
}

// Wait implements transport.Task.
func (c *httpCall) Wait(arm func(wake func()), limit time.Duration, till transport.Till) error {
	if till == transport.Woken {
		return waitOn(arm, limit, nil, nil)
	}
	return waitOn(arm, limit, c.ended, func() error { return c.cause })
}

// Offload implements transport.Task.
func (c *httpCall) Offload(_ func(run func()) bool, fn func()) error {
	fn()
	return nil
}

// Inline implements transport.Task.
func (c *httpCall) Inline() bool { return false }

// Mine implements transport.Task.
func (c *httpCall) Mine() bool { return onStackOf("lwan.(*httpCall).serve") }

// EnterUser and LeaveUser implement transport.Task: no watchdog looks at goroutines.
func (c *httpCall) EnterUser(uint64)  {}
func (c *httpCall) LeaveUser() uint64 { return transport.Outside }

// Now and Clock implement transport.Task: the time since the request came.
func (c *httpCall) Now() int64   { return int64(time.Since(c.start)) }
func (c *httpCall) Clock() int64 { return c.Now() }

// Canceller implements transport.Task.
func (c *httpCall) Canceller() func(cause error) { return c.end }

// Peer implements transport.Stream.
func (c *httpCall) Peer() transport.Peer { return c }

// TLS implements transport.Peer.
func (c *httpCall) TLS() *tls.ConnectionState { return c.r.TLS }

// Endpoint implements transport.Peer.
func (c *httpCall) Endpoint() int { return 0 }

// Take implements transport.Stream: there is no loop that could go on.
func (c *httpCall) Take(*transport.Answer, []byte) (transport.Pipe, transport.Form, []byte, error) {
	return nil, 0, nil, transport.ErrNotHere
}

// Addr implements transport.Peer: the address that r has: middleware may have set one without a port. It is invalid for a unix socket.
func (c *httpCall) Addr() netip.AddrPort {
	if ap, err := netip.ParseAddrPort(c.r.RemoteAddr); err == nil {
		return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	}
	a, err := netip.ParseAddr(c.r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap().WithZone(""), 0)
}

// Local implements transport.Peer.
func (c *httpCall) Local() netip.AddrPort {
	addr, ok := c.r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return addr.AddrPort()
}
