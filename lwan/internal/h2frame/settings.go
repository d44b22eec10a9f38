package h2frame

import "encoding/binary"

// The settings (RFC 9113 section 6.5.2; RFC 8441; RFC 9218 section 2.1).
const (
	HeaderTableSize      uint16 = 0x1
	EnablePush           uint16 = 0x2
	MaxConcurrentStreams uint16 = 0x3
	InitialWindowSize    uint16 = 0x4
	MaxFrameSize         uint16 = 0x5
	MaxHeaderListSize    uint16 = 0x6
	EnableConnect        uint16 = 0x8
	NoRFC7540Priorities  uint16 = 0x9
)

// MaxWindow is the largest window there may be, and DefaultWindow that of a stream and of the
// connection as long as nothing else is said.
const (
	MaxWindow     = 1<<31 - 1
	DefaultWindow = 1<<16 - 1
)

// Settings is what a client has said of itself, as far as a server has to know it.
type Settings struct {
	Window   int64 // at first, of each stream
	MaxFrame int   // the largest payload that it takes
}

// DefaultSettings are those before it has said anything.
func DefaultSettings() Settings { return Settings{DefaultWindow, MaxFrame} }

// Take takes a SETTINGS frame's payload: the settings in their order, those that are not known are
// ignored.
func (s *Settings) Take(p []byte) Error {
	for ; len(p) >= 6; p = p[6:] {
		value := binary.BigEndian.Uint32(p[2:])
		switch binary.BigEndian.Uint16(p) {
		case EnablePush:
			if value > 1 {
				return Error{ProtocolError, 0, "ENABLE_PUSH is neither 0 nor 1"}
			}
		case InitialWindowSize:
			if value > MaxWindow {
				return Error{FlowControlError, 0, "INITIAL_WINDOW_SIZE out of range"}
			}
			s.Window = int64(value)
		case MaxFrameSize:
			if value < MaxFrame || value > 1<<24-1 {
				return Error{ProtocolError, 0, "MAX_FRAME_SIZE out of range"}
			}
			s.MaxFrame = int(value)
		case EnableConnect, NoRFC7540Priorities:
			if value > 1 {
				return Error{ProtocolError, 0, "a setting is neither 0 nor 1"}
			}
		}
	}
	return Error{}
}
