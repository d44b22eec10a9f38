package message

import "bytes"

// validAuthority says whether b is a host with an optional port, as it stands in Host, in an
// absolute-form target and, with needPort, in a CONNECT (RFC 9110 section 4.2, RFC 3986 section
// 3.2.2). The host may not be empty, nor made of dots alone. A number over 65535 is not a port;
// "host:" is the same as "host", as RFC 3986 has it.
func validAuthority(b []byte, needPort bool) bool {
	n := hostLen(b)
	if n == 0 {
		return false
	}
	if n == len(b) {
		return !needPort
	}
	return b[n] == ':' && validPort(b[n+1:], needPort)
}

func validPort(b []byte, need bool) bool {
	port := 0
	for _, c := range b {
		if c-'0' > 9 {
			return false
		}
		if port = port*10 + int(c-'0'); port > 65535 {
			return false
		}
	}
	return !need || port > 0
}

// hostLen is the number of bytes of the host at the start of b, 0 if there is no valid one.
func hostLen(b []byte) int {
	if len(b) > 0 && b[0] == '[' {
		return literalLen(b)
	}
	i := 0
	for i < len(b) {
		if hostOctet[b[i]] {
			i++
			continue
		}
		if b[i] != '%' || badEscape(b[i:min(i+3, len(b))]) >= 0 {
			break
		}
		i += 3
	}
	return namedLen(b[:i])
}

// namedLen is len(name), or 0 if there is nothing in it but dots.
func namedLen(name []byte) int {
	if len(name) > 0 && name[0] == '.' && len(bytes.TrimLeft(name, ".")) == 0 {
		return 0
	}
	return len(name)
}

// literalLen is hostLen for an address in brackets.
func literalLen(b []byte) int {
	end := bytes.IndexByte(b, ']')
	if end < 0 || !validIPv6(b[1:end]) && !validIPvFuture(b[1:end]) {
		return 0
	}
	return end + 1
}

// validIPv6 follows RFC 4291 section 2.2: eight groups, one run of zero groups as "::", the last
// two perhaps as IPv4. A zone is not part of a URI's host.
func validIPv6(b []byte) bool {
	groups, skipped, i := 0, false, 0
	if bytes.HasPrefix(b, []byte("::")) {
		skipped, i = true, 2
	}
	for i < len(b) {
		n := groupLen(b[i:])
		if i+n < len(b) && b[i+n] == '.' {
			return validIPv4(b[i:]) && eightGroups(groups+2, skipped)
		}
		if n == 0 || n > 4 {
			return false
		}
		groups++
		if i += n; i == len(b) {
			break
		}
		if b[i] != ':' || i+1 == len(b) {
			return false
		}
		if i++; b[i] == ':' {
			if skipped {
				return false
			}
			skipped = true
			i++
		}
	}
	return eightGroups(groups, skipped)
}

// eightGroups: "::" stands for one group at least.
func eightGroups(groups int, skipped bool) bool {
	return groups == 8 && !skipped || groups < 8 && skipped
}

// groupLen is the number of hexadecimal digits at the start of b, 5 if there are more than four.
func groupLen(b []byte) int {
	n := 0
	for n < len(b) && n < 5 && hexDigit[b[n]] < 16 {
		n++
	}
	return n
}

// validIPv4 wants four numbers up to 255 without leading zeros (dec-octet of RFC 3986).
func validIPv4(b []byte) bool {
	for part := range 4 {
		n, value := 0, 0
		for n < len(b) && n < 4 && b[n]-'0' < 10 {
			value = value*10 + int(b[n]-'0')
			n++
		}
		if n == 0 || value > 255 || n > 1 && b[0] == '0' {
			return false
		}
		if b = b[n:]; part == 3 {
			return len(b) == 0
		}
		if len(b) == 0 || b[0] != '.' {
			return false
		}
		b = b[1:]
	}
	return false
}

// validIPvFuture: "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ).
func validIPvFuture(b []byte) bool {
	dot := bytes.IndexByte(b, '.')
	if dot < 2 || b[0]|0x20 != 'v' || dot+1 == len(b) {
		return false
	}
	for _, c := range b[1:dot] {
		if hexDigit[c] > 15 {
			return false
		}
	}
	for _, c := range b[dot+1:] {
		if !hostOctet[c] && c != ':' {
			return false
		}
	}
	return true
}
