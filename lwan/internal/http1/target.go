package http1

import "github.com/golwan/golwan/lwan/internal/message"

// target reads the request target and the space after it. Its bytes are checked as they come, its
// form when its end is known (RFC 9112 section 3.2).
func (p *parser) target() bool {
	buf, i := p.buf, p.marks.Scan(p.buf, int(p.pos))
	switch {
	case i == len(buf):
		return p.more(phaseTarget, i)
	case buf[i] != ' ':
		return p.refuse(400, i, targetFault(buf[i]))
	case i == int(p.mark):
		return p.refuse(400, i, reasonRequestLine)
	}
	method, target := message.SpanOf(int(p.line), int(p.mark)-1), message.SpanOf(int(p.mark), i)
	if err := p.h.SetTarget(buf, method, target, p.marks); err.Status != 0 {
		return p.refuseAt(err.Status, err.Offset, i, err.Reason)
	}
	p.mark, p.pos = uint32(i+1), uint32(i+1)
	return true
}

func targetFault(c byte) string {
	switch c {
	case '\r':
		return reasonRequestLine
	case '\n':
		return reasonBareLF
	}
	return message.ReasonTargetByte
}
