package message

// ValidName says whether s can be the name of a field: a token (RFC 9110 section 5.1).
func ValidName(s string) bool {
	for i := range len(s) {
		if !tokenOctet[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

// ValidValue says whether s can be the value of a field that we send: no control character but
// HTAB, so no CR, LF or NUL (RFC 9110 section 5.5). Whitespace around it is allowed, and lost on
// the way.
func ValidValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isName is ValidName for bytes: whether b is a token.
func isName(b []byte) bool { return len(b) > 0 && NameEnd(b, 0) == len(b) }
