package http1

import "math"

// Defaults of Limits, used for a field that is zero or negative.
const (
	DefaultLine   = 8 << 10
	DefaultFields = 32 << 10
	DefaultCount  = 128
)

// maxEmptyLines is how many empty lines may precede a request line. RFC 9112 section 2.2 asks for at least one; more is
// kind to clients that end a body with CRLF, but a client that sends nothing else must not be listened to for ever.
const maxEmptyLines = 4

// Limits bounds a request head. The zero value means the defaults.
type Limits struct {
	Line   int // bytes of the request line without its CRLF; one more is 414
	Fields int // bytes of all field lines with their CRLFs, without the blank line; one more is 431
	Count  int // number of field lines, at most 65,535; one more is 431
}

// orDefault returns l with its zero fields filled in. A nil l is the zero Limits.
func (l *Limits) orDefault() Limits {
	if l == nil {
		return Limits{DefaultLine, DefaultFields, DefaultCount}
	}
	return Limits{
		Line:   positive(l.Line, DefaultLine),
		Fields: positive(l.Fields, DefaultFields),
		Count:  min(positive(l.Count, DefaultCount), math.MaxUint16),
	}
}

func positive(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}
