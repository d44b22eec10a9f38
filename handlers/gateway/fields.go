package gateway

import "strings"

// The fields of a message are for both ends, or for the next hop only (RFC 9110 section 7.6.1):
// those that Connection names, and some that are so by themselves.

// equalFold compares a name with one in lower case. It takes "_" for "-", as backends do that find
// fields in variables (RFC 3875 section 4.1.18): none of what is here may reach them so.
func equalFold[T string | []byte](name T, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := range len(lower) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		} else if c == '_' {
			c = '-'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// ofHop reports whether a field of that name is for this hop, or about the framing on it, which is
// made anew.
func ofHop(name []byte) bool {
	switch len(name) {
	case 2:
		return equalFold(name, "te")
	case 4:
		return equalFold(name, "host") // written first
	case 5:
		return equalFold(name, "proxy") // it would become HTTP_PROXY (httpoxy)
	case 6:
		return equalFold(name, "expect") // this hop has answered it
	case 7:
		return equalFold(name, "upgrade") || equalFold(name, "trailer")
	case 10:
		return equalFold(name, "connection") || equalFold(name, "keep-alive")
	case 14:
		return equalFold(name, "content-length")
	case 16:
		return equalFold(name, "proxy-connection")
	case 17:
		return equalFold(name, "transfer-encoding")
	case 18:
		return equalFold(name, "proxy-authenticate")
	case 19:
		return equalFold(name, "proxy-authorization")
	}
	return false
}

// ofForwarding reports whether a field tells of the client that the request comes from.
func ofForwarding(name []byte) bool {
	switch len(name) {
	case 9:
		return equalFold(name, "forwarded") || equalFold(name, "x-real-ip")
	case 15:
		return equalFold(name, "x-forwarded-for")
	case 16:
		return equalFold(name, "x-forwarded-host")
	case 17:
		return equalFold(name, "x-forwarded-proto")
	}
	return false
}

// listed reports whether a list of tokens has that one, in any case.
func listed(list string, token []byte) bool {
	for len(list) > 0 {
		var element string
		element, list, _ = strings.Cut(list, ",")
		element = strings.Trim(element, " \t")
		if len(element) == len(token) && strings.EqualFold(element, string(token)) {
			return true
		}
	}
	return false
}

// plainConnection reports whether a value of Connection names no field that is not for this hop
// anyway: the usual ones are not looked through for each field.
func plainConnection(value string) bool {
	switch len(value) {
	case 0:
		return true
	case 5:
		return equalFold(value, "close")
	case 7:
		return equalFold(value, "upgrade")
	case 10:
		return equalFold(value, "keep-alive")
	}
	return false
}
