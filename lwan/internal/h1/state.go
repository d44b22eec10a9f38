//go:build linux && !golwan_nethttp

package h1

// phase is how far the request under way and its answer have come. Whether the connection goes on
// after it is keep's to say; in the last five states it does not.
//
//	idle ──begin──▶ held ──Head──▶ streaming ──Close──▶ ended ──settle──▶ idle
//	held, streaming, ended ──Cut, a lost write──▶ cut ──settle──▶ idle
//	held, streaming ──Hijack──▶ away        held ──Raw──▶ raw        held ──Take──▶ handed
//	idle ──serveBare──▶ bare ──Take──▶ handed        bare ──settle──▶ idle
//
//	idle       nothing of a request may be used; x is over
//	held       no final head is in out; interim ones may be
//	streaming  the head is in out, or has left; frame says how the content goes on
//	ended      the answer is complete in out, or has left
//	cut        something of it is missing: nothing may follow, or it would be taken for that
//	raw        the handler speaks another protocol on the connection, until settle
//	away       somebody else does on a duplicate of it; the loop only closes its own descriptor
//	handed     a session has the connection, and c is not to be touched
//	bare       nothing of HTTP is spoken: the endpoint's own function has the connection, and
//	           reads and writes past all this
type phase uint8

const (
	idle phase = iota
	held
	streaming
	ended
	cut
	raw
	away
	handed
	bare
)

// frame is how the content of the answer is framed (RFC 9112 section 6.3).
type frame uint8

const (
	noContent frame = iota // what is written is dropped
	byLength
	chunked
	toEnd // by the end of the connection: of clients of HTTP/1.0
)

// content is how far the request's content has been read.
//
//	awaited ──100 sent, or bytes come──▶ coming ──its last byte──▶ read
//	awaited, coming ──malformed, cut short, not in time──▶ broken
//
//	awaited  the client waits for 100 (Continue), and may never send it: nobody knows what its
//	         next bytes are
//	coming   left, or chunks, say what is to come
//	read     pos is where the next request begins; or raw bytes, or those of a session
//	broken   nobody knows where that is: the connection ends with the answer
type content uint8

const (
	read content = iota
	coming
	awaited
	broken
)
