package lwan

import (
	"context"
	"crypto/tls"
	"iter"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/remains"
	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/router"
)

// Request is what came in, and how its handler waits. It is valid until its handler returns, and
// belongs to the goroutine that runs the handler; a goroutine that outlives the handler may keep
// Context(), strings and nothing else.
//
// A string result is a copy and may be kept. A method whose name ends in Bytes aliases the read
// buffer: its result is valid until the handler returns.
type Request struct {
	_ noCopy

	// constant
	home *exchange // whose it is, to be used again; nil: it never is
	term *term     // nil: it has no end of its own

	// set for each request
	x       *exchange        // of the worker, also where that is parked for a goroutine; nil: of the past
	by      transport.Stream // how it came; nil: of the past
	on      transport.Task   // who runs the handler; nil: of the past
	peer    transport.Peer
	beside  *aside // the Blocking handler that it was made for, beside a loop; nil: none
	trusted bool   // every peer of its endpoint is a trusted proxy
	start   int64  // when its head was there, on the clock of on
	resp    *Response
	table   *table
	route   *route
	detour  *detour // nil: what is asked for is the target
	result  router.Result
	apart   bool          // its chain is to run on a goroutine
	missed  Status        // what is wrong without a look at the routes; 0: nothing
	buf     []byte        // what head's offsets are of
	head    *message.Head // the protocol's, until the exchange's end, or that of edited
	edited  *editedHead   // nil: its fields are as they were sent
	method  string
	path    string // decoded and cleaned; an encoded slash is router.EncodedSlash. Aliases buf or pathBuf
	pathBuf []byte
	params  router.Params
	limits  Limits
	state   atomic.Int32 // one of those below
	serial  uint64       // tells it from the others that are read into the same Request
	was     epitaph
	dead    atomic.Pointer[error] // what a wait returned that the request does not survive
	lost    atomic.Pointer[error] // why the context has ended, or will have once it is made

	readBy, writeBy time.Time   // deadlines that a net/http handler has set; zero: Limits count
	aliased         bool        // the handler holds bytes of buf
	drainable       atomic.Bool // the start of draining ends its waits; set by the handler, read by the loop

	// made when asked for
	pathText string
	query    pairs
	cookies  pairs
	body     body
	reader   *bodyReader
	form     atomic.Pointer[Form] // a goroutine that is left behind may still make it
	ctx      atomic.Pointer[requestContext]
	values   []keyValue
	defers   []func()
	told     int // how many observers know of its end
	log      *slog.Logger
	trailers []transport.Field
	used     usedConns // connections of Dialers that the handler has
	via      *viaHTTP  // nil: it did not come through net/http
}

// headOut reports whether the answer's head has left: then the handler's deadline is over.
func (r *Request) headOut() bool { return r.resp.state.headOut() }

const (
	stateOver      int32 = iota // no handler runs: the Request must not be used
	stateRunning                // the handler runs
	stateUnwinding              // it is being unwound: nothing waits any more
)

type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// begin makes r ready for the request whose head is in h and buf.
func (r *Request) begin(by transport.Stream, on transport.Task, t *table, h *message.Head, buf []byte) {
	r.by, r.on, r.peer, r.table = by, on, by.Peer(), t
	r.head, r.buf = h, buf
	r.start = on.Now()
	r.method = methodName(h.Method.Of(buf))
	r.limits = t.core.limits
	r.state.Store(stateRunning)
	r.aliased, r.reader = false, nil // of whoever has kept it
	r.body.begin(h)
}

// elapsed is the time since the request's head was there. It is for any goroutine.
func (r *Request) elapsed() time.Duration {
	on := r.on
	if on == nil { // of the past
		return 0
	}
	return time.Duration(on.Clock() - r.start)
}

