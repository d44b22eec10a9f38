// Package scgi encodes the heads of SCGI requests. What comes back is an answer of CGI that ends
// with its connection.
package scgi

import "strconv"

// Head collects the variables of a request. The zero value is ready; Reset lets it be used again.
type Head struct {
	buf []byte
}

// Reset forgets what was added.
func (h *Head) Reset() { h.buf = h.buf[:0] }

// Begin starts with the length of the content, which has to be the first variable, and SCGI, which
// has to be there.
func (h *Head) Begin(length int64) {
	h.Reset()
	h.buf = append(h.buf, "CONTENT_LENGTH\x00"...)
	h.buf = append(strconv.AppendInt(h.buf, length, 10), 0)
	h.buf = append(h.buf, "SCGI\x001\x00"...)
}

// Add adds a variable. Neither part may hold a NUL; such a variable is left out, and reported as
// false.
func (h *Head) Add(name, value string) bool {
	for i := range len(name) {
		if name[i] == 0 {
			return false
		}
	}
	for i := range len(value) {
		if value[i] == 0 {
			return false
		}
	}
	h.buf = append(append(h.buf, name...), 0)
	h.buf = append(append(h.buf, value...), 0)
	return true
}

// Append appends the head as a netstring. The content follows as it is.
func (h *Head) Append(dst []byte) []byte {
	dst = append(strconv.AppendInt(dst, int64(len(h.buf)), 10), ':')
	return append(append(dst, h.buf...), ',')
}
