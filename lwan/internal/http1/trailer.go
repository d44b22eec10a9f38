package http1

// trailerStart is where the parser begins in a trailer section. Having no Head, it checks the lines and keeps nothing.
var trailerStart = Resume{phase: phaseLine}

// readTrailer reads the trailer section at buf[i:], or as much of it as is there.
func (c *Chunked) readTrailer(buf []byte, i int) (skip, data int, done bool, err Error) {
	p := parser{buf: buf[i:], Resume: c.trailer, lim: Limits{
		Fields: int(orDefault32(c.MaxTrailer, DefaultTrailer)),
		Count:  int(orDefault32(c.MaxTrailerCount, DefaultTrailerCount)),
	}}
	switch {
	case p.section():
		c.state, c.trailerLen = chunkDone, p.pos
		return i + int(p.pos), 0, true, Error{}
	case p.err.Status != 0:
		p.err.Offset += i
		return i, 0, false, p.err
	}
	c.trailer = p.Resume
	return i, 0, false, Error{}
}

// ParseTrailer appends the fields of a trailer section, which Chunked.Next has found valid, to fields; their spans are
// offsets into section. Fields that may not be sent as trailers are left out, as if they had not been there (RFC 9110
// section 6.5.1): they say how the message is framed, routed, authenticated or read, and that is settled by now.
func ParseTrailer(section []byte, fields []Field) ([]Field, Error) {
	p := parser{buf: section, Resume: trailerStart, lim: Limits{Fields: len(section), Count: len(section)}}
	if !p.section() {
		if p.err.Status == 0 {
			p.err = Error{400, len(section), reasonLineEnd}
		}
		return fields, p.err
	}
	for line := 0; section[line] != '\r'; {
		colon := findColon(section, line)
		cr := valueEnd(section, colon+1)
		if known := lookup(section, line, colon); !forbiddenTrailers[known%knownCount] {
			fields = append(fields, Field{span(line, colon), trimSpan(section, colon+1, cr), known})
		}
		line = cr + 2
	}
	return fields, Error{}
}

var forbiddenTrailers = [knownCount]bool{
	Host: true, ContentLength: true, TransferEncoding: true, Connection: true, Expect: true, Upgrade: true,
	KeepAlive: true, TE: true, Trailer: true, ProxyConnection: true, HTTP2Settings: true, UpgradeInsecureRequests: true,
	Accept: true, AcceptCharset: true, AcceptEncoding: true, AcceptLanguage: true,
	Authorization: true, ProxyAuthorization: true, Cookie: true, SetCookie: true, Origin: true, Forwarded: true,
	XForwardedFor: true, XForwardedHost: true, XForwardedProto: true,
	CacheControl: true, MaxForwards: true, Pragma: true, Range: true,
	IfMatch: true, IfModifiedSince: true, IfNoneMatch: true, IfRange: true, IfUnmodifiedSince: true,
	ContentDisposition: true, ContentEncoding: true, ContentLanguage: true, ContentRange: true, ContentType: true,
}
