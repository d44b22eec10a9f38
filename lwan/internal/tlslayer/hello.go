package tlslayer

import (
	"errors"
	"net"
)

// ErrPlain is returned for a first record that is none: most likely the client speaks HTTP without
// TLS.
var ErrPlain = errors.New("tls: the first bytes are no TLS handshake")

const (
	recordHeader = 5
	maxHello     = 16 << 10 // RFC 8446 section 5.1: of plaintext, as a ClientHello is

	// A first record's version has to be ignored, by the same section; but letters follow a 22 that
	// is none of TLS.
	strange = 0x10
)

// Hello reports how many bytes are missing at the end of b until the first record of a connection
// is whole, which has the ClientHello or at least its beginning: 0: none. At first that is what a
// record's header takes. So a server needs nothing but the bytes of a client that has not said yet
// what it wants.
func Hello(b []byte) (missing int, err error) {
	const handshake = 22
	if len(b) > 0 && b[0] != handshake || len(b) > 1 && b[1] >= strange {
		return 0, ErrPlain
	}
	if len(b) < recordHeader {
		return recordHeader - len(b), nil
	}
	n := int(b[3])<<8 | int(b[4])
	if n == 0 || n > maxHello {
		return 0, ErrPlain
	}
	return max(recordHeader+n-len(b), 0), nil
}

// Below is the connection that Server was given, for a callback of its Config, which gets another
// one in a ClientHelloInfo; conn itself, if that is none of this package.
func Below(conn net.Conn) net.Conn {
	if c, ok := conn.(*codec); ok {
		return c.over
	}
	return conn
}
