package http1

import "github.com/golwan/golwan/lwan/internal/message"

// Field lines (RFC 9112 section 5): name ":" OWS value OWS CRLF. Nothing may stand before the colon
// but the name, no line may be folded (section 5.2), and neither CR nor LF stands alone (section
// 2.2): each of these has let one server see another request than the next.

// lines reads field lines from p.pos on, up to and including the blank line that ends them. The
// loop takes lines that are whole and right, keeping its place in registers; it stops at any other,
// which is read again with more care.
func (p *parser) lines() bool {
	buf, h := p.buf, p.h
	i, left, over := int(p.pos), p.lim.Count-int(p.count), int(p.fields)+p.lim.Fields
	for i < len(buf) && buf[i] != '\r' && left > 0 {
		colon := message.FindColon(buf, i)
		if colon == i || colon == len(buf) {
			break
		}
		known := message.Lookup(buf, i, colon)
		if known == 0 && message.NameEnd(buf, i) != colon {
			break
		}
		start := colon + 1
		if start < len(buf) && buf[start] == ' ' {
			start++
		}
		cr := message.ValueEnd(buf, start)
		if cr+1 >= len(buf) || buf[cr] != '\r' || buf[cr+1] != '\n' || cr+2 > over {
			break
		}
		v := message.TrimSpan(buf, start, cr)
		if h != nil {
			h.Append(message.Field{Name: message.SpanOf(i, colon), Value: v, Known: known})
		}
		i = cr + 2
		left--
		if known.Interprets() && h != nil {
			p.pos = uint32(i)
			if !p.meaning(known, v) {
				return false
			}
		}
	}
	p.phase, p.line, p.pos, p.count = phaseLine, uint32(i), uint32(i), uint32(p.lim.Count-left)
	return p.lastLine()
}

// lastLine reads the line where lines stopped: it is the blank line, or it is cut, over a limit or
// faulty.
func (p *parser) lastLine() bool {
	buf, i := p.buf, int(p.pos)
	if i >= len(buf) {
		return p.more(phaseLine, i)
	}
	if buf[i] == '\r' {
		return p.blankLine(i)
	}
	if int(p.count) >= p.lim.Count {
		p.err = fault(431, i, message.ReasonCountLimit)
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
		p.err = fault(400, i+1, reasonLineEnd)
		return false
	}
	p.phase, p.pos = phaseEnded, uint32(i+2)
	return true
}

// name reads a name from p.pos on. It is true when the value is next.
func (p *parser) name() bool {
	i := message.NameEnd(p.buf, int(p.pos))
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
	reason := message.ReasonName
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
	cr := message.ValueEnd(p.buf, int(p.pos))
	if cr+1 >= len(p.buf) || p.buf[cr] != '\r' || p.buf[cr+1] != '\n' {
		return p.cut(cr)
	}
	colon := int(p.mark)
	return p.endLine(message.Lookup(p.buf, int(p.line), colon), colon+1, cr)
}

// cut stops in a value that does not go on at cr: the buffer is used up, or the byte is no end of a
// line.
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
	return p.refuseField(400, cr, cr, message.ReasonValueByte)
}

// endLine takes a field line that began in an earlier piece, and whose value, somewhere from start
// on, ends at cr. It is not recorded: the Head will be filled from the start.
func (p *parser) endLine(known message.Known, start, cr int) bool {
	next := cr + 2
	if next-int(p.fields) > p.lim.Fields {
		return p.overFields()
	}
	p.phase, p.pos, p.line = phaseLine, uint32(next), uint32(next)
	p.count++
	return p.h == nil || !known.Interprets() || p.meaning(known, message.TrimSpan(p.buf, start, cr))
}

// meaning takes the value v of a known field line that ended just before p.pos.
func (p *parser) meaning(known message.Known, v message.Span) bool {
	if status, reason := p.h.Interpret(known, v, p.buf, &p.said); status != 0 {
		return p.refuseField(status, int(v.Off), int(p.pos)-1, reason)
	}
	return true
}
