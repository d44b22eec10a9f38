package lwan

import "errors"

// where is the endpoint's address as it is written, or its default.
func (e Endpoint) where() string {
	switch {
	case e.Listener != nil:
		return e.Listener.Addr().String()
	case e.Addr == "":
		return ":8080"
	}
	return e.Addr
}

var errNoTLS = errors.New("TLS is not supported yet; put a proxy that speaks it in front")
