package message

import (
	"bytes"
	"strings"
)

// CutElement takes the first element off a comma-separated list, without the whitespace around it.
// Elements may be empty (RFC 9110 section 5.6.1.2). It is for lists that may not hold a quoted
// comma.
func CutElement(b []byte) (element, rest []byte) {
	for i, c := range b {
		if c == ',' {
			return trimOWS(b[:i]), b[i+1:]
		}
	}
	return trimOWS(b), nil
}

func trimOWS(b []byte) []byte { return TrimSpan(b, 0, len(b)).Of(b) }

// Elements yields the parts of b between separators, without the blanks around them. A separator in
// a quoted string is none (RFC 9110 section 5.6.4).
func Elements(b []byte, separator byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := elementEnd(b, separator)
			if !yield(trimOWS(b[:n])) {
				return
			}
			b = b[min(n+1, len(b)):]
		}
	}
}

func elementEnd(b []byte, separator byte) int {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && c == separator:
			return i
		}
	}
	return len(b)
}

// cutByte is bytes.Cut at one byte.
func cutByte(b []byte, separator byte) (before, after []byte, found bool) {
	if i := bytes.IndexByte(b, separator); i >= 0 {
		return b[:i], b[i+1:], true
	}
	return b, nil, false
}

// HasToken looks for a token in the lines of a list, in any case.
func HasToken(lines []string, token string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}
