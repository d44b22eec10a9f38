package http1

import "strconv"

// AppendField appends the field line "name: value". Both must be valid (message.ValidName and
// message.ValidValue): what is not checked before it comes here can end the head and begin another
// answer.
func AppendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// LastChunk ends a body in the chunked coding that has no trailer fields.
const LastChunk = "0\r\n\r\n"

// AppendChunkHead appends the line before a chunk of n bytes (RFC 9112 section 7.1); the chunk is
// followed by CRLF. n is positive: a chunk of no bytes is the end of the body.
func AppendChunkHead(dst []byte, n int) []byte {
	return append(strconv.AppendInt(dst, int64(n), 16), "\r\n"...)
}
