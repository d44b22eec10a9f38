package message

// bareInURI is true for the octets that stand in a URI percent-encoded only, wherever they are (RFC
// 3986 section 2), but for "#": that begins a fragment, or is data.
var bareInURI = func() (table [256]bool) {
	for c := range table {
		table[c] = c <= ' ' || c >= 0x7f
	}
	for _, c := range []byte(bareInPath + "\\") {
		table[c] = true
	}
	return table
}()

// EscapeReference makes a URI reference of s: octets that may not stand in it are percent-encoded,
// and the rest is as it was, escapes and a fragment included.
func EscapeReference(s string) string {
	bare := 0
	for i := range len(s) {
		if bareInURI[s[i]] {
			bare++
		}
	}
	if bare == 0 {
		return s
	}
	escaped := make([]byte, 0, len(s)+2*bare)
	for i := range len(s) {
		escaped = appendOctet(escaped, s[i], bareInURI[s[i]])
	}
	return string(escaped)
}

// AppendTarget appends a target, or a part of one, as a URI has it: what was sent bare is
// percent-encoded. It is for those of which Head.BareTarget says that they need it; others stay as
// they are.
func AppendTarget(dst, target []byte) []byte {
	for _, c := range target {
		dst = appendOctet(dst, c, bareInURI[c] || c == '#')
	}
	return dst
}

func appendOctet(dst []byte, c byte, encoded bool) []byte {
	const digits = "0123456789ABCDEF"
	if encoded {
		return append(dst, '%', digits[c>>4], digits[c&15])
	}
	return append(dst, c)
}
