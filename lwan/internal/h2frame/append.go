package h2frame

import "encoding/binary"

// AppendHeader appends the header of a frame whose payload of n bytes follows.
func AppendHeader(b []byte, t Type, flags uint8, stream uint32, n int) []byte {
	return append(b, byte(n>>16), byte(n>>8), byte(n), byte(t), flags,
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

// SetLength sets the length of the frame whose header begins at b[at] to all that follows it.
func SetLength(b []byte, at int) {
	n := len(b) - at - HeaderLen
	b[at], b[at+1], b[at+2] = byte(n>>16), byte(n>>8), byte(n)
}

// AppendSettings appends a SETTINGS frame: pairs of a setting and its value.
func AppendSettings(b []byte, pairs ...uint32) []byte {
	b = AppendHeader(b, SettingsType, 0, 0, len(pairs)/2*6)
	for i := 0; i+1 < len(pairs); i += 2 {
		b = binary.BigEndian.AppendUint16(b, uint16(pairs[i]))
		b = binary.BigEndian.AppendUint32(b, pairs[i+1])
	}
	return b
}

// AppendSettingsAck appends the acknowledgment of settings.
func AppendSettingsAck(b []byte) []byte { return AppendHeader(b, SettingsType, Ack, 0, 0) }

// AppendPing appends a PING of 8 bytes; with Ack, the answer to one.
func AppendPing(b []byte, flags uint8, data []byte) []byte {
	return append(AppendHeader(b, Ping, flags, 0, 8), data[:8]...)
}

// AppendGoAway appends a GOAWAY: streams above last have not been served. debug is for who reads
// along.
func AppendGoAway(b []byte, last uint32, code Code, debug string) []byte {
	b = AppendHeader(b, GoAway, 0, 0, 8+len(debug))
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, debug...)
}

// AppendRstStream appends a RST_STREAM.
func AppendRstStream(b []byte, stream uint32, code Code) []byte {
	return binary.BigEndian.AppendUint32(AppendHeader(b, RstStream, 0, stream, 4), uint32(code))
}

// AppendWindowUpdate appends a WINDOW_UPDATE; stream 0 is the connection.
func AppendWindowUpdate(b []byte, stream, n uint32) []byte {
	return binary.BigEndian.AppendUint32(AppendHeader(b, WindowUpdate, 0, stream, 4), n)
}
