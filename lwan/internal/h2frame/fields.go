package h2frame

import (
	"errors"
	"strings"

	"golang.org/x/net/http2/hpack"

	"github.com/golwan/golwan/lwan/internal/message"
)

// Fields decodes the field blocks of one connection. All of them have to go through it, in their
// order, whatever becomes of their streams: HPACK keeps a table (RFC 7541).
//
// What a field section costs is bounded by what it stands for, not by what was sent: a byte can
// stand for all of a table's largest entry. Names, values and 32 bytes for each field are counted
// (RFC 9113 section 6.5.2). A section over the limit is refused with 431; one of twice as much ends
// the connection, and nothing of it is looked at any more.
type Fields struct {
	dec    *hpack.Decoder
	limits message.Limits

	// of the section under way
	b       message.Builder
	size    int
	count   int
	bad     string // malformed, and why (RFC 9113 section 8.1.1)
	refused message.Error
	flood   bool
	trailer func(name, value string) // takes its fields; nil: it is a request's head
	pseudo  pseudo
	lined   bool   // the pseudo-fields have been taken
	cookie  string // the first one
	crumbs  []byte // all, if there are several
}

// pseudo are the pseudo-fields of a request (RFC 9113 section 8.3.1; RFC 8441).
type pseudo struct {
	seen                                      uint8
	method, scheme, authority, path, protocol string
}

const (
	seenMethod = 1 << iota
	seenScheme
	seenAuthority
	seenPath
	seenProtocol
)

// DefaultTable is the size of a table in HPACK's own count as long as nothing else is said.
const DefaultTable = 4096

// NewFields makes a decoder with lim as the limits of heads. table is how large the client's table
// may become; it may use DefaultTable until it has acknowledged less: SetTable.
func NewFields(table uint32, lim message.Limits) *Fields {
	f := &Fields{limits: lim.OrDefault()}
	f.dec = hpack.NewDecoder(DefaultTable, f.field)
	f.dec.SetMaxStringLength(2 * f.limits.Fields)
	if table > DefaultTable {
		f.SetTable(table)
	}
	return f
}

// SetTable bounds the client's table, once it has acknowledged that.
func (f *Fields) SetTable(table uint32) { f.dec.SetAllowedMaxDynamicTableSize(table) }

// Request decodes the head of a request into h, whose bytes go to buf from its start on: it returns
// those. end says that no content follows. A head that is refused gets an answer with that status;
// one with a bad error of its stream gets none. Whatever it is, the block has been decoded.
func (f *Fields) Request(block []byte, stream uint32, end bool, h *message.Head, buf []byte) (
	head []byte, refused message.Error, bad Error,
) {
	f.begin(nil)
	f.b.Begin(h, buf, &f.limits)
	if bad = f.decode(block, stream); bad.Bad() {
		return buf, refused, bad
	}
	if f.ok() && !f.lined {
		f.line()
	}
	if f.ok() {
		f.addCookie()
	}
	if f.ok() {
		buf, f.refused = f.b.End()
	}
	if f.ok() {
		f.frame(h, end)
	}
	if f.bad != "" {
		return buf, refused, Error{ProtocolError, stream, f.bad}
	}
	return buf, f.refused, Error{}
}

// frame says that it is a head of HTTP/2, and how the content is framed: by its stream, which a
// Content-Length has to agree with (RFC 9113 section 8.1.1).
func (f *Fields) frame(h *message.Head, end bool) {
	h.Major = 2
	switch {
	case f.pseudo.method == "CONNECT": // what follows is no content (RFC 9113 section 8.5)
		if h.WebSocket = f.pseudo.seen&seenProtocol != 0; h.ContentLength >= 0 {
			f.bad = "content-length in a CONNECT"
		}
	case !end:
		h.Chunked = h.ContentLength < 0
	case h.ContentLength > 0:
		f.bad = "content-length without content"
	}
}

// Trailers decodes a trailer section: add is called for each field that may be one
// (message.InTrailer).
func (f *Fields) Trailers(block []byte, stream uint32, add func(name, value string)) Error {
	f.begin(add)
	bad := f.decode(block, stream)
	switch {
	case bad.Bad():
	case f.bad != "":
		bad = Error{ProtocolError, stream, f.bad}
	case f.refused.Status != 0:
		bad = Error{EnhanceYourCalm, stream, f.refused.Reason}
	}
	f.trailer = nil
	return bad
}

// Skip decodes a block whose stream is of no interest.
func (f *Fields) Skip(block []byte) Error {
	f.begin(nil)
	f.bad = "of no interest"
	return f.decode(block, 0)
}

func (f *Fields) begin(add func(name, value string)) {
	f.size, f.count, f.bad, f.refused, f.flood = 0, 0, "", message.Error{}, false
	f.trailer, f.pseudo, f.lined = add, pseudo{}, false
	f.cookie, f.crumbs = "", nil
	f.dec.SetEmitEnabled(true)
}

// decode lets HPACK read a block. Its errors end the connection: the table is out of step.
func (f *Fields) decode(block []byte, stream uint32) Error {
	_, err := f.dec.Write(block)
	if err == nil {
		err = f.dec.Close()
	}
	switch {
	case f.flood, errors.Is(err, hpack.ErrStringLength):
		return Error{EnhanceYourCalm, 0, "field section far over the limit"}
	case err != nil:
		return Error{CompressionError, 0, "field block that cannot be decoded"}
	}
	return Error{}
}

// ok reports whether nothing was found yet that ends the stream, or is answered at once.
func (f *Fields) ok() bool { return f.bad == "" && f.refused.Status == 0 }

