package http1

import "math"

// What the fields mean for framing, connection and routing. Each rule that refuses is decided at the end of the line that
// breaks it; what only the whole can tell (a missing Host, what Connection and Upgrade mean together) in complete.

// What Connection named: Head.named.
const (
	connClose uint8 = 1 << iota
	connKeepAlive
	connUpgrade
)

// meaning takes the value v of a known field line that ended just before p.pos.
func (p *parser) meaning(known Known, v Span) bool {
	b := v.Of(p.buf)
	status, reason := 0, ""
	switch known {
	case Host:
		status, reason = p.host(v, b)
	case ContentLength:
		status, reason = p.contentLength(b)
	case TransferEncoding:
		status, reason = p.transferEncoding(b)
	case Connection:
		p.connection(b)
	case Expect:
		status, reason = p.expect(b)
	}
	if status != 0 {
		return p.refuseField(status, int(v.Off), int(p.pos)-1, reason)
	}
	return true
}

// host: RFC 9112 section 3.2. Exactly one, and valid; an empty value is valid (RFC 9112 section 3.3: the authority is then
// the server's own). The authority of the target, if it has one, wins (section 3.2.2).
func (p *parser) host(v Span, b []byte) (int, string) {
	switch {
	case p.flags&seenHost != 0:
		return 400, reasonManyHosts
	case len(b) > 0 && !validAuthority(b, false):
		return 400, reasonHost
	}
	p.flags |= seenHost
	if p.h.Form == OriginForm || p.h.Form == AsteriskForm {
		p.h.Authority = v
	}
	return 0, ""
}

// contentLength: RFC 9110 section 8.6, RFC 9112 section 6.3. A list of equal values may be taken for one or refused; here
// it is refused, because who sends it has been through something that joins lines. A value over 2^63-1 is refused too.
func (p *parser) contentLength(b []byte) (int, string) {
	if p.flags&seenCoded != 0 {
		return 400, reasonLengthCoding
	}
	if p.flags&seenLen != 0 {
		return 400, reasonManyLengths
	}
	p.flags |= seenLen
	n := int64(0)
	for _, c := range b {
		digit := int64(c - '0')
		if digit > 9 {
			return 400, reasonLength
		}
		if n > (math.MaxInt64-digit)/10 {
			return 400, reasonLengthRange
		}
		n = n*10 + digit
	}
	if len(b) == 0 {
		return 400, reasonLength
	}
	p.h.ContentLength = n
	return 0, ""
}

// transferEncoding: RFC 9112 section 6.1. The one coding implemented is chunked, so the one value that is taken is
// "chunked", once; what else is wrong about a value only chooses the status.
func (p *parser) transferEncoding(b []byte) (int, string) {
	switch {
	case p.flags&oldMinor != 0:
		return 400, reasonCodingVersion
	case p.flags&seenLen != 0:
		return 400, reasonLengthCoding
	case p.flags&seenCoded != 0:
		return 400, reasonCodingOrder
	}
	p.flags |= seenCoded
	if equalFold(b, "chunked") {
		p.h.Chunked = true
		return 0, ""
	}
	return codingFault(b)
}

// codingFault says what is wrong with a Transfer-Encoding that is not "chunked": 501 for codings that are well-formed and
// unknown, 400 for the rest. chunked has no parameters (RFC 9112 section 7.1) and is the last (section 6.3). Empty list
// elements are refused here: nobody sends them but to find out who ignores them.
func codingFault(b []byte) (int, string) {
	if len(b) == 0 || b[len(b)-1] == ',' {
		return 400, reasonCoding
	}
	chunked := false
	for len(b) > 0 {
		var coding []byte
		coding, b = cutElement(b)
		n := nameEnd(coding, 0)
		isChunked := equalFold(coding[:n], "chunked")
		switch {
		case n == 0 || n < len(coding) && (isChunked || trimOWS(coding[n:])[0] != ';'):
			return 400, reasonCoding
		case chunked:
			return 400, reasonCodingOrder
		}
		chunked = isChunked
	}
	return 501, reasonCodingUnknown
}

// connection: RFC 9110 section 7.6.1. Options other than these three name fields, which are of no concern here.
func (p *parser) connection(b []byte) {
	for len(b) > 0 {
		var option []byte
		option, b = cutElement(b)
		switch {
		case equalFold(option, "close"):
			p.h.named |= connClose
		case equalFold(option, "keep-alive"):
			p.h.named |= connKeepAlive
		case equalFold(option, "upgrade"):
			p.h.named |= connUpgrade
		}
	}
}

// expect: RFC 9110 section 10.1.1. The only expectation there is is 100-continue; an HTTP/1.0 client cannot have one.
func (p *parser) expect(b []byte) (int, string) {
	if p.flags&oldMinor != 0 {
		return 0, ""
	}
	for len(b) > 0 {
		var expectation []byte
		expectation, b = cutElement(b)
		if len(expectation) > 0 && !equalFold(expectation, "100-continue") {
			return 417, reasonExpect
		}
		p.h.Expect100 = p.h.Expect100 || len(expectation) > 0
	}
	return 0, ""
}

// complete is the end of a head whose lines are all valid.
func (p *parser) complete() bool {
	h := p.h
	if p.flags&(seenHost|oldMinor) == 0 {
		p.err = Error{400, int(p.pos) - 2, reasonNoHost} // RFC 9112 section 3.2
		return false
	}
	h.Size = int(p.pos)
	if h.named != 0 || p.flags&oldMinor != 0 {
		h.KeepAlive = h.named&connClose == 0 && (h.Minor == 1 || h.named&connKeepAlive != 0)
		h.Upgrade = h.Minor == 1 && h.named&connUpgrade != 0 && h.seen>>Upgrade&1 != 0
	}
	return true
}

// cutElement takes the first element off a comma-separated list, without the whitespace around it. Elements may be empty
// (RFC 9110 section 5.6.1.2); none of the lists here may hold a quoted comma.
func cutElement(b []byte) (element, rest []byte) {
	for i, c := range b {
		if c == ',' {
			return trimOWS(b[:i]), b[i+1:]
		}
	}
	return trimOWS(b), nil
}

func trimOWS(b []byte) []byte { return trimSpan(b, 0, len(b)).Of(b) }
