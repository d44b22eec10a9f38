package wsframe

import (
	"testing"
	"unicode/utf8"
)

// texts is valid text, and text that is not, at the borders that there are (RFC 3629 section 4).
var texts = []string{
	"", "a", "κόσμε", "日本語", "\U0001F600", "\x00\x7f",
	"\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff",
	"Hello-µ@ßöäüàá-UTF-8!!", "\ufffd\ufffe\uffff",
	"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
	"\xed\xbf\xbf",
	"\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff",
	"\xce", "\xe1\xbd", "\xf0\x9f\x98", "κ\xceκ", "a\xe1\xbd", "a\xc3(", "\xe2\x28\xa1",
	"\xe2\x82\x28", "\xf0\x28\x8c\xbc",
	"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80",
	"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
}

// inPieces is the verdict on s that comes in pieces of which each ends at a cut.
func inPieces(s string, cuts ...int) bool {
	var u UTF8
	at := 0
	for _, cut := range append(cuts, len(s)) {
		if !u.Add([]byte(s[at:cut])) {
			return false
		}
		at = cut
	}
	return u.Whole()
}

func TestUTF8(t *testing.T) {
	for _, a := range texts {
		for _, b := range []string{"", "x", "é", "\x80", "long enough for words of eight bytes"} {
			s := a + b
			for i := range len(s) + 1 {
				for j := i; j <= len(s); j++ {
					if got := inPieces(s, i, j); got != utf8.ValidString(s) {
						t.Fatalf("%q cut at %d and %d: %v", s, i, j, got)
					}
				}
			}
		}
	}
}

// TestUTF8FailsFast: the byte behind which no text can follow is told at once.
func TestUTF8FailsFast(t *testing.T) {
	for _, s := range texts {
		var u UTF8
		for i := range len(s) {
			possible := canFollow(s[:i+1])
			if ok := u.Add([]byte{s[i]}); ok != possible {
				t.Errorf("%q, byte %d: %v, want %v", s, i, ok, possible)
			}
			if !possible {
				break
			}
		}
	}
}

// canFollow is the definition: some text begins with s.
func canFollow(s string) bool {
	for _, end := range []string{"", "\x80", "\x90", "\xa0", "\x80\x80", "\x90\x80", "\xa0\x80",
		"\x80\x80\x80", "\x90\x80\x80"} {
		if utf8.ValidString(s + end) {
			return true
		}
	}
	return false
}

func FuzzUTF8(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s), uint(1), uint(2))
	}
	f.Fuzz(func(t *testing.T, b []byte, i, j uint) {
		i %= uint(len(b)) + 1
		j = i + j%(uint(len(b))-i+1)
		if got := inPieces(string(b), int(i), int(j)); got != utf8.Valid(b) {
			t.Errorf("%q cut at %d and %d: %v", b, i, j, got)
		}
	})
}
