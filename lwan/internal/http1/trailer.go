package http1

import "github.com/golwan/golwan/lwan/internal/message"

// trailerStart is where the parser begins in a trailer section. Having no Head, it checks the lines
// and keeps nothing.
var trailerStart = Resume{phase: phaseLine}

// readTrailer reads the trailer section at buf[i:], or as much of it as is there.
func (c *Chunked) readTrailer(buf []byte, i int) (skip, data int, done bool, err message.Error) {
	p := parser{buf: buf[i:], Resume: c.trailer, lim: message.Limits{
		Fields: int(orDefault32(c.MaxTrailer, DefaultTrailer)),
		Count:  int(orDefault32(c.MaxTrailerCount, DefaultTrailerCount)),
	}}
	switch {
	case p.section():
		c.state, c.trailerLen = chunkDone, p.pos
		return i + int(p.pos), 0, true, message.Error{}
	case p.err.Status != 0:
		p.err.Offset += i
		return i, 0, false, p.err
	}
	c.trailer = p.Resume
	return i, 0, false, message.Error{}
}

// ParseTrailer appends the fields of a trailer section, which Chunked.Next has found valid, to
// fields; their spans are offsets into section. Fields that may not be sent as trailers are left
// out, as if they had not been there: message.InTrailer.
func ParseTrailer(section []byte, fields []message.Field) ([]message.Field, message.Error) {
	p := parser{
		buf: section, Resume: trailerStart,
		lim: message.Limits{Fields: len(section), Count: len(section)},
	}
	if !p.section() {
		if p.err.Status == 0 {
			p.err = fault(400, len(section), reasonLineEnd)
		}
		return fields, p.err
	}
	for line := 0; section[line] != '\r'; {
		colon := message.FindColon(section, line)
		cr := message.ValueEnd(section, colon+1)
		if name := section[line:colon]; message.InTrailer(string(name)) {
			known := message.Lookup(section, line, colon)
			fields = append(fields, message.Field{
				Name:  message.SpanOf(line, colon),
				Value: message.TrimSpan(section, colon+1, cr), Known: known,
			})
		}
		line = cr + 2
	}
	return fields, message.Error{}
}
