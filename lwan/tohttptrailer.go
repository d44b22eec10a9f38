package lwan

import (
	"net/http"

	"github.com/golwan/golwan/lwan/internal/message"
)

// takeTrailers keeps those of a request whose body has been read to its end.
func (c *httpCall) takeTrailers() {
	for name, values := range c.r.Trailer {
		if !message.InTrailer(name) {
			continue // as if it had not been sent: net/http leaves out three of them
		}
		for _, v := range values {
			c.req.trailers = append(c.req.trailers, field{name, v})
		}
	}
}

// announce makes net/http send trailers behind the body, whose length it would know otherwise.
func (c *httpCall) announce(resp *Response) { c.w.Header().Set("Trailer", resp.trailerNames()) }

// setTrailers gives net/http the trailers. Of one that was announced it would send a field of the
// same name too.
func (c *httpCall) setTrailers(resp *Response) {
	for _, t := range resp.trailers {
		c.w.Header().Del(t.name)
		c.w.Header().Set(http.TrailerPrefix+t.name, t.value)
	}
}
