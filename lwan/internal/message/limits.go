package message

import "math"

// Defaults of Limits, used for a field that is zero or negative.
const (
	DefaultLine   = 8 << 10
	DefaultFields = 32 << 10
	DefaultCount  = 128
)

// Limits bounds a request head. The zero value means the defaults.
type Limits struct {
	Line   int // bytes of the request line without its CRLF; one more is 414
	Fields int // bytes of all field lines with their CRLFs, without the blank line; one more is 431
	Count  int // number of field lines, at most 65,535; one more is 431
}

// OrDefault returns l with its zero fields filled in. A nil l is the zero Limits.
func (l *Limits) OrDefault() Limits {
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
