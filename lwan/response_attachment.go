package lwan

import (
	"strings"
	"unicode/utf8"
)

// Attachment is the value of a Content-Disposition that offers the answer for saving under that
// name, of a file without directories (RFC 6266). A name that is not plain ASCII is given twice:
// reduced to ASCII, and as it is (RFC 8187 section 3.2). Any name is safe: browsers take off what
// looks like a path.
//
//	resp.SetHeader("Content-Disposition", lwan.Attachment("sales 2026.csv"))
func Attachment(name string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r >= 0x7f, r == '"', r == '\\', r == '%':
			return '_'
		}
		return r
	}, name)
	value := `attachment; filename="` + plain + `"`
	if plain != name && utf8.ValidString(name) {
		value += "; filename*=UTF-8''" + escapeExt(name)
	}
	return value
}

// escapeExt escapes all but the attr-char of RFC 8187.
func escapeExt(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isAttrChar(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

func isAttrChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}