// outside runs op, which calls the protocol or waits, outside of the program's code: the watchdog
// does not look, and if the loop was taken over op begins when the handler has it again. For a
// goroutine that does not run the request it is not run: ErrForeign.
func (r *Request) outside(op func() error) error {
	if r.home != nil && !r.home.here() {
		return ErrForeign
	}
	on := r.on
	if on == nil { // of the past: nothing can be touched
		return op()
	}
	tag := on.LeaveUser()
	defer on.EnterUser(tag)
	return op()
}

// address is the address of the other end; invalid on a unix socket.
func (r *Request) address() (addr netip.AddrPort) {
	_ = r.outside(func() error { addr = r.peer.Addr(); return nil })
	return addr
}

// move makes r use a copy of its head in another buffer.
func (r *Request) move(buf []byte) {
	if r.edited != nil { // it has bytes of its own
		return
	}
	r.buf = buf
	r.query.reset() // what was found points into the old one
	r.cookies.reset()
	if r.plainPath() {
		r.path = alias(r.head.Path.Of(buf))
		r.params.Rebase(r.path)
	}
}

// end forgets everything that belongs to the last request, and keeps buffers.
func (r *Request) end() {
	r.remember()
	r.state.Store(stateOver)
	remains.Of(r.pathBuf[:cap(r.pathBuf)])
	r.by, r.on, r.beside, r.route, r.detour, r.buf = nil, nil, nil, nil, nil, nil
	r.peer = nobody
	if r.dead.Load() != nil {
		r.dead.Store(nil)
	}
	if r.edited != nil {
		r.edited.sent.Drop()
		r.edited, r.head = nil, noHead
	}
	if !r.over() {
		r.head.Drop()
		r.head = noHead
	}
	r.missed, r.aliased, r.told, r.apart = 0, false, 0, false
	r.readBy, r.writeBy = time.Time{}, time.Time{}
	if r.drainable.Load() {
		r.drainable.Store(false)
	}
	r.method, r.path, r.pathText = "", "", ""
	r.result = router.Result{}
	r.params.Reset() // a request that is not routed must not show those of the last one
	r.query.reset()
	r.cookies.reset()
	r.dropForm()
	if c := r.ctx.Load(); c != nil {
		c.end()
		r.ctx.Store(nil)
	}
	if r.lost.Load() != nil {
		r.lost.Store(nil)
	}
	r.body.end(&r.table.core.large)
	r.reader = nil
	r.serial++
	clear(r.values)
	r.values = r.values[:0]
	r.log, r.via = nil, nil
	r.trailers = r.trailers[:0]
}

// noHead and nobody are what a Request has that is over, and not another one's yet: whoever has kept
// it finds nothing there, and can leave nothing. Nobody writes to them.
var (
	noHead = &message.Head{}
	nobody = &peerCopy{}
)

// over reports that.
func (r *Request) over() bool { return r.head == noHead }

// retire ends a request whose Request is not used again.
func (r *Request) retire() {
	r.dropForm()
	if c := r.ctx.Load(); c != nil {
		c.end()
	}
}

// alias makes a string of b without a copy. Sound as long as the string is not used after b's
// buffer is written again; such strings never leave the package.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// methodName returns the method without allocating for the usual ones. Methods are case-sensitive
// (RFC 9110 section 9.1).
func methodName(b []byte) string {
	switch string(b) {
	case "GET":
		return "GET"
	case "HEAD":
		return "HEAD"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "PATCH":
		return "PATCH"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	case "CONNECT":
		return "CONNECT"
	case "TRACE":
		return "TRACE"
	}
	return string(b)
}

// Method is the request's method, as sent: "GET". It is "" for a request that could not be parsed,
// as observers see it.
func (r *Request) Method() string { r.mustLive(); return r.method }

// Path is the path of the target, decoded once, without dot segments and doubled slashes; always
// the full one, also below a group or a mount. A slash that was sent encoded is data of its segment
// and not a separator: it stays "%2F".
func (r *Request) Path() string {
	r.mustLive()
	if r.pathText == "" && r.path != "" {
		r.pathText = strings.ReplaceAll(strings.Clone(r.path), encodedSlash, "%2F")
	}
	return r.pathText
}

