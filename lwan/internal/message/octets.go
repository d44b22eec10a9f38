package message

import (
	"encoding/binary"
	"math/bits"
)

// Classes of octets. Every table has 256 entries, so that an index of type byte needs no bounds
// check.

// tokenOctet is true for tchar of RFC 9110 section 5.6.2: what methods and field names are made of.
var tokenOctet = octets(alphanum + "!#$%&'*+-.^_`|~")

// hostOctet is true for the bytes of a reg-name, escapes aside (RFC 3986 section 3.2.2: unreserved
// and sub-delims).
var hostOctet = octets(alphanum + unreservedMarks + subDelims)

// pcharOctet is true for what a path segment may hold unescaped (RFC 3986 section 3.3).
var pcharOctet = octets(alphanum + unreservedMarks + subDelims + ":@")

const (
	alphanum        = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	unreservedMarks = "-._~"
	subDelims       = "!$&'()*+,;="
)

func octets(of string) (table [256]bool) {
	for i := range len(of) {
		table[of[i]] = true
	}
	return table
}

// hexDigit holds the value of a hexadecimal digit, 0xff for all other bytes.
var hexDigit = func() (table [256]byte) {
	for c := range table {
		switch {
		case c >= '0' && c <= '9':
			table[c] = byte(c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			table[c] = byte(c|0x20-'a') + 10
		default:
			table[c] = 0xff
		}
	}
	return table
}()

// IsToken says whether c may stand in a token: a method, a field name.
func IsToken(c byte) bool { return tokenOctet[c] }

// HexDigit is the value of a hexadecimal digit, 0xff for all other bytes.
func HexDigit(c byte) byte { return hexDigit[c] }

// Eight octets at a time: a word holds octet i in its bits 8i to 8i+7. A test returns a word whose
// *lowest* set bit is the top bit of the first octet that passes; bits above it mean nothing, since
// the subtraction borrows upwards.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8 : i+8]) }

// octetsEqual finds the octets of w that are c.
func octetsEqual(w uint64, c byte) uint64 {
	x := w ^ ones*uint64(c)
	return (x - ones) &^ x & highs
}

// controls finds the octets of w that are below 0x20 or 0x7f: CTL of RFC 5234, HTAB among them.
func controls(w uint64) uint64 {
	return ((w - ones*0x20) | (w&^highs + ones)) &^ w & highs
}

// firstOctet is the index of the octet that the lowest set bit of a word test belongs to.
func firstOctet(test uint64) int { return bits.TrailingZeros64(test) >> 3 }

// lower folds an ASCII letter to lower case and leaves everything else alone.
func lower(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}

// OneVariable says whether programs that find fields in variables (RFC 3875 section 4.1.18) have
// one for both names: it takes "_" for "-", and case does not matter.
func OneVariable(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if dashed(lower(b[i])) != dashed(lower(s[i])) {
			return false
		}
	}
	return true
}

func dashed(c byte) byte {
	if c == '_' {
		return '-'
	}
	return c
}

// EqualFold says whether b and s are the same but for the case of ASCII letters.
func EqualFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}
