package lwan

import (
	"net/http"
	"slices"
	"strings"

	"github.com/golwan/golwan/lwan/internal/message"
)

// checkField says what is wrong with a field that is to be sent with every answer.
func checkField(name, value string) error {
	switch {
	case !message.ValidName(name) || !message.ValidValue(value):
		return &fieldError{name, "has an invalid name or value"}
	case message.IsControl(name), strings.EqualFold(name, "Date"), strings.EqualFold(name, "Content-Type"):
		return &fieldError{name, "is not one for every answer"}
	}
	return nil
}

// informational are the fields that may be sent with an informational response, whoever has made them: it has no content
// and no framing (RFC 9110 sections 6.6.2, 8.6, 15.2; RFC 9112 section 6.1), and does not change the connection.
func informational(fields []field) []field {
	return slices.DeleteFunc(fields, func(f field) bool {
		return !message.ValidName(f.name) || !message.ValidValue(f.value) || message.IsControl(f.name)
	})
}

// fieldsOf lists a header in order of its names.
func fieldsOf(h http.Header) (fields []field) {
	for name, values := range h {
		for _, v := range values {
			fields = append(fields, field{name, v})
		}
	}
	slices.SortStableFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return fields
}

// withDefaults calls f for each field to be sent: the handler's, and those of the server that it has not set.
func (r *Response) withDefaults(f func(name, value string)) {
	for _, d := range r.req.table.core.header {
		if !r.has(d.name) {
			f(d.name, d.value)
		}
	}
	for i := range r.fields {
		f(r.fields[i].name, r.fields[i].value)
	}
}

func (r *Response) has(name string) bool {
	for i := range r.fields {
		if strings.EqualFold(r.fields[i].name, name) {
			return true
		}
	}
	return false
}