const encodedSlash = string(router.EncodedSlash)

// The router finds routes in paths that package message has cleaned: they mean the same byte.
var _ = [1]struct{}{}[router.EncodedSlash-message.EncodedSlash]

// Rest is what the trailing slash or {name...} of the route's pattern matched, decoded as Path is.
func (r *Request) Rest() string {
	r.mustLive()
	return strings.ReplaceAll(strings.Clone(r.rawRest()), encodedSlash, "%2F")
}

// RestBytes is Rest without a copy, with a NUL in place of each slash that was sent encoded. It is
// valid until the handler returns. It is what a lookup by name needs, that allocates nothing.
func (r *Request) RestBytes() []byte {
	r.mustLive()
	rest := r.rawRest()
	r.aliased = true
	return unsafe.Slice(unsafe.StringData(rest), len(rest))
}

// Target is the request target as it was sent (RFC 9112 section 3.2), but for bytes that a URI
// holds only percent-encoded and that clients send bare, as "|" or UTF-8: they are shown encoded.
// So it is always a URI reference of RFC 3986, with
// "[" and "]" besides.
func (r *Request) Target() string {
	r.mustLive()
	if r.via != nil && r.via.call.Rewritten() {
		return string(message.AppendTarget(nil, []byte(r.via.r.RequestURI)))
	}
	return r.canonical(r.head.Target)
}

// canonical is a part of the target as Target shows it.
func (r *Request) canonical(part message.Span) string {
	if r.head.BareTarget {
		return string(message.AppendTarget(nil, part.Of(r.buf)))
	}
	return string(part.Of(r.buf))
}

// Pattern is the pattern of the route, known in all middleware; "" if no route fits (404).
func (r *Request) Pattern() string {
	r.mustLive()
	if r.route == nil {
		return ""
	}
	return r.route.pattern
}

// Host is the host that the request is for, with the port if one was sent: that of an absolute
// target, else the Host field's (RFC 9112 section 3.2.2). It is what the client claims.
func (r *Request) Host() string { r.mustLive(); return string(r.head.Authority.Of(r.buf)) }

