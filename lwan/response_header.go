package lwan

import (
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// checkField says what is wrong with a field that is to be sent with every answer.
func checkField(name, value string) error {
	switch {
	case !message.ValidName(name) || !message.ValidValue(value):
		return &fieldError{name, "has an invalid name or value"}
	case message.IsControl(name), strings.EqualFold(name, "Date"),
		strings.EqualFold(name, "Content-Type"):
		return &fieldError{name, "is not one for every answer"}
	}
	return nil
}

// informational are the fields that may be sent with an informational response, wherever they come
// from: it has no content and no framing (RFC 9110 sections 6.6.2, 8.6, 15.2; RFC 9112 section
// 6.1), and does not change the connection.
func informational(fields []transport.Field) []transport.Field {
	return slices.DeleteFunc(fields, func(f transport.Field) bool {
		return !message.ValidName(f.Name) || !message.ValidValue(f.Value) ||
			message.IsControl(f.Name)
	})
}

// fieldsOf lists a header in order of its names.
func fieldsOf(h http.Header) (fields []transport.Field) {
	for name, values := range h {
		for _, v := range values {
			fields = append(fields, transport.Field{Name: name, Value: v})
		}
	}
	slices.SortStableFunc(fields, func(a, b transport.Field) int {
		return strings.Compare(a.Name, b.Name)
	})
	return fields
}

// eachField yields the fields to be sent: the handler's, and those of the server that it has not
// set; and which trailers follow, as far as they are known.
func (r *Response) eachField(yield func(name, value string) bool) {
	if r.ctype != "" && !yield("Content-Type", r.ctype) {
		return
	}
	for _, d := range r.req.table.core.header {
		if !r.has(d.Name) && !yield(d.Name, d.Value) {
			return
		}
	}
	for i := range r.fields {
		if !yield(r.fields[i].Name, r.fields[i].Value) {
			return
		}
	}
	if r.answer.Length == transport.Unknown && len(r.trailers) > 0 && r.req.head.Minor == 1 {
		yield("Trailer", r.trailerNames())
	}
}

// Headers walks over all fields that were set so far, Content-Type first. HeaderAll says what is not
// among them.
func (r *Response) Headers() iter.Seq2[string, string] {
	r.mustLive()
	return func(yield func(name, value string) bool) {
		r.mustLive()
		if r.ctype != "" && !yield("Content-Type", r.ctype) {
			return
		}
		for i := 0; i < len(r.fields); i++ { // the loop's body may set fields
			if !yield(r.fields[i].Name, r.fields[i].Value) {
				return
			}
		}
	}
}

func (r *Response) has(name string) bool {
	for i := range r.fields {
		if strings.EqualFold(r.fields[i].Name, name) {
			return true
		}
	}
	return false
}
