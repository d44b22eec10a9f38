package http1

// Field lines (RFC 9112 section 5): name ":" OWS value OWS CRLF. Nothing may stand before the colon but the name, no line
// may be folded (section 5.2), and neither CR nor LF stands alone (section 2.2): each of these has let one server see
// another request than the next.

// lines reads field lines from p.pos on, up to and including the blank line that ends them. The loop takes lines that are
// whole and right, keeping its place in registers; it stops at any other, which is read again with more care.
func (p *parser) lines() bool {
	buf, h := p.buf, p.h
	i, left, over := int(p.pos), p.lim.Count-int(p.count), int(p.fields)+p.lim.Fields
	for i < len(buf) && buf[i] != '\r' && left > 0 {
		colon := findColon(buf, i)
		if colon == i || colon == len(buf) {
			break
		}
		known := lookup(buf, i, colon)
		if known == 0 && nameEnd(buf, i) != colon {
			break
		}
		start := colon + 1
		if start < len(buf) && buf[start] == ' ' {
			start++
		}
		cr := valueEnd(buf, start)
		if cr+1 >= len(buf) || buf[cr] != '\r' || buf[cr+1] != '\n' || cr+2 > over {
			break
		}
		v := trimSpan(buf, start, cr)
		if h != nil {
			if bit := uint64(1) << known; h.seen&bit == 0 {
				h.seen |= bit
				h.first[known%knownCount] = uint16(len(h.Fields))
			} else {
				h.several |= bit
			}
			h.Fields = append(h.Fields, Field{span(i, colon), v, known})
		}
		i = cr + 2
		left--
		if known-1 < Upgrade && h != nil {
			p.pos = uint32(i)
			if !p.meaning(known, v) {
				return false
			}
		}
	}
	p.phase, p.line, p.pos, p.count = phaseLine, uint32(i), uint32(i), uint32(p.lim.Count-left)
	return p.lastLine()
}

// lastLine reads the line where lines stopped: it is the blank line, or it is cut, over a limit or faulty.
func (p *parser) lastLine() bool {
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
	return p.name() && p.value() && p.lines()
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
	return true
}

// name reads a name from p.pos on. It is true when the value is next.
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

// value reads what is after the colon, from p.pos on. It is true when the line ends well.
func (p *parser) value() bool {
	cr := valueEnd(p.buf, int(p.pos))
	if cr+1 >= len(p.buf) || p.buf[cr] != '\r' || p.buf[cr+1] != '\n' {
		return p.cut(cr)
	}
	colon := int(p.mark)
	return p.endLine(lookup(p.buf, int(p.line), colon), colon+1, cr)
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

// endLine takes a field line that began in an earlier piece, and whose value, somewhere from start on, ends at cr. It is
// not recorded: the Head will be filled from the start.
func (p *parser) endLine(known Known, start, cr int) bool {
	next := cr + 2
	if next-int(p.fields) > p.lim.Fields {
		return p.overFields()
	}
	p.phase, p.pos, p.line = phaseLine, uint32(next), uint32(next)
	p.count++
	return p.h == nil || known-1 >= Upgrade || p.meaning(known, trimSpan(p.buf, start, cr))
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
	for i+16 <= len(buf) {
		at := controls(load64(buf, i))
		if at == 0 {
			i += 8
			if at = controls(load64(buf, i)); at == 0 {
				i += 8
				continue
			}
		}
		i += firstOctet(at)
		if !valueOctet(buf[i]) {
			return i
		}
		i++
	}
	for i < len(buf) && valueOctet(buf[i]) {
		i++
	}
	return i
}

func valueOctet(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' }
