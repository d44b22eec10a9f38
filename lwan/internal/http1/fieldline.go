package http1

// Field lines (RFC 9112 section 5): name ":" OWS value OWS CRLF. Nothing may stand before the colon but the name, no line
// may be folded (section 5.2), and neither CR nor LF stands alone (section 2.2): each of these has let one server see
// another request than the next.

// field reads the field line at p.pos, or the blank line that ends them. It is true when there is another line to read.
func (p *parser) field() bool {
	buf, i := p.buf, int(p.pos)
	if i >= len(buf) {
		return p.more(phaseLine, i)
	}
	if buf[i] == '\r' {
		return p.blankLine(i)
	}
	if int(p.count) >= p.lim.Count {
		p.err = Error{431, i, reasonCountLimit}
		return false
	}
	p.line = uint32(i)
	colon := findColon(buf, i)
	if colon == i || colon == len(buf) {
		return p.name() // which says more or refuses: there is no colon, or nothing before it
	}
	known := lookup(buf, i, colon)
	if known == 0 {
		if bad := nameEnd(buf, i); bad != colon {
			return p.refuseName(bad)
		}
	}
	start := colon + 1
	if start < len(buf) && buf[start] == ' ' {
		start++
	}
	cr := valueEnd(buf, start)
	if cr+1 >= len(buf) || buf[cr] != '\r' || buf[cr+1] != '\n' {
		p.mark = uint32(colon)
		return p.cut(cr)
	}
	return p.endLine(known, colon, start, cr)
}

// blankLine ends the section at the CR at i.
func (p *parser) blankLine(i int) bool {
	switch {
	case i+1 == len(p.buf):
		return p.more(phaseLine, i)
	case p.buf[i+1] != '\n':
		p.err = Error{400, i + 1, reasonLineEnd}
		return false
	}
	p.phase, p.pos = phaseEnded, uint32(i+2)
	return false
}

// name is field up to the colon, for a name that was cut or has a fault. It is true when the value is next.
func (p *parser) name() bool {
	i := nameEnd(p.buf, int(p.pos))
	switch {
	case i == len(p.buf):
		return p.more(phaseName, i)
	case p.buf[i] != ':' || i == int(p.line):
		return p.refuseName(i)
	}
	p.mark, p.pos = uint32(i), uint32(i+1)
	return true
}

// refuseName refuses the name of this line, which cannot go on at i.
func (p *parser) refuseName(i int) bool {
	reason := reasonName
	switch p.buf[i] {
	case ' ', '\t':
		reason = reasonNameSpace
		if i == int(p.line) {
			reason = reasonFold
		}
	case '\r':
		reason = reasonNoColon
	case '\n':
		reason = reasonBareLF
	}
	return p.refuseField(400, i, i, reason)
}

// value is field after the colon, for a value that was cut. It is true when there is another line to read.
func (p *parser) value() bool {
	cr := valueEnd(p.buf, int(p.pos))
	if cr+1 >= len(p.buf) || p.buf[cr] != '\r' || p.buf[cr+1] != '\n' {
		return p.cut(cr)
	}
	line, colon := int(p.line), int(p.mark)
	return p.endLine(lookup(p.buf, line, colon), colon, colon+1, cr)
}

// cut stops in a value that does not go on at cr: the buffer is used up, or the byte is no end of a line.
func (p *parser) cut(cr int) bool {
	buf := p.buf
	switch {
	case cr == len(buf) || buf[cr] == '\r' && cr+1 == len(buf):
		return p.more(phaseValue, cr)
	case buf[cr] == '\r':
		return p.refuseField(400, cr+1, cr+1, reasonLineEnd)
	case buf[cr] == '\n':
		return p.refuseField(400, cr, cr, reasonBareLF)
	}
	return p.refuseField(400, cr, cr, reasonValueByte)
}

// endLine takes a field line whose value, somewhere from start on, ends at cr.
func (p *parser) endLine(known Known, colon, start, cr int) bool {
	h, next := p.h, cr+2
	if next-int(p.fields) > p.lim.Fields {
		return p.overFields()
	}
	f := Field{span(int(p.line), colon), trimSpan(p.buf, start, cr), known}
	p.phase, p.pos, p.line = phaseLine, uint32(next), uint32(next)
	p.count++
	if h == nil {
		return true // a trailer section: its fields are read later, and mean nothing here
	}
	if bit := uint64(1) << known; h.seen&bit == 0 {
		h.seen |= bit
		h.first[known%knownCount] = uint32(len(h.Fields))
	}
	h.Fields = append(h.Fields, f)
	if known-1 < Upgrade {
		return p.meaning(known, f.Value)
	}
	return true
}

// trimSpan is buf[off:end] without the whitespace around it.
func trimSpan(buf []byte, off, end int) Span {
	for off < end && (buf[off] == ' ' || buf[off] == '\t') {
		off++
	}
	for end > off && (buf[end-1] == ' ' || buf[end-1] == '\t') {
		end--
	}
	return span(off, end)
}

// findColon is the index of the first colon from i on, or len(buf).
func findColon(buf []byte, i int) int {
	for ; i+8 <= len(buf); i += 8 {
		if at := octetsEqual(load64(buf, i), ':'); at != 0 {
			return i + firstOctet(at)
		}
	}
	for i < len(buf) && buf[i] != ':' {
		i++
	}
	return i
}

// nameEnd is the index of the first byte from i on that no field name can hold, or len(buf).
func nameEnd(buf []byte, i int) int {
	for i < len(buf) && tokenOctet[buf[i]] {
		i++
	}
	return i
}

// valueEnd is the index of the first byte from i on that no field value can hold, or len(buf): visible ASCII, space, HTAB
// and the bytes above 0x7f may stand in one (RFC 9110 section 5.5).
func valueEnd(buf []byte, i int) int {
	for i+8 <= len(buf) {
		at := controls(load64(buf, i))
		if at == 0 {
			i += 8
			continue
		}
		i += firstOctet(at)
		if buf[i] != '\t' {
			return i
		}
		i++
	}
	for i < len(buf) && (buf[i] >= ' ' && buf[i] != 0x7f || buf[i] == '\t') {
		i++
	}
	return i
}
