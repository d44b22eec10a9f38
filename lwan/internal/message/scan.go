package message

// Where the parts of a field line end.

// TrimSpan is buf[off:end] without the whitespace around it.
func TrimSpan(buf []byte, off, end int) Span {
	for off < end && (buf[off] == ' ' || buf[off] == '\t') {
		off++
	}
	for end > off && (buf[end-1] == ' ' || buf[end-1] == '\t') {
		end--
	}
	return SpanOf(off, end)
}

// FindColon is the index of the first colon from i on, or len(buf).
func FindColon(buf []byte, i int) int {
	for ; i+8 <= len(buf); i += 8 {
		if at := octetsEqual(load64(buf, i), ':'); at != 0 {
			return i + firstOctet(at)
		}
	}
	for i < len(buf) && buf[i] != ':' {
		i++
	}
	return i
}

// NameEnd is the index of the first byte from i on that no field name can hold, or len(buf).
func NameEnd(buf []byte, i int) int {
	for i < len(buf) && tokenOctet[buf[i]] {
		i++
	}
	return i
}

// ValueEnd is the index of the first byte from i on that no field value can hold, or len(buf):
// visible ASCII, space, HTAB and the bytes above 0x7f may stand in one (RFC 9110 section 5.5).
func ValueEnd(buf []byte, i int) int {
	for i+16 <= len(buf) {
		at := controls(load64(buf, i))
		if at == 0 {
			i += 8
			if at = controls(load64(buf, i)); at == 0 {
				i += 8
				continue
			}
		}
		i += firstOctet(at)
		if !valueOctet(buf[i]) {
			return i
		}
		i++
	}
	for i < len(buf) && valueOctet(buf[i]) {
		i++
	}
	return i
}

func valueOctet(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' }
