// Package uwsgi encodes the heads of uwsgi requests. What comes back is an answer of HTTP that ends
// with its connection.
package uwsgi

import "encoding/binary"

// MaxSize is how many bytes all variables of a request may have: the protocol counts them with 16
// bits.
const MaxSize = 1<<16 - 1

const headSize = 4

// Begin starts a packet in dst, whose old content is dropped: modifier1 0 stands for a WSGI
// request.
func Begin(dst []byte) []byte { return append(dst[:0], 0, 0, 0, 0) }

// Add adds a variable to a packet that Begin has started.
func Add(dst []byte, name, value string) []byte {
	dst = append(appendLength(dst, len(name)), name...)
	return append(appendLength(dst, len(value)), value...)
}

// appendLength clips what is longer: End refuses the packet then, because of its size.
func appendLength(dst []byte, n int) []byte {
	return binary.LittleEndian.AppendUint16(dst, uint16(min(n, MaxSize)))
}

// End ends the packet. It reports false if there is more than MaxSize in it.
func End(packet []byte) bool {
	n := len(packet) - headSize
	if n > MaxSize {
		return false
	}
	binary.LittleEndian.PutUint16(packet[1:], uint16(n))
	return true
}
