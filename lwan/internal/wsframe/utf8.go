package wsframe

import "unicode/utf8"

// UTF8 checks text that comes in pieces, which may be cut inside of a character (RFC 3629). The
// zero value is at the beginning of a text.
type UTF8 struct {
	begun [utf8.UTFMax]byte // a character of which some bytes are missing
	n     uint8
}

// Add checks the next piece. It reports false as soon as no text can begin so.
func (u *UTF8) Add(p []byte) bool {
	for u.n > 0 && len(p) > 0 {
		u.begun[u.n] = p[0]
		u.n++
		p = p[1:]
		if !utf8.FullRune(u.begun[:u.n]) {
			continue
		}
		if _, size := utf8.DecodeRune(u.begun[:u.n]); size != int(u.n) {
			return false
		}
		u.n = 0
	}
	cut := len(p)
	for i := cut - 1; i >= 0 && i >= len(p)-(utf8.UTFMax-1); i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				cut = i
			}
			break
		}
	}
	if !utf8.Valid(p[:cut]) {
		return false
	}
	if u.n == 0 { // else there was nothing left
		u.n = uint8(copy(u.begun[:], p[cut:]))
	}
	return true
}

// Whole reports whether the text may end here, which is not in the middle of a character.
func (u *UTF8) Whole() bool { return u.n == 0 }
