package gateway

// The names of CGI's variables (RFC 3875 section 4.1) for the fields of a request.

// appendVar appends the variable of a field, as HTTP_ACCEPT. ok is false for those that must not
// become one: with a "_" or anything else that another field could be mistaken for, as X_Real_IP
// for X-Real-IP; Proxy, which programs take for their own configuration (httpoxy); and those that
// have a variable of their own, or are for this hop.
func appendVar(dst, name []byte) (v []byte, ok bool) {
	if ofHop(name) || equalFold(name, "content-type") {
		return dst, false
	}
	v = append(dst, "HTTP_"...)
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-':
			c = '_'
		default:
			return dst, false
		}
		v = append(v, c)
	}
	return v, true
}
