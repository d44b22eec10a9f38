package transport

import (
	"crypto/tls"
	"net"
	"net/netip"
	"os"
)

// Stream is how a request came and its answer goes: one face for each protocol. For what may wait
// the errors are those of this package, a *BodyError, io.ErrUnexpectedEOF for content that its
// sender has cut short, or the system's. How long one call may wait without progress says
// Exchange.Pauses.
//
//	held ──Interim──▶ held ──Head──▶ streaming ──Close──▶ ended
//	held ──Raw | Hijack | Take──▶ taken                streaming ──Hijack──▶ taken
//	held | streaming ──Cut──▶ cut
//
// In the last three states nothing more can be sent: the calls do nothing, or return ErrOver.
type Stream interface {
	Peer() Peer

	// Read reads content of the request, freed of its framing: at least one byte, or an error;
	// io.EOF at the end, when Trailer is known. on is who waits for it: the exchange's own task, or
	// that of a second worker of the same loop, which reads ahead for a handler on a goroutine
	// while the first one writes. A nil on does not wait: ErrAgain says that nothing is there yet.
	// With an empty p it waits until there is something to be read, or to be told, and reads
	// nothing: so who waits long holds no buffer.
	//
	// There may be two readers, so each says who it is: it parks itself, and the protocol has to
	// know that the other one writes meanwhile, as a reader flushes nothing then.
	Read(on Task, p []byte) (int, error)
	// Unread ends what another reader than the exchange's own task waits for in Read, with ErrOver,
	// and whatever it would wait for; the next call of the own task takes that back. It reports
	// whether nobody reads any more.
	Unread() (quiet bool)
	// Trailer is the request's trailers, once Read has returned io.EOF. It is valid until the
	// exchange's end.
	Trailer() []Field

	// Interim sends an informational response (RFC 9110 section 15.2); clients of HTTP/1.0 get
	// none.
	Interim(a *Answer) error
	// Head begins the answer. It may hold the head back until Flush or Close.
	Head(a *Answer) error
	// Write sends a part of the content. It may keep some of it until Flush or Close.
	Write(p []byte) error
	// File sends n bytes of f from off on. io.ErrUnexpectedEOF: f has fewer.
	File(f *os.File, off, n int64) error
	// Flush sends what is held back, of earlier answers too.
	Flush() error
	// Close ends the content properly, with trailers.
	Close(trailer []Field) error
	// Cut gives the answer up, so that the client sees that something is missing; or ends a
	// connection that was taken.
	Cut()

	// Raw sends a 101 response that switches to proto (RFC 9110 section 7.8), and returns the
	// connection while the handler runs: for calls that park on where that is Inline, else one of
	// package net. rest was read of it too much. A WebSocket of HTTP/2 is a stream, and gets 200 in
	// place of 101; where on is not Inline conn is nil then, and who runs the exchange reads and
	// writes it by Read and Write.
	Raw(on Task, proto string, a *Answer) (conn net.Conn, rest []byte, err error)
	// Hijack gives the connection away for good, as one of package net.
	Hijack() (conn net.Conn, rest []byte, err error)
	// Take leaves the connection to a session: it sends the head a with the first bytes of the
	// content, and p.Attach has to follow at once. The Stream has nothing to do with it from then
	// on. f is how what follows is framed, rest was read too much. ErrNotHere: the content cannot
	// go on without a handler.
	Take(a *Answer, first []byte) (p Pipe, f Form, rest []byte, err error)
}

// Peer is what is known of the two ends.
type Peer interface {
	// Addr is the address of the other end; invalid on a unix socket.
	Addr() netip.AddrPort
	// Local is the address of this end; invalid on a unix socket.
	Local() netip.AddrPort
	// TLS describes the encryption; nil without.
	TLS() *tls.ConnectionState
	// Endpoint is the number of the endpoint that the connection came in by.
	Endpoint() int
}

// Form is how content is framed on a Pipe.
type Form uint8

const (
	Plain   Form = iota // as it is: the end of the connection is that of the content
	Chunk               // in the chunked coding of HTTP/1.1
	Message             // in frames of a WebSocket, each part of the content in whole ones
)
