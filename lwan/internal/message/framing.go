package message

import "math"

// What the fields of a request mean for framing, connection and routing. Each rule that refuses is
// decided at the field that breaks it; what only the whole can tell (a missing Host, what
// Connection and Upgrade mean together) in Complete.

// Said is what the fields so far mean for those to come. A parser that stops in the middle of a
// head keeps it, where it does not keep the Head. The zero value is the start of a head of
// HTTP/1.1.
type Said uint8

const (
	OldVersion Said = 1 << iota // HTTP/1.0
	saidHost                    // a Host field
	saidLength                  // a Content-Length field
	saidCoding                  // a Transfer-Encoding field
)

// What Connection named: Head.named.
const (
	connClose uint8 = 1 << iota
	connKeepAlive
	connUpgrade
)

// Interprets says whether a field means something to Interpret.
func (k Known) Interprets() bool { return k-1 < Upgrade }

// Interpret takes what the value v, in buf, of a field means for the whole. The status is 0, or
// that of an Error.
func (h *Head) Interpret(known Known, v Span, buf []byte, said *Said) (status int, reason string) {
	b := v.Of(buf)
	switch known {
	case Host:
		return h.hostField(v, b, said)
	case ContentLength:
		return h.contentLength(b, said)
	case TransferEncoding:
		return h.transferEncoding(b, said)
	case Connection:
		h.connection(b)
	case Expect:
		return h.expect(b, *said)
	}
	return 0, ""
}

// hostField: RFC 9112 section 3.2. Exactly one, and valid; an empty value is valid (RFC 9112
// section 3.3: the authority is then the server's own). The authority of the target, if it has
// one, wins (section 3.2.2).
func (h *Head) hostField(v Span, b []byte, said *Said) (int, string) {
	switch {
	case *said&saidHost != 0:
		return 400, ReasonManyHosts
	case !h.host.is(b):
		if len(b) > 0 && !validAuthority(b, false) {
			return 400, ReasonHost
		}
		h.host.note(b)
	}
	*said |= saidHost
	if h.Form == OriginForm || h.Form == AsteriskForm {
		h.Authority = v
	}
	return 0, ""
}

// contentLength: RFC 9110 section 8.6, RFC 9112 section 6.3. A list of equal values may be taken
// for one or refused; here it is refused, because such a value has been through something that
// joins lines. A value over 2^63-1 is refused too.
func (h *Head) contentLength(b []byte, said *Said) (int, string) {
	if *said&saidCoding != 0 {
		return 400, ReasonLengthCoding
	}
	if *said&saidLength != 0 {
		return 400, ReasonManyLengths
	}
	*said |= saidLength
	n := int64(0)
	for _, c := range b {
		digit := int64(c - '0')
		if digit > 9 {
			return 400, ReasonLength
		}
		if n > (math.MaxInt64-digit)/10 {
			return 400, ReasonLengthRange
		}
		n = n*10 + digit
	}
	if len(b) == 0 {
		return 400, ReasonLength
	}
	h.ContentLength = n
	return 0, ""
}

// transferEncoding: RFC 9112 section 6.1. The one coding implemented is chunked, so the one value
// that is taken is "chunked", once; what else is wrong about a value only chooses the status.
func (h *Head) transferEncoding(b []byte, said *Said) (int, string) {
	switch {
	case *said&OldVersion != 0:
		return 400, ReasonCodingVersion
	case *said&saidLength != 0:
		return 400, ReasonLengthCoding
	case *said&saidCoding != 0:
		return 400, ReasonCodingOrder
	}
	*said |= saidCoding
	if EqualFold(b, "chunked") {
		h.Chunked = true
		return 0, ""
	}
	return codingFault(b)
}

// codingFault says what is wrong with a Transfer-Encoding that is not "chunked": 501 for codings
// that are well-formed and unknown, 400 for the rest. chunked has no parameters (RFC 9112 section
// 7.1) and is the last (section 6.3). Empty list elements are refused here: clients only send them
// to find out which servers ignore them.
func codingFault(b []byte) (int, string) {
	if len(b) == 0 || b[len(b)-1] == ',' {
		return 400, ReasonCoding
	}
	chunked := false
	for len(b) > 0 {
		var coding []byte
		coding, b = CutElement(b)
		n := NameEnd(coding, 0)
		isChunked := EqualFold(coding[:n], "chunked")
		switch {
		case n == 0 || n < len(coding) && (isChunked || trimOWS(coding[n:])[0] != ';'):
			return 400, ReasonCoding
		case chunked:
			return 400, ReasonCodingOrder
		}
		chunked = isChunked
	}
	return 501, ReasonCodingUnknown
}

// connection: RFC 9110 section 7.6.1. Options other than these three name fields, which are of no
// concern here.
func (h *Head) connection(b []byte) {
	for len(b) > 0 {
		var option []byte
		option, b = CutElement(b)
		switch {
		case EqualFold(option, "close"):
			h.named |= connClose
		case EqualFold(option, "keep-alive"):
			h.named |= connKeepAlive
		case EqualFold(option, "upgrade"):
			h.named |= connUpgrade
		}
	}
}

// expect: RFC 9110 section 10.1.1. The only expectation there is is 100-continue; an HTTP/1.0
// client cannot have one.
func (h *Head) expect(b []byte, said Said) (int, string) {
	if said&OldVersion != 0 {
		return 0, ""
	}
	for len(b) > 0 {
		var expectation []byte
		expectation, b = CutElement(b)
		if len(expectation) > 0 && !EqualFold(expectation, "100-continue") {
			return 417, ReasonExpect
		}
		h.Expect100 = h.Expect100 || len(expectation) > 0
	}
	return 0, ""
}

// Complete is the end of a head whose fields are all valid. The status is 0, or that of an Error.
func (h *Head) Complete(said Said) (status int, reason string) {
	old := said&OldVersion != 0
	if said&saidHost == 0 && !old {
		return 400, ReasonNoHost // RFC 9112 section 3.2
	}
	h.KeepAlive = h.named&connClose == 0 && (!old || h.named&connKeepAlive != 0)
	h.Upgrade = !old && h.named&connUpgrade != 0 && h.seen>>Upgrade&1 != 0
	return 0, ""
}
