package lwan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/message"
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
		newHTTPCall(w, r).serve(t)
	})
}

// newHTTPCall makes the carrier of one request. It is not pooled: a late cancellation must not reach the next one.
func newHTTPCall(w http.ResponseWriter, r *http.Request) *httpCall {
	return &httpCall{w: w, r: r, ctl: http.NewResponseController(w), start: time.Now(), ended: make(chan struct{})}
}

// httpCall is the carrier of a request that net/http has read.
type httpCall struct {
	w    http.ResponseWriter
	r    *http.Request
	ctl  *http.ResponseController
	req  Request
	resp Response

	fromProxy bool // every peer of the endpoint is trusted

	later func(func()) // runs a function when the answer has been sent; nil: nobody knows when that is
	left  func()       // nil, or told the end of the request, or that its connection was hijacked
	pass  *passage     // nil: w and r are not those of middleware of FromHTTPMiddleware

	head     []byte   // the bytes that the spans of the request's head are in
	given    []string // names of fields of w that became the response's
	start    time.Time
	ended    chan struct{} // closed when the request is cancelled
	once     sync.Once     // of end
	watch    sync.Once     // of draining
	parting  sync.Once     // of left
	unwatch  func() bool
	streams  bool // the answer is not whole when its head is sent
	aborted  bool
	hijacked bool
	stuck    bool        // the client does not take what is written any more
	last     bool        // the connection ends with this answer
	givenUp  atomic.Bool // nothing is to be written any more

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

func (c *httpCall) serve(t *table) {
	if !c.parse() {
		c.refuse(t)
		return
	}
	stop := context.AfterFunc(c.r.Context(), c.clientLeft)
	defer stop()
	c.req.begin(c, t, c.head)
	c.req.route = routeVia(c.r)
	if c.pass != nil {
		c.pass.begin(&c.req)
	}
	c.resp.begin(&c.req)
	c.takeFields()
	done := false
	defer func() { // in a defer because the handler may be unwound
		if !done {
			c.died()
		}
		c.finished()
	}()
	t.answer(&c.req, &c.resp)
	done = true
}

// died ends a request whose handler ended by Goexit.
func (c *httpCall) died() {
	c.resp.hangup = true // Goexit ends the goroutine, and net/http its connection
	c.req.table.abandon(&c.req, &c.resp, c.req.endOf())
	if !c.aborted {
		_ = c.flush() // net/http does not do it for a handler that never returns; who has left needs no answer
	}
}

// finished ends the request: observers, what Defer was given.
func (c *httpCall) finished() {
	if c.unwatch != nil {
		c.unwatch()
	}
	if c.pass != nil {
		c.finishedInside()
		return
	}
	told := false
	defer func() {
		if !told && !c.aborted && !c.hijacked { // an observer has ended the goroutine: net/http sends nothing then
			_ = c.flush() // an error is one of a connection that is over
		}
		c.answered()
	}()
	c.req.table.core.observe(&c.req, &c.resp, time.Since(c.start))
	told = true
}

// answered runs what Defer was given, when the answer has left.
func (c *httpCall) answered() {
	switch {
	case len(c.req.defers) == 0 || c.aborted || c.hijacked:
	case c.streams && c.later != nil: // net/http sends its last chunk when the handler has returned
		c.later(c.over)
		return
	default:
		_ = c.flush() // an error is one of a connection that is over, which changes nothing for them
	}
	c.over()
	if c.aborted {
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
	defer c.forget() // also if one of them ends the goroutine
	c.req.runDefers()
}

// forget ends the request.
func (c *httpCall) forget() {
	c.end(context.Canceled)
	if o, ok := c.w.(interface{ Concluded(failure error) }); ok { // a recorder in a test
		o.Concluded(c.resp.failure)
	}
	if c.aborted && c.pass == nil {
		c.abort()
	}
	removeForm(c.r, c.req.ownLog())
	if c.endBody() {
		c.req.end()
		c.resp.end()
	} else {
		c.req.retire()
	}
	c.leave()
}

// httpLimits bounds what net/http has taken already, within its own limits.
var httpLimits = message.Limits{Line: 1 << 20, Fields: 16 << 20, Count: math.MaxUint16}

// parse fills the head with what net/http has parsed, checked as one from a connection is.
func (c *httpCall) parse() bool {
	r, h := c.r, &c.req.head
	target, rewritten := httpTarget(r)
	c.req.via = &viaHTTP{r: r, pass: c.pass, rewritten: rewritten}
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
	c.head = head
	h.ContentLength, h.Chunked, h.KeepAlive = r.ContentLength, r.ContentLength < 0, !r.Close
	c.req.tls = r.TLS
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
		c.req.cancel(cause)
		close(c.ended)
	})
}

// header copies the response's fields.
func (c *httpCall) header(resp *Response) {
	c.answering.Store(true)
	h := c.w.Header()
	for _, name := range c.given {
		delete(h, name)
	}
	if resp.ctype != "" {
		h.Set("Content-Type", resp.ctype)
	} else {
		h["Content-Type"] = nil // no guessing
	}
	resp.withDefaults(func(name, value string) { h.Add(name, value) })
	if resp.hangup || c.bodyBroken() {
		h.Set("Connection", "close")
	}
	c.last = c.r.Close || h.Get("Connection") == "close"
	c.writeWithin()
}

