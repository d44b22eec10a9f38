package message

// CutElement takes the first element off a comma-separated list, without the whitespace around it. Elements may be empty
// (RFC 9110 section 5.6.1.2); none of the lists here may hold a quoted comma.
func CutElement(b []byte) (element, rest []byte) {
	for i, c := range b {
		if c == ',' {
			return trimOWS(b[:i]), b[i+1:]
		}
	}
	return trimOWS(b), nil
}

func trimOWS(b []byte) []byte { return TrimSpan(b, 0, len(b)).Of(b) }
