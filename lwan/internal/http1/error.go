package http1

import "strconv"

// Error says why a message was refused and with which status to say so. It is a value: the zero Error (Status 0) means
// that nothing is wrong. Reason is one of this package's constants, so it never holds bytes of the client and may be
// logged or sent as it is.
type Error struct {
	Status int    // 400, 414, 417, 431, 501 or 505
	Offset int    // of the byte, field value or line at fault, from the start of the buffer; 0 where that has no meaning
	Reason string // a constant
}

// Error implements error. The connection cannot be used any more: where the next message begins is unknown.
func (e Error) Error() string {
	return "http1: " + strconv.Itoa(e.Status) + " at byte " + strconv.Itoa(e.Offset) + ": " + e.Reason
}

// The reasons. They name the rule that was broken, never what was sent.
const (
	reasonEmptyLines    = "too many empty lines before the request line"
	reasonLineEnd       = "carriage return without line feed"
	reasonBareLF        = "line feed without carriage return"
	reasonMethod        = "method is not a token"
	reasonRequestLine   = "request line is not: method SP target SP version"
	reasonTargetByte    = "byte not allowed in a request target"
	reasonEscape        = "invalid percent-escape"
	reasonEscapedNUL    = "escaped NUL in the path"
	reasonForm          = "target form does not fit the method"
	reasonTarget        = "target is of no known form"
	reasonUnknownMethod = "method not implemented"
	reasonUserinfo      = "user information in the target"
	reasonAuthority     = "invalid host or port in the target"
	reasonVersion       = "malformed protocol version"
	reasonMajor         = "protocol version is not HTTP/1.x"
	reasonLineLimit     = "request line over the limit"
	reasonFieldLimit    = "field lines over the byte limit"
	reasonCountLimit    = "too many field lines"
	reasonFold          = "field line begins with whitespace"
	reasonName          = "field name is not a token"
	reasonNameSpace     = "whitespace before the colon of a field line"
	reasonNoColon       = "field line without a colon"
	reasonValueByte     = "control character in a field value"
	reasonNoHost        = "no Host field"
	reasonManyHosts     = "more than one Host field"
	reasonHost          = "invalid Host field"
	reasonRepeated      = "field that has one value stands on several lines"
	reasonLength        = "Content-Length is not a decimal number"
	reasonLengthRange   = "Content-Length out of range"
	reasonManyLengths   = "more than one Content-Length"
	reasonLengthCoding  = "both Content-Length and Transfer-Encoding"
	reasonCodingVersion = "Transfer-Encoding in an HTTP/1.0 request"
	reasonCoding        = "malformed Transfer-Encoding"
	reasonCodingOrder   = "chunked is repeated or not the last transfer coding"
	reasonCodingUnknown = "transfer coding not implemented"
	reasonExpect        = "expectation cannot be met"
	reasonChunkSize     = "malformed chunk size"
	reasonChunkRange    = "chunk size out of range"
	reasonChunkLine     = "chunk size line does not end in CRLF"
	reasonChunkData     = "chunk data is not followed by CRLF"
	reasonChunkExt      = "malformed chunk extension"
	reasonChunkExtLimit = "chunk extensions over the limit"
)
