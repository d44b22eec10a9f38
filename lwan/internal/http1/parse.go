package http1

import "github.com/golwan/golwan/lwan/internal/message"

// The parser reads a head once, from left to right, and can stop after any byte.
//
//	emptyLine -> method -> target -> version -> lines -----> (blank line) complete -> Done
//	    |          |         |          |       |   ^
//	    |          |         |          |       |   +-- name -> value (of a line that was cut)
//	    +----------+---------+----------+-------+--> More, with the phase in Resume, or Bad
//
// Each name is a method of parser, which either moves on or stops; what it has to know about the
// bytes before it is in Resume. A head that arrives whole runs through them in one pass. When a
// head arrives in pieces, Resume remembers where the last call stopped, and the next one goes on
// there instead of at the beginning, so that a client that sends a byte at a time costs as much as
// it sends, not the square of it. What Resume does not remember is the Head: when the end of the
// head is seen by a call that did not begin at its start, the whole is parsed once more to fill it.
// Before that nothing in the Head is to be relied on, in here either.
//
// The result does not depend on the pieces: a fault is reported as soon as the byte that shows it
// is there, and when there are two, the one that shows first wins. The limits keep to that too: a
// line that is over its limit before its fault shows is over the limit (overLine, overFields).

// Verdict is what Parse made of the bytes so far.
type Verdict uint8

// The verdicts.
const (
	More Verdict = iota // a prefix of a valid head: call again when there are more bytes
	Done                // a valid head; what follows it begins at Head.Size
	Bad                 // no valid head begins like this: answer Error.Status and close
)

// Resume is how far a head has been read that is not complete yet. The zero value is the start of a
// head. It holds no pointers and is small, so that it can be kept for each of many slow clients.
type Resume struct {
	line   uint32 // where the line that is being read begins
	pos    uint32 // first byte not looked at yet
	mark   uint32 // in target, version: where that begins; in value: the colon
	fields uint32 // where the field lines begin
	count  uint32 // field lines before this one; before the request line: empty lines
	phase  phase
	marks  message.TargetMarks
	said   message.Said
}

type phase uint8

// The phases in which more bytes can be wanted; an empty line may be one that begins with the
// request line.
const (
	phaseEmptyLine phase = iota
	phaseMethod
	phaseTarget
	phaseVersion
	phaseLine // at the start of a field line, or of the blank line
	phaseName
	phaseValue
	phaseEnded // after the blank line
)

type parser struct {
	buf []byte
	h   *message.Head
	Resume
	lim message.Limits
	err message.Error
}

// Parse reads a request head from the start of buf, which holds all bytes received so far, with lim
// (nil or zero fields: the defaults). With Done, h describes the head; with More, call again with
// the same r, the same bytes and at least one more; with Bad, the Error says why. r is zero before
// the first call and is made zero again by Done and Bad. Parse keeps neither buf nor h and
// allocates only to let h.Fields grow.
func Parse(buf []byte, h *message.Head, lim *message.Limits, r *Resume) (Verdict, message.Error) {
	var p parser
	p.buf, p.h, p.lim = buf, h, lim.OrDefault()
	h.Reset()
	fresh := r.pos == 0 // then all of *r is zero
	if !fresh {
		p.Resume = *r
	}
	ok := p.run()
	if ok && !fresh {
		p.Resume, *r = Resume{}, Resume{}
		h.Reset()
		ok = p.run()
	}
	if ok {
		p.err = h.Settle()
		ok = p.err.Status == 0
	}
	switch {
	case ok:
		return Done, message.Error{}
	case p.err.Status != 0:
		*r = Resume{}
		return Bad, p.err
	}
	*r = p.Resume
	return More, message.Error{}
}

// run goes on from wherever p stands and is true at the end of a valid head.
func (p *parser) run() bool {
	switch p.phase {
	case phaseEmptyLine:
		if !p.emptyLine() {
			return false
		}
		fallthrough
	case phaseMethod:
		if !p.method() {
			return false
		}
		fallthrough
	case phaseTarget:
		if !p.target() {
			return false
		}
		fallthrough
	case phaseVersion:
		if !p.version() {
			return false
		}
	}
	return p.section() && p.complete()
}

// section reads field lines up to and including the blank line.
func (p *parser) section() bool {
	switch p.phase {
	case phaseName:
		if !p.name() {
			return false
		}
		fallthrough
	case phaseValue:
		if !p.value() {
			return false
		}
	}
	return p.lines() && p.phase == phaseEnded
}

// more stops in phase ph: the buffer is used up, and pos is the first byte that is to be looked at
// (again).
func (p *parser) more(ph phase, pos int) bool {
	p.phase, p.pos = ph, uint32(pos)
	switch ph {
	case phaseEmptyLine, phaseLine:
		return false
	case phaseMethod, phaseTarget, phaseVersion:
		if pos-int(p.line) > p.lim.Line {
			return p.overLine()
		}
	default:
		if len(p.buf)-int(p.fields) > p.lim.Fields {
			return p.overFields()
		}
	}
	return false
}

// refuse stops with a fault of the request line that the byte at shows.
func (p *parser) refuse(status, at int, reason string) bool {
	return p.refuseAt(status, at, at, reason)
}

// refuseAt is refuse for a fault that lies at one byte and shows at a later one.
func (p *parser) refuseAt(status, wrong, at int, reason string) bool {
	if n := at - int(p.line); n > p.lim.Line || n == p.lim.Line && p.buf[at] != '\r' {
		return p.overLine()
	}
	p.err = fault(status, wrong, reason)
	return false
}

// refuseField is refuseAt for field lines.
func (p *parser) refuseField(status, wrong, at int, reason string) bool {
	if at-int(p.fields) >= p.lim.Fields {
		return p.overFields()
	}
	p.err = fault(status, wrong, reason)
	return false
}

func (p *parser) overLine() bool {
	p.err = fault(414, int(p.line)+p.lim.Line, message.ReasonLineLimit)
	return false
}

func (p *parser) overFields() bool {
	p.err = fault(431, int(p.fields)+p.lim.Fields, message.ReasonFieldLimit)
	return false
}

// complete is the end of a head whose lines are all valid.
func (p *parser) complete() bool {
	if status, reason := p.h.Complete(p.said); status != 0 {
		p.err = fault(status, int(p.pos)-2, reason)
		return false
	}
	p.h.Size = int(p.pos)
	return true
}
