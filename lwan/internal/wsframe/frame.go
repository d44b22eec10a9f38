package wsframe

import (
	"encoding/binary"
	"math"
)

// Opcode is the kind of a frame (RFC 6455 section 5.2).
type Opcode uint8

// Opcodes. The others are reserved.
const (
	Continuation Opcode = 0
	Text         Opcode = 1
	Binary       Opcode = 2
	Close        Opcode = 8
	Ping         Opcode = 9
	Pong         Opcode = 10
)

// IsControl reports whether frames of this kind may stand between the fragments of a message.
func (o Opcode) IsControl() bool { return o >= 8 }

func (o Opcode) known() bool { return o <= Binary || o >= Close && o <= Pong }

// Head is the head of a frame.
//
//	| FIN RSV1 RSV2 RSV3 opcode | MASK length(7) | length: 0, 2 or 8 bytes | key: 0 or 4 bytes |
type Head struct {
	Fin      bool  // the last fragment of its message
	Reserved uint8 // the bits RSV1 to RSV3, as they lie in the first byte
	Op       Opcode
	Masked   bool
	Key      [4]byte // of a masked frame
	Length   int64   // of the payload
}

// RSV1 in Head.Reserved says that a message is compressed, where that was agreed on.
const RSV1 = 0x40

const (
	finBit       = 0x80
	reservedBits = 0x70
	maskBit      = 0x80
	length16     = 126 // the length follows in two bytes
	length64     = 127 // or in eight
)

// MaxHead is the length of the longest head.
const MaxHead = 14

// MaxControl is the length of the longest payload of a control frame (RFC 6455 section 5.5).
const MaxControl = 125

// ParseHead reads the head of a frame. n is its length; 0: b does not hold all of it. What is wrong
// with every frame, whoever has sent it, is an error.
func ParseHead(b []byte) (h Head, n int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.Fin = b[0]&finBit != 0
	h.Reserved = b[0] & reservedBits
	h.Op = Opcode(b[0] & 0x0f)
	h.Masked = b[1]&maskBit != 0
	h.Length, n = int64(b[1]&^maskBit), 2
	switch {
	case !h.Op.known():
		return h, 0, errOpcode
	case h.Op.IsControl() && !h.Fin:
		return h, 0, errControlFragment
	case h.Op.IsControl() && h.Length > MaxControl:
		return h, 0, errControlLength
	}
	switch h.Length {
	case length16:
		if n = 4; len(b) < n {
			return h, 0, nil
		}
		if h.Length = int64(binary.BigEndian.Uint16(b[2:])); h.Length < length16 {
			return h, 0, errLength
		}
	case length64:
		if n = 10; len(b) < n {
			return h, 0, nil
		}
		v := binary.BigEndian.Uint64(b[2:])
		if v > math.MaxInt64 || v <= math.MaxUint16 {
			return h, 0, errLength
		}
		h.Length = int64(v)
	}
	if h.Masked {
		if len(b) < n+4 {
			return h, 0, nil
		}
		n += copy(h.Key[:], b[n:n+4])
	}
	return h, n, nil
}

// AppendHead appends the head of a frame.
func AppendHead(dst []byte, h Head) []byte {
	first, mask := byte(h.Op)|h.Reserved, byte(0)
	if h.Fin {
		first |= finBit
	}
	if h.Masked {
		mask = maskBit
	}
	switch n := h.Length; {
	case n < length16:
		dst = append(dst, first, mask|byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, first, mask|length16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, first, mask|length64), uint64(n))
	}
	if h.Masked {
		dst = append(dst, h.Key[:]...)
	}
	return dst
}

// AppendFrame appends a whole frame as a server sends it.
func AppendFrame(dst []byte, op Opcode, payload []byte) []byte {
	dst = AppendHead(dst, Head{Fin: true, Op: op, Length: int64(len(payload))})
	return append(dst, payload...)
}

// AppendMasked appends a whole frame as a client sends it, masked with key.
func AppendMasked(dst []byte, op Opcode, key [4]byte, payload []byte) []byte {
	dst = AppendHead(dst, Head{
		Fin: true, Op: op, Masked: true, Key: key, Length: int64(len(payload)),
	})
	at := len(dst)
	dst = append(dst, payload...)
	Mask(dst[at:], key, 0)
	return dst
}
