package lwan

import (
	"bytes"

	"github.com/golwan/golwan/lwan/internal/message"
)

// listEnd walks over the elements of a list field from its end: all lines of that name are one list
// (RFC 9110 section 5.3). It is for fields whose elements have no quoted commas.
type listEnd struct {
	fields []message.Field // that are not looked at yet
	buf    []byte
	known  message.Known
	line   []byte // what is left of the line that is read
	inside bool   // there is an element left in line, an empty one perhaps
}

// backward begins at the end of a field.
func (r *Request) backward(k message.Known) listEnd {
	if _, ok := r.head.FindKnown(k); !ok {
		return listEnd{}
	}
	return listEnd{fields: r.head.Fields, buf: r.buf, known: k}
}

// previous returns the element before the last one that was returned, without the blanks around it;
// false: there is none.
func (l *listEnd) previous() (element []byte, ok bool) {
	for !l.inside {
		last := len(l.fields) - 1
		if last < 0 {
			return nil, false
		}
		f := &l.fields[last]
		l.fields = l.fields[:last]
		if f.Known == l.known {
			l.line, l.inside = f.Value.Of(l.buf), true
		}
	}
	at := bytes.LastIndexByte(l.line, ',')
	element = bytes.Trim(l.line[at+1:], " \t")
	l.line, l.inside = l.line[:max(at, 0)], at >= 0
	return element, true
}