// field takes a field from HPACK.
func (f *Fields) field(hf hpack.HeaderField) {
	f.count++
	f.size += len(hf.Name) + len(hf.Value) + 32
	if f.size > f.limits.Fields || f.count > f.limits.Count {
		if f.size > 2*f.limits.Fields || f.count > 2*f.limits.Count {
			f.flood = true
			f.dec.SetEmitEnabled(false)
		}
		if f.ok() {
			f.refused = message.Error{Status: 431, Reason: message.ReasonFieldLimit}
		}
		return
	}
	switch {
	case !f.ok():
	case f.trailer != nil:
		f.addTrailer(hf.Name, hf.Value)
	case strings.HasPrefix(hf.Name, ":"):
		f.addPseudo(hf.Name, hf.Value)
	default:
		if !f.lined {
			f.line()
		}
		if f.ok() {
			f.add(hf.Name, hf.Value)
		}
	}
}

// addPseudo takes a pseudo-field: each once, before all others (RFC 9113 section 8.3).
func (f *Fields) addPseudo(name, value string) {
	p := &f.pseudo
	var bit uint8
	var at *string
	switch name {
	case ":method":
		bit, at = seenMethod, &p.method
	case ":scheme":
		bit, at = seenScheme, &p.scheme
	case ":authority":
		bit, at = seenAuthority, &p.authority
	case ":path":
		bit, at = seenPath, &p.path
	case ":protocol":
		bit, at = seenProtocol, &p.protocol
	}
	switch {
	case bit == 0:
		f.bad = "unknown pseudo-field"
	case f.lined:
		f.bad = "pseudo-field behind a field"
	case p.seen&bit != 0:
		f.bad = "pseudo-field twice"
	case value == "":
		f.bad = "empty pseudo-field"
	default:
		p.seen |= bit
		*at = value
	}
}

// line makes method and target of the pseudo-fields, and a Host field.
func (f *Fields) line() {
	f.lined = true
	p := &f.pseudo
	method, target := p.method, p.path
	switch need := uint8(seenMethod | seenScheme | seenPath); {
	case p.seen&seenProtocol != 0: // RFC 8441 section 4
		if p.method != "CONNECT" || p.seen&(need|seenAuthority) != need|seenAuthority {
			f.bad = ":protocol without CONNECT, or a pseudo-field is missing"
		} else if target[0] != '/' {
			f.bad = ":path is no path"
		} else if p.protocol != "websocket" {
			f.refused = message.Error{Status: 501, Reason: "this protocol is not spoken here"}
		}
		method = "GET"
	case p.method == "CONNECT" && p.seen != seenMethod|seenAuthority: // RFC 9113 section 8.5
		f.bad = "CONNECT with other pseudo-fields than :authority"
	case p.method == "CONNECT":
		target = p.authority
	case p.seen&need != need:
		f.bad = "a pseudo-field is missing"
	case target[0] != '/' && target != "*":
		f.bad = ":path is no path"
	}
	if !f.ok() {
		return
	}
	if f.refused = f.b.Line(method, target, 1); f.ok() && p.seen&seenAuthority != 0 {
		f.refused = f.b.Add("host", p.authority)
	}
}

// add takes a field of a request (RFC 9113 section 8.2).
func (f *Fields) add(name, value string) {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		f.bad = "field of a connection"
		return
	case "te":
		if !strings.EqualFold(value, "trailers") {
			f.bad = "TE that is not trailers"
			return
		}
	case "host":
		if f.pseudo.seen&seenAuthority != 0 { // RFC 9113 section 8.3.1: it says the same
			if !strings.EqualFold(value, f.pseudo.authority) {
				f.bad = "Host differs from :authority"
			}
			return
		}
		if value == "" {
			f.bad = "empty Host"
			return
		}
	}
	if f.bad = fieldFault(name, value); f.bad != "" {
		return
	}
	if name == "cookie" {
		f.crumb(value)
		return
	}
	f.refused = f.b.Add(name, value)
}

// crumb takes a part of the cookies. Clients cut them, so that each is packed by itself; who is not
// of HTTP/2 has to see them whole: scripts and backends look at one field (RFC 9113 section 8.2.3).
func (f *Fields) crumb(value string) {
	switch {
	case f.cookie == "":
		f.cookie = value
	case value == "":
	case len(f.crumbs) == 0:
		f.crumbs = append(f.crumbs, f.cookie...)
		fallthrough
	default:
		f.crumbs = append(append(f.crumbs, "; "...), value...)
	}
}

// addCookie adds the whole of them.
func (f *Fields) addCookie() {
	switch {
	case len(f.crumbs) > 0:
		f.refused = f.b.Add("cookie", string(f.crumbs))
	case f.cookie != "":
		f.refused = f.b.Add("cookie", f.cookie)
	}
	f.cookie, f.crumbs = "", nil // an idle connection holds nothing
}

// addTrailer takes a field of a trailer section.
func (f *Fields) addTrailer(name, value string) {
	switch {
	case strings.HasPrefix(name, ":"):
		f.bad = "pseudo-field in a trailer section"
	default:
		if f.bad = fieldFault(name, value); f.bad == "" && message.InTrailer(name) {
			f.trailer(name, value)
		}
	}
}

// fieldFault says why a field cannot be one (RFC 9113 section 8.2.1); "": it can.
func fieldFault(name, value string) string {
	for i := range len(name) {
		if c := name[i]; c-'A' < 26 || !message.IsToken(c) {
			return "byte not allowed in a field name"
		}
	}
	switch n := len(value); {
	case name == "":
		return "field without a name"
	case n > 0 && (isSpace(value[0]) || isSpace(value[n-1])):
		return "space around a field value"
	case !message.ValidValue(value):
		return "byte not allowed in a field value"
	}
	return ""
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
