package http1

import "strconv"

// AppendField appends the field line "name: value". Both must be valid (ValidName, ValidValue): what is not checked before
// it comes here can end the head and begin another answer.
func AppendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// LastChunk ends a body in the chunked coding that has no trailer fields.
const LastChunk = "0\r\n\r\n"

// AppendChunkHead appends the line before a chunk of n bytes (RFC 9112 section 7.1); the chunk is followed by CRLF. n is
// positive: a chunk of no bytes is the end of the body.
func AppendChunkHead(dst []byte, n int) []byte {
	return append(strconv.AppendInt(dst, int64(n), 16), "\r\n"...)
}

// ValidName says whether s can be the name of a field: a token (RFC 9110 section 5.1).
func ValidName(s string) bool {
	for i := range len(s) {
		if !tokenOctet[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

// ValidValue says whether s can be the value of a field that we send: no control character but HTAB, so no CR, LF or NUL
// (RFC 9110 section 5.5). Whitespace around it is allowed, and lost on the way.
func ValidValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
