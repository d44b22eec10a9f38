package files

import "bytes"

// Lists in field values (RFC 9110 section 5.6.1), read from the request's buffer without copying
// anything.

// nextElement cuts the first element off a list whose elements have parameters and no quoted
// commas: the text before the first semicolon, and the text behind it.
func nextElement(list []byte) (name, params, rest []byte) {
	element, rest, _ := bytes.Cut(list, comma)
	name, params, _ = bytes.Cut(element, semicolon)
	return trim(name), params, rest
}

var comma, semicolon = []byte{','}, []byte{';'}

// trim removes optional whitespace (RFC 9110 section 5.6.3).
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// weight finds the parameter q (RFC 9110 section 12.4.2) and returns it in thousandths; 1000 if
// there is none.
func weight(params []byte) (q uint16, ok bool) {
	for len(params) > 0 {
		var param []byte
		param, params, _ = bytes.Cut(params, semicolon)
		param = trim(param)
		if len(param) >= 2 && (param[0] == 'q' || param[0] == 'Q') && param[1] == '=' {
			return parseWeight(param[2:])
		}
	}
	return 1000, true
}

// parseWeight reads 0 or 1 with up to three decimals.
func parseWeight(b []byte) (q uint16, ok bool) {
	if len(b) == 0 || len(b) > 5 || b[0] < '0' || b[0] > '1' || (len(b) > 1 && b[1] != '.') {
		return 0, false
	}
	q = uint16(b[0]-'0') * 1000
	for i, unit := 2, uint16(100); i < len(b); i, unit = i+1, unit/10 {
		if b[i] < '0' || b[i] > '9' {
			return 0, false
		}
		q += uint16(b[i]-'0') * unit
	}
	return q, q <= 1000
}

// equalFold reports whether b is name, which is in lower case, in any case.
func equalFold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != name[i] {
			return false
		}
	}
	return true
}
