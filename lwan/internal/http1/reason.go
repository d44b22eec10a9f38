package http1

import "github.com/golwan/golwan/lwan/internal/message"

func fault(status, offset int, reason string) message.Error {
	return message.Error{Status: status, Offset: offset, Reason: reason}
}

// The reasons of this package's own. They name the rule of the syntax that was broken, never what
// was sent.
const (
	reasonEmptyLines    = "too many empty lines before the request line"
	reasonLineEnd       = "carriage return without line feed"
	reasonBareLF        = "line feed without carriage return"
	reasonRequestLine   = "request line is not: method SP target SP version"
	reasonVersion       = "malformed protocol version"
	reasonMajor         = "protocol version is not HTTP/1.x"
	reasonStatusLine    = "no status line of HTTP/1"
	reasonStatusCode    = "status is not between 100 and 599"
	reasonScript        = "a script's reply has neither Content-Type nor Location nor Status"
	reasonFold          = "field line begins with whitespace"
	reasonNameSpace     = "whitespace before the colon of a field line"
	reasonNoColon       = "field line without a colon"
	reasonChunkSize     = "malformed chunk size"
	reasonChunkRange    = "chunk size out of range"
	reasonChunkLine     = "chunk size line does not end in CRLF"
	reasonChunkData     = "chunk data is not followed by CRLF"
	reasonChunkExt      = "malformed chunk extension"
	reasonChunkExtLimit = "chunk extensions over the limit"
)
