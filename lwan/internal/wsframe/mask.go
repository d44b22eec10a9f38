package wsframe

import "encoding/binary"

// Mask masks b in place, or unmasks it (RFC 6455 section 5.3). pos is how many bytes of the same
// payload came before.
func Mask(b []byte, key [4]byte, pos int64) {
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	k |= k << 32
	if turn := uint(pos&3) * 8; turn > 0 {
		k = k>>turn | k<<(64-turn)
	}
	for len(b) >= 32 {
		p := b[:32]
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^k)
		binary.LittleEndian.PutUint64(p[8:], binary.LittleEndian.Uint64(p[8:])^k)
		binary.LittleEndian.PutUint64(p[16:], binary.LittleEndian.Uint64(p[16:])^k)
		binary.LittleEndian.PutUint64(p[24:], binary.LittleEndian.Uint64(p[24:])^k)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^k)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(k)
		k >>= 8
	}
}
