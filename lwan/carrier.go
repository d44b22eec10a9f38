package lwan

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// carrier is how a request came and its answer goes: an HTTP/1 connection on a loop, or a net/http handler's call.
// Request and Response know nothing of sockets; a carrier knows nothing of routes. HTTP/2 will be another one.
//
// What may wait returns an error: ErrGone, ErrTimeout, ErrStopping, ErrForeign, or the system's.
type carrier interface {
	// readBody reads the content of the request, freed of its framing, into p: at least one byte, or an error; io.EOF at
	// the end, when trailers are known.
	readBody(p []byte) (int, error)

	// finish sends a whole answer that was held back until now: head and body. It does not wait for the client to take it.
	finish(resp *Response, st Status)
	// startStream sends the head of an answer whose length is not known yet, or given by the handler.
	startStream(resp *Response, st Status) error
	// stream sends a part of the body. It may keep some of it until flush.
	stream(p []byte) error
	streamFile(f *os.File, off, n int64) error
	flush() error
	// endStream ends the body properly, with trailers.
	endStream(resp *Response) error
	// cut gives the answer up, so that the client sees that something is missing.
	cut()
	// interim sends an informational response (RFC 9110 section 15.2).
	interim(st Status, fields []field) error

	// sleep waits until d has passed, then nil, or the request is over.
	sleep(d time.Duration) error
	// wait waits until wake is called, from any goroutine, or limit has passed (errPause; 0: none), or the request is
	// over. arm gets wake before the wait begins.
	wait(arm func(wake func()), limit time.Duration) error
	// offload runs fn on a goroutine, and returns when fn has: however long it takes. ErrBusy: it was not run.
	offload(fn func()) error
	// blocking runs a Blocking handler.
	blocking(next Handler, req *Request, resp *Response) Status
	// readAside runs fn on a goroutine that reads the body, and returns when fn has. ErrBusy: it was not run.
	readAside(fn func(body io.Reader)) error
	// outlast waits until wake is called, whatever becomes of the request meanwhile.
	outlast(arm func(wake func()))
	// entered says that code of the program's runs from here on, and for which route, for the watchdog; nil: none.
	entered(rt *route)
	// returned says that it has ended.
	returned()
	// onLoop reports whether the handler must not block now.
	onLoop() bool
	// canceller returns a function that ends what this request waits for, now and later; from any goroutine, at any time.
	canceller() func(cause error)
	// abandoner returns a function that ends what this request writes and waits for, for good; from any goroutine, while the
	// request is under way. The connection ends with it.
	abandoner() func()
	// parent is what the request's context gets values from, and nothing else.
	parent() context.Context
	// elapsed is the time since the request's head was there.
	elapsed() time.Duration
	// unwind ends the handler where it stands; deferred functions run.
	unwind()
	// drained is closed, or nil and cancelled through the canceller, when draining starts; for waits that end with it.
	drained() <-chan struct{}

	// hijack gives the connection away, with what was read of it too much.
	hijack() (net.Conn, []byte, error)
	// upgrade sends a 101 response and returns the connection for the handler's use while it runs.
	upgrade(resp *Response, proto string) (net.Conn, error)

	// peer is the address of the other end, at no cost; invalid on a unix socket.
	peer() netip.AddrPort
	// trusted reports whether every peer of the endpoint is a trusted proxy.
	trusted() bool
	// local is the address of this end; invalid on a unix socket.
	local() netip.AddrPort
	secure() bool
}

// errPause is what a wait returns when its limit has passed.
var errPause = transport.ErrPause

// field is a field line to be sent.
type field struct{ name, value string }
