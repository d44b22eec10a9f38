package h2frame

import (
	"encoding/binary"
	"strconv"
)

// Preface is what a client sends first (RFC 9113 section 3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// HeaderLen is the length of a frame's header.
const HeaderLen = 9

// MaxFrame is the largest payload that is taken: the least that RFC 9113 section 4.2 allows to
// announce.
const MaxFrame = 16 << 10

// Type is the type of a frame (RFC 9113 section 6; RFC 9218 section 7.1).
type Type uint8

// The types.
const (
	Data           Type = 0x0
	Headers        Type = 0x1
	Priority       Type = 0x2
	RstStream      Type = 0x3
	SettingsType   Type = 0x4
	PushPromise    Type = 0x5
	Ping           Type = 0x6
	GoAway         Type = 0x7
	WindowUpdate   Type = 0x8
	Continuation   Type = 0x9
	PriorityUpdate Type = 0x10
)

// The flags. Ack and EndStream are the same bit of different types.
const (
	Ack         = 0x1
	EndStream   = 0x1
	EndHeaders  = 0x4
	Padded      = 0x8
	HasPriority = 0x20
)

// Code is an error code (RFC 9113 section 7).
type Code uint32

// The codes.
const (
	NoError            Code = 0x0
	ProtocolError      Code = 0x1
	InternalError      Code = 0x2
	FlowControlError   Code = 0x3
	SettingsTimeout    Code = 0x4
	StreamClosed       Code = 0x5
	FrameSizeError     Code = 0x6
	RefusedStream      Code = 0x7
	Cancel             Code = 0x8
	CompressionError   Code = 0x9
	ConnectError       Code = 0xa
	EnhanceYourCalm    Code = 0xb
	InadequateSecurity Code = 0xc
	HTTP11Required     Code = 0xd
)

// String is the code's name in RFC 9113.
func (c Code) String() string {
	names := [...]string{
		"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
		"STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
		"CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
	}
	if int(c) < len(names) {
		return names[c]
	}
	return "code " + strconv.FormatUint(uint64(c), 10)
}

// Error is what is wrong with what a client has sent. The zero value: nothing. Stream is the one
// that ends by it (RFC 9113 section 5.4.2); 0: the connection does (section 5.4.1).
type Error struct {
	Code   Code
	Stream uint32
	Reason string // a constant: never bytes of the client; "": nothing is wrong
}

// Bad reports whether something is wrong.
func (e Error) Bad() bool { return e.Reason != "" }

// Error implements error.
func (e Error) Error() string { return "h2: " + e.Code.String() + ": " + e.Reason }

// Frame is a frame whose payload lies in the buffer that it was read from, without padding and
// without the priority of RFC 7540.
type Frame struct {
	Type    Type
	Flags   uint8
	Stream  uint32
	Payload []byte
	Length  int // of the payload as it was sent: what flow control counts
}

// Is reports whether the frame has a flag.
func (f *Frame) Is(flag uint8) bool { return f.Flags&flag != 0 }

// Uint32 is the number that the payload begins with, without its reserved bit: an increment, a
// stream. Code is that of RST_STREAM.
func (f *Frame) Uint32() uint32 { return binary.BigEndian.Uint32(f.Payload) &^ (1 << 31) }

// Code is the error code of RST_STREAM.
func (f *Frame) Code() Code { return Code(binary.BigEndian.Uint32(f.Payload)) }

// where says which stream a frame may name.
type where uint8

const (
	anywhere where = iota
	onStream
	onConn
)

// rule is what RFC 9113 section 6 says of a type's header. What is broken ends the connection with
// PROTOCOL_ERROR (the stream) or FRAME_SIZE_ERROR (the length), but the length of PRIORITY, which
// ends its stream (section 6.3).
type rule struct {
	known    bool
	where    where
	min, max int
	multiple int   // of which the length is one; 0: any
	mine     bool  // a wrong length ends the stream
	flags    uint8 // Padded, HasPriority: those that stand for something in the payload
}

