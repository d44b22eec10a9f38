package message

import (
	"bytes"
	"slices"
)

// From the bytes of a target to a path that can be routed, and back. The rules, once for the whole
// project:
//
//   - A path is percent-decoded once. An invalid escape and an escaped NUL are refused (400).
//   - An escaped slash is data of its segment and never a separator. In the decoded path it is the
//     byte EncodedSlash, which is free because NUL is refused, and which nothing takes for a slash
//     by mistake: "/a%2Fb" has one segment.
//   - Dots are dots, escaped or not (RFC 3986 section 6.2.2.2): "%2e%2e" is removed like "..". A
//     backslash is data.
//   - Dot segments and doubled slashes are removed: "/a//b/./c/.." is "/a/b/". A slash at the end
//     stays, and so does one before a dot segment at the end, which names a directory (RFC 3986
//     section 5.2.4; net/http.ServeMux takes it off). What is above the root is the root.
//
// A file server refuses a path with EncodedSlash in it; elsewhere it is shown as "%2F" in a path
// and "/" in a parameter.

// EncodedSlash stands in a cleaned path for a slash that was sent as "%2F".
const EncodedSlash = 0x00

// CleanPath appends to dst the path that raw, Head.Path, stands for, decoded and cleaned; an empty
// raw is "/". clean is false when segments had to be removed, so that a server can redirect to the
// path that was meant; decoding alone does not make a path unclean. err.Status is 0 or 400, with
// err.Offset counted from the start of raw. No allocation when dst has room for len(raw)+1 bytes.
func CleanPath(dst, raw []byte) (path []byte, clean bool, err Error) {
	root := len(dst)
	dst = append(slices.Grow(dst, len(raw)+1), '/')
	clean = true
	i := 0
	if len(raw) > 0 && raw[0] == '/' {
		i = 1
	}
	for {
		start, end := len(dst), segmentEnd(raw, i)
		if dst, err = appendDecoded(dst, raw, i, end); err.Status != 0 {
			return dst[:root], false, err
		}
		last := end == len(raw)
		switch segment := dst[start:]; {
		case len(segment) == 0:
			clean = clean && last
		case string(segment) == ".":
			dst, clean = dst[:start], false
		case string(segment) == "..":
			dst, clean = parent(dst[:start], root), false
		case !last:
			dst = append(dst, '/')
		}
		if last {
			return dst, clean, Error{}
		}
		i = end + 1
	}
}

// segmentEnd is the index of the first slash from i on, or len(raw).
func segmentEnd(raw []byte, i int) int {
	if n := bytes.IndexByte(raw[i:], '/'); n >= 0 {
		return i + n
	}
	return len(raw)
}

// appendDecoded decodes raw[i:end], which holds no slash.
func appendDecoded(dst, raw []byte, i, end int) ([]byte, Error) {
	for i < end {
		c, n := raw[i], 1
		if c == '%' {
			if badEscape(raw[i:min(i+3, end)]) >= 0 {
				return dst, Error{400, i, ReasonEscape}
			}
			c, n = hexDigit[raw[i+1]]<<4|hexDigit[raw[i+2]], 3
		}
		switch c {
		case 0:
			return dst, Error{400, i, ReasonEscapedNUL}
		case '/':
			c = EncodedSlash
		}
		dst = append(dst, c)
		i += n
	}
	return dst, Error{}
}

// parent takes the last segment off dst, which ends in a slash and begins with one at root.
func parent(dst []byte, root int) []byte {
	if len(dst) == root+1 {
		return dst
	}
	return dst[:root+bytes.LastIndexByte(dst[root:len(dst)-1], '/')+1]
}
