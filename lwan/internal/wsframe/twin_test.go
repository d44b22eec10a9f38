package wsframe

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// twin is what a Reader of up to 1000 bytes a message, without compression, makes of in: written as
// plainly as RFC 6455 is, from whole bytes, without states.
func twin(in []byte) string {
	var got strings.Builder
	var message []byte
	var kind byte // of the message under way
	fail := func(code int, reason string) string {
		fmt.Fprintf(&got, "%d %s\n", code, reason)
		return got.String()
	}
	for len(in) >= 2 {
		fin, rsv, op, masked, length := in[0]>>7 == 1, in[0]>>4&7, in[0]&15, in[1]>>7 == 1,
			uint64(in[1]&127)
		rest := in[2:]
		switch {
		case !slices.Contains([]byte{0, 1, 2, 8, 9, 10}, op):
			return fail(1002, "reserved opcode")
		case op >= 8 && !fin:
			return fail(1002, "fragmented control frame")
		case op >= 8 && length > 125:
			return fail(1002, "control frame of more than 125 bytes")
		}
		if length == 126 {
			if len(rest) < 2 {
				return got.String()
			}
			if length, rest = uint64(binary.BigEndian.Uint16(rest)), rest[2:]; length < 126 {
				return fail(1002, "invalid length of a frame")
			}
		} else if length == 127 {
			if len(rest) < 8 {
				return got.String()
			}
			if length, rest = binary.BigEndian.Uint64(rest), rest[8:]; length < 65536 ||
				length>>63 == 1 {
				return fail(1002, "invalid length of a frame")
			}
		}
		if masked && len(rest) < 4 {
			return got.String()
		}
		switch {
		case rsv != 0:
			return fail(1002, "reserved bit")
		case !masked:
			return fail(1002, "frame without a mask")
		case op == 0 && kind == 0:
			return fail(1002, "continuation of no message")
		case op < 8 && op != 0 && kind != 0:
			return fail(1002, "message inside of a message")
		case op < 8 && length > uint64(1000-len(message)):
			return fail(1009, "message is too big")
		}
		key, here := rest[:4], rest[4:min(uint64(len(rest)), 4+length)]
		payload := make([]byte, len(here))
		for i := range here {
			payload[i] = here[i] ^ key[i%4]
		}
		whole := uint64(len(payload)) == length
		if op < 8 {
			message = append(message, payload...)
			kind = max(kind, op)
			if kind == 1 && !begins(message) || kind == 1 && whole && fin && !utf8.Valid(message) {
				return fail(1007, "text is not UTF-8")
			}
		}
		switch {
		case !whole:
			return got.String()
		case op == 8 && len(payload) > 0:
			if len(payload) == 1 || !ValidCode(int(binary.BigEndian.Uint16(payload))) {
				return fail(1002, "invalid close frame")
			}
			if !utf8.Valid(payload[2:]) {
				return fail(1007, "close reason is not UTF-8")
			}
		}
		if op >= 8 {
			fmt.Fprintf(&got, "%d %.40q %d\n", op, payload, len(payload))
		} else if fin {
			fmt.Fprintf(&got, "%d %.40q %d\n", kind, message, len(message))
			message, kind = nil, 0
		}
		if op == 8 {
			return got.String()
		}
		in = rest[4+length:]
	}
	return got.String()
}

// begins reports whether some text begins with b.
func begins(b []byte) bool {
	for cut := max(len(b)-3, 0); cut <= len(b); cut++ {
		if utf8.Valid(b[:cut]) && canFollow(string(b[cut:])) {
			return true
		}
	}
	return false
}