func (c *httpCall) finish(resp *Response, st Status) {
	if c.pass != nil {
		c.finishInside(resp, st)
		return
	}
	c.endReading()
	resp.hangup = resp.hangup || c.muchLeft()
	c.header(resp)
	c.lingerForRest()
	n := int64(resp.bodyLen())
	if n == 0 && c.req.method == "HEAD" && resp.length >= 0 {
		n = resp.length
	}
	switch {
	case resp.trailing(st):
		c.announce(resp)
	case !st.bodyless() && (n > 0 || resp.length == 0 || c.req.method != "HEAD"):
		c.w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	}
	c.w.WriteHeader(int(st))
	if !st.bodyless() && c.req.method != "HEAD" {
		resp.unsetText()
		if err := c.stream(resp.body); err != nil {
			resp.stick(err)
			return
		}
	}
	if resp.trailing(st) {
		c.setTrailers(resp)
	}
	c.lingerBehindLast()
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
	if c.pass != nil && c.req.limits.Write == c.pass.limits.Write && c.req.writeBy.IsZero() {
		return // the server's own will do
	}
	_ = c.ctl.SetWriteDeadline(deadlineIn(pause(c.req.limits.Write, c.req.writeBy))) // not every writer can
	if c.givenUp.Load() {                                                            // meanwhile, or before
		_ = c.ctl.SetWriteDeadline(time.Unix(1, 0))
	}
}

// abandoner implements carrier. A writer that cannot have a deadline takes what is written, sooner or later.
func (c *httpCall) abandoner() func() {
	if c.pass != nil {
		return func() {
			c.pass.abandon()
			c.end(ErrGone)
		}
	}
	return func() {
		c.givenUp.Store(true)
		_ = c.ctl.SetWriteDeadline(time.Unix(1, 0))
		c.end(ErrGone)
	}
}

func (c *httpCall) startStream(resp *Response, st Status) error {
	if resp.events != nil && !canFlush(c.w) {
		resp.state, resp.status = answerHeld, 0 // so that the error can be answered
		return errNoFlusher
	}
	c.header(resp)
	switch {
	case resp.trailing(st):
		c.announce(resp)
	case resp.length >= 0:
		c.w.Header().Set("Content-Length", strconv.FormatInt(resp.length, 10))
	}
	c.duplex()
	c.streams = true
	c.w.WriteHeader(int(st))
	return nil
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

func (c *httpCall) stream(p []byte) error {
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

func (c *httpCall) streamFile(f *os.File, off, n int64) error {
	for n > 0 {
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

func (c *httpCall) flush() error {
	c.writeWithin()
	if err := c.ctl.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return c.writeError(err)
	}
	return nil
}

func (c *httpCall) endStream(resp *Response) error {
	c.endReading()
	c.setTrailers(resp)
	c.writeWithin()
	return c.readRest()
}

// abort sends what was written of an answer that is given up: who gets nothing at all may ask again. Where its end is that
// of the connection only a reset tells that it is not whole.
func (c *httpCall) abort() {
	if !c.streams || c.stuck {
		return
	}
	if err := c.flush(); err != nil || c.req.head.Minor > 0 || c.resp.length >= 0 {
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

func (c *httpCall) cut() {
	c.endReading()
	c.aborted = !c.hijacked
}

func (c *httpCall) sleep(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.ending():
		return c.req.cancelled()
	}
}

// ending is closed when the request is cancelled, or draining starts if that ends it.
func (c *httpCall) ending() <-chan struct{} {
	if !c.req.drainable.Load() {
		return c.ended
	}
	c.watch.Do(func() { // nothing may wait for draining itself: a channel from outside a bubble of synctest would stop its clock
		c.unwatch = context.AfterFunc(c.req.table.core.stopping, func() { c.end(ErrStopping) })
	})
	return c.ended
}

func (c *httpCall) wait(arm func(wake func()), limit time.Duration) error {
	return waitOn(arm, limit, c.ending(), c.req.cancelled)
}

func (c *httpCall) outlast(arm func(wake func())) { _ = waitOn(arm, 0, nil, nil) } // nothing else can end it

func (c *httpCall) offload(fn func()) error {
	fn()
	return nil
}

func (c *httpCall) blocking(next Handler, req *Request, resp *Response) Status {
	return next(req, resp)
}

func (c *httpCall) readAside(fn func(body io.Reader)) error {
	fn(c.req.Body())
	return nil
}

func (c *httpCall) entered(*route) {}
func (c *httpCall) returned()      {}

func (c *httpCall) onLoop() bool { return false }

func (c *httpCall) canceller() func(cause error) { return c.end }

func (c *httpCall) parent() context.Context  { return context.WithoutCancel(c.r.Context()) }
func (c *httpCall) elapsed() time.Duration   { return time.Since(c.start) }
func (c *httpCall) drained() <-chan struct{} { return c.req.table.core.draining }
func (c *httpCall) secure() bool             { return c.r.TLS != nil }

// unwind implements carrier. A goroutine that only reads or writes for the handler is left alone.
func (c *httpCall) unwind() {
	if onStackOf("lwan.(*httpCall).serve") {
		c.req.state.Store(stateUnwinding)
		runtime.Goexit()
	}
}

// peer is the address that r has: middleware may have set one without a port. It is invalid for a unix socket.
func (c *httpCall) peer() netip.AddrPort {
	if ap, err := netip.ParseAddrPort(c.r.RemoteAddr); err == nil {
		return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	}
	a, err := netip.ParseAddr(c.r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap().WithZone(""), 0)
}

func (c *httpCall) local() netip.AddrPort {
	addr, ok := c.r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return addr.AddrPort()
}

func (c *httpCall) trusted() bool { return c.fromProxy }
