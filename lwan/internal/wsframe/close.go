package wsframe

import (
	"encoding/binary"
	"unicode/utf8"
)

// Codes of close frames (RFC 6455 section 7.4.1).
const (
	CodeNormal   = 1000
	CodeAway     = 1001 // a server stops, a browser leaves the page
	CodeProtocol = 1002
	CodeNone     = 1005 // stands for a close frame without a code, and is never sent
	CodeAbnormal = 1006 // stands for no close frame, and is never sent
	CodeInvalid  = 1007 // text that is not UTF-8
	CodeTooBig   = 1009
	CodeInternal = 1011
)

// Error is what the peer has done wrong, with the code of the close frame that tells it so.
type Error struct {
	Code   int
	Reason string
}

// Error says it in words.
func (e *Error) Error() string { return "websocket: " + e.Reason }

var (
	errOpcode          = &Error{CodeProtocol, "reserved opcode"}
	errReserved        = &Error{CodeProtocol, "reserved bit"}
	errLength          = &Error{CodeProtocol, "invalid length of a frame"}
	errControlFragment = &Error{CodeProtocol, "fragmented control frame"}
	errControlLength   = &Error{CodeProtocol, "control frame of more than 125 bytes"}
	errUnmasked        = &Error{CodeProtocol, "frame without a mask"}
	errMasked          = &Error{CodeProtocol, "frame with a mask"}
	errContinuation    = &Error{CodeProtocol, "continuation of no message"}
	errInterrupted     = &Error{CodeProtocol, "message inside of a message"}
	errCloseCode       = &Error{CodeProtocol, "invalid close frame"}
	errCloseReason     = &Error{CodeInvalid, "close reason is not UTF-8"}
	errText            = &Error{CodeInvalid, "text is not UTF-8"}
	errDeflate         = &Error{CodeInvalid, "compressed data is corrupt"}
	errTooBig          = &Error{CodeTooBig, "message is too big"}
)

// ValidCode reports whether a close frame may carry the code: those that are registered, and those
// that are left to libraries and programs (RFC 6455 section 7.4).
func ValidCode(code int) bool {
	switch {
	case code >= 1000 && code <= 1014:
		return code < 1004 || code > 1006
	case code >= 3000 && code <= 4999:
		return true
	}
	return false
}

// MaxReason is the length of the longest reason of a close frame.
const MaxReason = MaxControl - 2

// AppendClose appends the payload of a close frame; with CodeNone an empty one. A reason is cut to
// what fits, between two characters.
func AppendClose(dst []byte, code int, reason string) []byte {
	if code == CodeNone {
		return dst
	}
	if len(reason) > MaxReason {
		cut := MaxReason
		for cut > 0 && !utf8.RuneStart(reason[cut]) {
			cut--
		}
		reason = reason[:cut]
	}
	return append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
}

// ParseClose reads the payload of a close frame: CodeNone if it is empty. reason aliases it.
func ParseClose(payload []byte) (code int, reason []byte, err error) {
	switch len(payload) {
	case 0:
		return CodeNone, nil, nil
	case 1:
		return 0, nil, errCloseCode
	}
	code, reason = int(binary.BigEndian.Uint16(payload)), payload[2:]
	switch {
	case !ValidCode(code):
		return 0, nil, errCloseCode
	case !utf8.Valid(reason):
		return 0, nil, errCloseReason
	}
	return code, reason, nil
}