// Proto is "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", or "HTTP/3.0" where net/http's code serves it.
func (r *Request) Proto() string {
	r.mustLive()
	switch {
	case r.head.Major == 2, r.via != nil && r.via.r.ProtoMajor == 2:
		return "HTTP/2.0"
	case r.via != nil && r.via.r.ProtoMajor == 3:
		return "HTTP/3.0"
	}
	if r.head.Minor == 0 {
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// TLS describes the encryption of the connection; nil without.
func (r *Request) TLS() (state *tls.ConnectionState) {
	r.mustLive()
	_ = r.outside(func() error { state = r.peer.TLS(); return nil })
	return state
}

// Param is the value of a wildcard of the pattern, decoded; "" if there is none of that name.
func (r *Request) Param(name string) string { r.mustLive(); return strings.Clone(r.param(name)) }

// Header is the value of the field of that name, in any case; "" if there is none. On several lines
// a list is one value, joined with commas. Of a field that has one value, and of names that are not
// known here, the first line counts; or none, or the request was refused: see docs/fields.md.
func (r *Request) Header(name string) string {
	r.mustLive()
	return string(r.headerView(name))
}

// HeaderBytes is Header without a copy: nil if there is no such field. It is valid until the
// handler returns.
func (r *Request) HeaderBytes(name string) []byte {
	r.mustLive()
	v := r.headerView(name)
	r.aliased = r.aliased || v != nil
	return v
}

// headerView is HeaderBytes for what looks at it and forgets it before anything waits.
func (r *Request) headerView(name string) []byte {
	v, _ := r.head.Value(r.buf, name)
	return v
}

// Borrow runs fn. What methods ending in Bytes return in it is valid until fn returns, and not
// until the handler does: so a handler that looks at the request first, and then waits for the
// client, need not keep a buffer of 16 KiB meanwhile.
func (r *Request) Borrow(fn func()) {
	r.mustLive()
	before := r.aliased
	fn()
	r.aliased = before
}

// HeaderAll is the values of all lines of that name as they came, in order; nil if there is none.
func (r *Request) HeaderAll(name string) (all []string) {
	r.mustLive()
	for i := range r.head.Fields {
		f := &r.head.Fields[i]
		if message.EqualFold(f.Name.Of(r.buf), name) {
			all = append(all, string(f.Value.Of(r.buf)))
		}
	}
	return all
}

// Headers walks over all fields in the order and spelling in which they came.
func (r *Request) Headers() iter.Seq2[string, string] {
	r.mustLive()
	return func(yield func(name, value string) bool) {
		for i := range r.head.Fields {
			f := &r.head.Fields[i]
			if !yield(string(f.Name.Of(r.buf)), string(f.Value.Of(r.buf))) {
				return
			}
		}
	}
}

// Trailer is the value of a trailer field of a chunked body, once the body has been read to its
// end.
func (r *Request) Trailer(name string) string {
	r.mustLive()
	for _, f := range r.trailers {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Server is the server that answers the request.
func (r *Request) Server() *Server { r.mustLive(); return r.table.core.srv }

// Log is the logger of this request: the server's, with what SetLog added. A handler on the loop
// waits for it as for anything else that it calls.
func (r *Request) Log() *slog.Logger {
	r.mustLive()
	if r.log != nil {
		return r.log
	}
	return r.table.core.given
}

// SetLog replaces the request's logger. The line that the server writes when the request fails goes
// to it too.
func (r *Request) SetLog(l *slog.Logger) {
	if r.mustLive(); !r.over() {
		r.log = l
	}
}

// Defer runs fn when the request is over: after the last byte of the answer has gone to the kernel,
// or the request has died; in reverse order. It runs on the loop, or on the handler's goroutine, and
// must not block. It is for what the answer still needs, as a cache reference; Go's defer is for the
// rest.
func (r *Request) Defer(fn func()) {
	if r.mustLive(); !r.over() {
		r.defers = append(r.defers, fn)
	}
}

// runDefers runs what Defer was given, each once. A panic of one is logged and does not keep the
// others from running, nor does one that ends the goroutine.
func (r *Request) runDefers() {
	for last := len(r.defers) - 1; last >= 0; last = len(r.defers) - 1 {
		fn := r.defers[last]
		r.defers[last] = nil
		r.defers = r.defers[:last]
		r.runDeferred(fn)
	}
}

func (r *Request) runDeferred(fn func()) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			r.ownLog().Error("panic in Defer", "route", r.Pattern(), "panic", v)
		} else if !returned { // Goexit goes on behind this
			r.runDefers()
		}
	}()
	fn()
	returned = true
}

// pause is how long one read or write may wait: limit, or until by if that is set.
func pause(limit time.Duration, by time.Time) time.Duration {
	if by.IsZero() {
		return limit
	}
	return max(time.Until(by), 1)
}

// Context is made on first use. It ends when the client leaves, the handler's time is up, or the
// server stops hard; that of a request whose answer is an event stream or an upgrade also when
// draining starts. It never points at the Request, so a goroutine may keep it, and its values,
// after the handler's end; it ends then.
func (r *Request) Context() context.Context {
	r.mustLive()
	c := r.ctx.Load()
	switch {
	case c != nil:
	case r.over():
		return ended(context.Canceled)
	default:
		c = newRequestContext(r)
	}
	return c.outer()
}

// SetContext replaces the request's context by one that derives from it: for tracing and values. A
// deadline that it has is one of the request: whatever waits ends with ErrTimeout then.
func (r *Request) SetContext(ctx context.Context) {
	r.mustLive()
	if r.over() {
		return
	}
	r.Context()
	r.ctx.Load().replace(ctx, r.canceller())
}
