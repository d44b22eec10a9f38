package gateway

import "strings"

// What is sent on is the path as it was routed, encoded anew, and never the one that the client has
// sent: else "/app/..%2fadmin" is one thing here and another one there.

// encodedSlash stands in a routed path for a slash that was sent as "%2F".
const encodedSlash = 0

// pathByte is true for what may stand in a path as it is (RFC 3986 section 3.3).
var pathByte = func() (table [256]bool) {
	for c := 'a'; c <= 'z'; c++ {
		table[c], table[c-'a'+'A'] = true, true
	}
	for c := '0'; c <= '9'; c++ {
		table[c] = true
	}
	for _, c := range []byte("/-._~!$&'()*+,;=:@") {
		table[c] = true
	}
	return table
}()

// appendPath appends a decoded path percent-encoded; "%" itself is always encoded.
func appendPath[T string | []byte](dst []byte, path T) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(path) {
		switch c := path[i]; {
		case pathByte[c]:
			dst = append(dst, c)
		case c == encodedSlash:
			dst = append(dst, "%2F"...)
		default:
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// prefixes is how paths are changed on their way to the backend, and back in what it answers. Both
// have no slash at the end: "" is the root.
type prefixes struct {
	here  string // what the module is mounted at
	there string // what stands in its place
}

// appendPath appends the path of a request, decoded, as the backend is to see it.
func (p *prefixes) appendPath(dst, path []byte) []byte {
	rest := path
	if p.here != p.there {
		rest = path[len(p.here):]
		dst = appendPath(dst, p.there)
	}
	if len(rest) == 0 && p.there == "" {
		dst = append(dst, '/')
	}
	return appendPath(dst, rest)
}

// queryOf is the query of a target, with its "?"; "" if there is none.
func queryOf(target string) string {
	if i := strings.IndexByte(target, '?'); i >= 0 {
		return target[i:]
	}
	return ""
}
