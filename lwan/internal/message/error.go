package message

import "strconv"

// Error says why a message was refused and with which status to say so. It is a value: the zero
// Error (Status 0) means that nothing is wrong. Reason is a constant, so it never holds bytes of
// the client and may be logged or sent as it is.
type Error struct {
	Status int // 400, 414, 417, 431, 501 or 505
	// of the byte, field value or line at fault, from the start of the buffer; 0 where that has no
	// meaning
	Offset int
	Reason string // a constant: one of the reasons below, or of those of a codec for its own syntax
}

// Error implements error. The connection cannot be used any more where the next message begins
// behind this one.
func (e Error) Error() string {
	return "message: " + strconv.Itoa(e.Status) + " at byte " +
		strconv.Itoa(e.Offset) + ": " + e.Reason
}

// The reasons that do not depend on the version of HTTP. They name the rule that was broken, never
// what was sent.
const (
	ReasonMethod        = "method is not a token"
	ReasonTargetByte    = "byte not allowed in a request target"
	ReasonEscape        = "invalid percent-escape"
	ReasonEscapedNUL    = "escaped NUL in the path"
	ReasonForm          = "target form does not fit the method"
	ReasonTarget        = "target is of no known form"
	ReasonUnknownMethod = "method not implemented"
	ReasonUserinfo      = "user information in the target"
	ReasonAuthority     = "invalid host or port in the target"
	ReasonLineLimit     = "request line over the limit"
	ReasonFieldLimit    = "field lines over the byte limit"
	ReasonCountLimit    = "too many field lines"
	ReasonName          = "field name is not a token"
	ReasonValueByte     = "control character in a field value"
	ReasonNoHost        = "no Host field"
	ReasonManyHosts     = "more than one Host field"
	ReasonHost          = "invalid Host field"
	ReasonRepeated      = "field that has one value stands on several lines"
	ReasonLength        = "Content-Length is not a decimal number"
	ReasonLengthRange   = "Content-Length out of range"
	ReasonManyLengths   = "more than one Content-Length"
	ReasonLengthCoding  = "both Content-Length and Transfer-Encoding"
	ReasonCodingVersion = "Transfer-Encoding in an HTTP/1.0 request"
	ReasonCoding        = "malformed Transfer-Encoding"
	ReasonCodingOrder   = "chunked is repeated or not the last transfer coding"
	ReasonCodingUnknown = "transfer coding not implemented"
	ReasonExpect        = "expectation cannot be met"
)
