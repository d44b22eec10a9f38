package message

import "slices"

// TargetForm is one of the four forms of a request target (RFC 9112 section 3.2).
type TargetForm uint8

// The forms.
const (
	OriginForm TargetForm = iota // "/where?q=now"
	// "http://www.example.org/pub": any method, although only proxies are sent it
	AbsoluteForm
	AuthorityForm // "www.example.com:80": CONNECT, and only CONNECT
	AsteriskForm  // "*": OPTIONS, and only OPTIONS
)

// Field is one field of a head or of a trailer section. Value is without the whitespace around it,
// and may be empty.
type Field struct {
	Name, Value Span
	Known       Known
}

// Head is a request's head. All spans are offsets into one buffer: that which a parser was given,
// or which a Builder filled. A Head is made to be used again: Reset keeps the array of Fields, so
// that a Head that has seen its largest request costs no allocation any more. It holds nothing of
// use before it is complete.
type Head struct {
	Method, Target Span
	Scheme         Span // absolute-form only, as sent
	// in the target (then it wins over Host: RFC 9112 section 3.2.2), else the Host field's value
	Authority Span
	// still encoded, in the target; may be empty in absolute-form ("/" is meant), else empty if
	// there is none
	Path  Span
	Query Span // after the "?", may be empty
	// bytes of the head: empty lines before it and the blank line after it included
	Size          int
	ContentLength int64 // -1: absent
	Form          TargetForm
	// 0 or 1, of HTTP/1.0 and 1.1; a higher one is served, and shown, as 1 (RFC 9110 section 2.5)
	Minor uint8
	Major uint8 // 2: it came by HTTP/2, and Minor is 1; 0: by HTTP/1
	// It is the CONNECT of RFC 8441 section 4, for a WebSocket: shown and routed as a GET
	WebSocket bool
	HasQuery  bool // there was a "?"
	// Target has bytes that have to be percent-encoded: to show it, use AppendTarget
	BareTarget bool
	// Path is as CleanPath would leave it, so that it can be routed as it is: no "%", no "//", no
	// "/."
	PlainPath bool
	// the client wants the connection to go on: by version and Connection (RFC 9112 section 9.3)
	KeepAlive bool
	Chunked   bool // the body is in the chunked coding
	// the client waits for 100 (Continue); never in HTTP/1.0 (RFC 9110 section 10.1.1)
	Expect100 bool
	// there is an Upgrade field and Connection names it; never in HTTP/1.0 (RFC 9110 section 7.8)
	Upgrade bool
	Status  uint16 // of a reply; 0: it is a request
	Fields  []Field

	seen    uint64             // bit k: a field of Known k is there
	several uint64             // bit k: on more than one line
	first   [knownCount]uint16 // index in Fields of the first of them; meaningless without its bit
	named   uint8              // what Connection named: bits connClose and so on
	host    seenHost
}

// seenHost is the last Host field that was found to be valid, if it is short. Clients send the same
// one with each request of a connection, and to compare costs less than to look at each byte.
type seenHost struct {
	n     uint8
	bytes [31]byte
}

func (s *seenHost) is(b []byte) bool { return string(s.bytes[:s.n]) == string(b) }

func (s *seenHost) note(b []byte) {
	if len(b) <= len(s.bytes) {
		s.n = uint8(copy(s.bytes[:], b))
	}
}

// FindKnown returns the value of the first field of that name; of one that is Ignored when it is
// repeated, if it is not.
func (h *Head) FindKnown(k Known) (Span, bool) {
	if h.seen>>k&1 == 0 || k == 0 {
		return Span{}, false
	}
	return h.Fields[h.first[k]].Value, true
}

// Find returns what FindKnown does for a name in any case. buf is the buffer of the head. A known
// name that is not there is told at once, without a look at the fields.
func (h *Head) Find(buf []byte, name string) (Span, bool) {
	return h.find(buf, name, KnownName(name))
}

func (h *Head) find(buf []byte, name string, k Known) (Span, bool) {
	if k != 0 {
		return h.FindKnown(k)
	}
	for i := range h.Fields {
		if f := &h.Fields[i]; f.Known == 0 && EqualFold(f.Name.Of(buf), name) {
			return f.Value, true
		}
	}
	return Span{}, false
}

// Delete removes all fields that OneVariable finds to be of the name, but for those that are kept.
// What Interpret has made of them stays.
func (h *Head) Delete(buf []byte, name string, kept []Known) {
	old := h.Fields
	h.Fields, h.seen, h.several = old[:0], 0, 0
	for _, f := range old {
		if !OneVariable(f.Name.Of(buf), name) || slices.Contains(kept, f.Known) {
			h.Append(f)
		}
	}
	h.seen &^= h.several & ignoredFields
}

// Drop forgets where everything is in the buffer, which is about to be used for something else:
// look-ups find nothing from then on.
func (h *Head) Drop() {
	h.Method, h.Target, h.Scheme, h.Authority, h.Path, h.Query = Span{},
		Span{}, Span{}, Span{}, Span{}, Span{}
	h.Fields = h.Fields[:0]
	h.seen = 0
}

// Reset forgets the last head. The array first stays: it is read only through the bits of seen.
func (h *Head) Reset() {
	h.Method, h.Target, h.Scheme, h.Authority, h.Path, h.Query = Span{},
		Span{}, Span{}, Span{}, Span{}, Span{}
	h.Size, h.ContentLength, h.Form, h.Minor, h.Major, h.Status = 0, -1, OriginForm, 0, 0, 0
	h.WebSocket = false
	h.HasQuery, h.BareTarget, h.PlainPath, h.KeepAlive, h.Chunked, h.Expect100, h.Upgrade = false,
		false, false, false, false, false, false
	h.Fields = h.Fields[:0]
	h.seen, h.several, h.named = 0, 0, 0
}

// Append appends a field. What its value means for the whole is taken by Interpret.
func (h *Head) Append(f Field) {
	if bit := uint64(1) << f.Known; h.seen&bit == 0 {
		h.seen |= bit
		h.first[f.Known%knownCount] = uint16(len(h.Fields))
	} else {
		h.several |= bit
	}
	h.Fields = append(h.Fields, f)
}
