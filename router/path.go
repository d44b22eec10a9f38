package router

import (
	"path"
	"strings"
)

// EncodedSlash stands for an encoded slash (%2F) in the paths given to Find: data of its segment,
// never a separator. The byte is free, because no request may hold a NUL.
const EncodedSlash = '\x00'

// Clean is the canonical form of a decoded path: a leading slash, no empty, "." or ".." segments, a
// trailing slash kept, also one before a dot segment at the end: that names a directory (RFC 3986,
// section 5.2.4). Otherwise it is the cleaning of net/http.ServeMux. It gives p itself when there
// is nothing to do.
//
// Find wants a clean path, except for CONNECT, whose path is used as it was sent. A caller that was
// sent an unclean one does as ServeMux does: Find with the clean path first; if that says Redirect,
// send it; otherwise, whatever the Kind, answer 307 with Escape(clean path) and the query as
// Location.
func Clean(p string) string {
	if p == "" {
		return "/"
	}
	if p[0] != '/' {
		p = "/" + p
	}
	clean := path.Clean(p)
	if clean == "/" || !namesDirectory(p) {
		return clean
	}
	if len(p) == len(clean)+1 && p[:len(clean)] == clean {
		return p
	}
	return clean + "/"
}

// namesDirectory reports whether the last segment of p is empty, or dots.
func namesDirectory(p string) bool {
	last := p[strings.LastIndexByte(p, '/')+1:]
	return last == "" || last == "." || last == ".."
}

// Escape percent-encodes a decoded path for a Location field: everything but the characters that a
// path may hold as they are (RFC 3986, section 3.3); EncodedSlash becomes %2F again. A path with
// two leading slashes gets "/." before them, as it would be read as an authority otherwise (RFC
// 3986, section 4.2).
func Escape(p string) string {
	odd := 0
	for i := range len(p) {
		if !plainInPath(p[i]) {
			odd++
		}
	}
	prefix := ""
	if strings.HasPrefix(p, "//") {
		prefix = "/."
	}
	if odd == 0 {
		return prefix + p
	}
	return escape(prefix, p, odd)
}

func escape(prefix, p string, odd int) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(prefix) + len(p) + 2*odd)
	b.WriteString(prefix)
	for i := range len(p) {
		c := p[i]
		if plainInPath(c) {
			b.WriteByte(c)
			continue
		}
		if c == EncodedSlash {
			c = '/'
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// plainInPath: pchar without escapes, and the slash (RFC 3986, section 3.3).
func plainInPath(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("-._~!$&'()*+,;=:@/", c) >= 0
}

// restoreSlashes gives a matched value the slashes that were sent encoded.
func restoreSlashes(s string) string {
	if strings.IndexByte(s, EncodedSlash) < 0 {
		return s
	}
	return strings.ReplaceAll(s, string(EncodedSlash), "/")
}
