package http1

import (
	"strconv"

	"github.com/golwan/golwan/lwan/internal/message"
)

const (
	firstStatus = 100
	lastStatus  = 599
)

// statusLines holds the whole line of every code that a server is likely to send, so that writing
// one is a copy.
var statusLines = func() (lines [lastStatus + 1 - firstStatus]string) {
	for i := range lines {
		lines[i] = string(appendStatusLine(nil, firstStatus+i))
	}
	return lines
}()

// AppendStatusLine appends the status line of an answer (RFC 9112 section 4), always HTTP/1.1: the
// version is the server's, not the request's (RFC 9110 section 6.2). The phrase of a code that is
// not registered is empty. A code that is not of three digits would break the message; 500 is
// written for it.
func AppendStatusLine(dst []byte, code int) []byte {
	if code >= firstStatus && code <= lastStatus {
		return append(dst, statusLines[code-firstStatus]...)
	}
	if code < firstStatus || code > 999 {
		code = 500
	}
	return appendStatusLine(dst, code)
}

func appendStatusLine(dst []byte, code int) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, ' ')
	dst = append(dst, message.StatusText(code)...)
	return append(dst, "\r\n"...)
}
