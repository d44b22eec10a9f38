package nethttp

import (
	"net/http"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Trailer implements transport.Stream.
func (c *Call) Trailer() (fields []transport.Field) {
	for name, values := range c.r.Trailer {
		if !message.InTrailer(name) {
			continue // as if it had not been sent: net/http leaves out three of them
		}
		for _, v := range values {
			fields = append(fields, transport.Field{Name: name, Value: v})
		}
	}
	return fields
}

// setTrailers gives net/http the trailers. Of one that was announced it would send a field of the
// same name too.
func (c *Call) setTrailers(trailer []transport.Field) {
	for _, t := range trailer {
		c.w.Header().Del(t.Name)
		c.w.Header().Set(http.TrailerPrefix+t.Name, t.Value)
	}
}
