package template

// meant marks the bytes that HTML gives a meaning, with their place in
// escapes. All are ASCII, so no byte of a longer character is ever touched.
var meant = [256]uint8{'&': 1, '<': 2, '>': 3, '"': 4, '\'': 5, 0: 6}

// escapes stand for those bytes in text and in attribute values between single
// or double quotes. NUL is not allowed in HTML; browsers show the replacement
// character for it, and so does html/template.
var escapes = [...]string{"", "&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "\uFFFD"}

// longestEscape is the length of the longest of escapes.
const longestEscape = len("&quot;")

// appendEscaped appends s with the bytes that HTML gives a meaning replaced.
func appendEscaped(buf []byte, s string) []byte {
	from := 0
	for i := range len(s) {
		if e := meant[s[i]]; e != 0 {
			buf = append(buf, s[from:i]...)
			buf = append(buf, escapes[e]...)
			from = i + 1
		}
	}
	return append(buf, s[from:]...)
}