var rules = [PriorityUpdate + 1]rule{
	Data:           {known: true, where: onStream, max: MaxFrame, flags: Padded},
	Headers:        {known: true, where: onStream, max: MaxFrame, flags: Padded | HasPriority},
	Priority:       {known: true, where: onStream, min: 5, max: 5, mine: true},
	RstStream:      {known: true, where: onStream, min: 4, max: 4},
	SettingsType:   {known: true, where: onConn, max: MaxFrame, multiple: 6},
	PushPromise:    {known: true, max: MaxFrame}, // refused whatever is in it
	Ping:           {known: true, where: onConn, min: 8, max: 8},
	GoAway:         {known: true, where: onConn, min: 8, max: MaxFrame},
	WindowUpdate:   {known: true, min: 4, max: 4},
	Continuation:   {known: true, where: onStream, max: MaxFrame},
	PriorityUpdate: {known: true, where: onConn, min: 4, max: MaxFrame},
}

// Parse reads the frame at the beginning of b. n is its length; 0: more bytes are needed. With a
// bad error of the connection nothing else is of use; with one of a stream the frame has been read.
func Parse(b []byte) (f Frame, n int, bad Error) {
	if len(b) < HeaderLen {
		return f, 0, bad
	}
	length := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	f = Frame{
		Type: Type(b[3]), Flags: b[4],
		Stream: binary.BigEndian.Uint32(b[5:]) &^ (1 << 31), Length: length,
	}
	if length > MaxFrame {
		return f, 0, Error{FrameSizeError, 0, "frame over the announced size"}
	}
	var r rule
	if int(f.Type) < len(rules) {
		r = rules[f.Type]
	}
	if r.known {
		if bad = r.check(&f); bad.Bad() && bad.Stream == 0 {
			return f, 0, bad
		}
	}
	if len(b) < HeaderLen+length {
		return f, 0, Error{}
	}
	n = HeaderLen + length
	f.Payload = b[HeaderLen:n:n]
	switch {
	case bad.Bad():
	case f.Flags&r.flags != 0:
		bad = f.strip(r.flags)
	default:
		bad = f.checkPayload()
	}
	return f, n, bad
}

// check is what can be said of a frame by its header.
func (r *rule) check(f *Frame) Error {
	switch {
	case f.Type == PushPromise:
		return Error{ProtocolError, 0, "PUSH_PROMISE of a client"}
	case r.where == onStream && f.Stream == 0:
		return Error{ProtocolError, 0, "frame of a stream on stream 0"}
	case r.where == onConn && f.Stream != 0:
		return Error{ProtocolError, 0, "frame of the connection on a stream"}
	case f.Type == SettingsType && f.Is(Ack) && f.Length != 0:
		return Error{FrameSizeError, 0, "SETTINGS acknowledgment with a payload"}
	case f.Length >= r.min && f.Length <= r.max && (r.multiple == 0 || f.Length%r.multiple == 0):
		return Error{}
	case r.mine:
		return Error{FrameSizeError, f.Stream, "wrong length"}
	}
	return Error{FrameSizeError, 0, "wrong length"}
}

// strip takes padding (RFC 9113 section 6.1) and the priority of RFC 7540 off.
func (f *Frame) strip(flags uint8) Error {
	p, padding := f.Payload, 0
	if f.Is(Padded & flags) {
		if len(p) == 0 {
			return Error{FrameSizeError, 0, "no room for the length of the padding"}
		}
		padding, p = int(p[0]), p[1:]
	}
	if f.Is(HasPriority & flags) {
		if len(p) < 5 {
			return Error{FrameSizeError, 0, "no room for the priority"}
		}
		on := binary.BigEndian.Uint32(p) &^ (1 << 31)
		if p = p[5:]; on == f.Stream { // RFC 7540 section 5.3.1; RFC 9113 says nothing of it
			f.Payload = p[:max(len(p)-padding, 0)]
			return Error{ProtocolError, f.Stream, "stream that depends on itself"}
		}
	}
	if padding > len(p) {
		return Error{ProtocolError, 0, "padding longer than the payload"}
	}
	f.Payload = p[: len(p)-padding : len(p)-padding]
	return Error{}
}

// checkPayload is what can be said of a frame by its own payload.
func (f *Frame) checkPayload() Error {
	switch f.Type {
	case WindowUpdate:
		if f.Uint32() == 0 {
			return Error{ProtocolError, f.Stream, "window update of nothing"}
		}
	case Priority:
		if f.Uint32() == f.Stream { // RFC 7540 section 5.3.1
			return Error{ProtocolError, f.Stream, "stream that depends on itself"}
		}
	case PriorityUpdate:
		if f.Uint32() == 0 { // RFC 9218 section 7.1
			return Error{ProtocolError, 0, "priority of stream 0"}
		}
	}
	return Error{}
}
