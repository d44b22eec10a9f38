package lwan

import (
	"mime"
	"testing"
	"unicode/utf8"
)

func TestAttachment(t *testing.T) {
	for name, want := range map[string]string{
		"a.txt":   `attachment; filename="a.txt"`,
		"a b.txt": `attachment; filename="a b.txt"`,
		`a"b\.c`:  `attachment; filename="a_b_.c"; filename*=UTF-8''a%22b%5C.c`,
		"ü.txt":   `attachment; filename="_.txt"; filename*=UTF-8''%C3%BC.txt`,
		"50%.txt": `attachment; filename="50_.txt"; filename*=UTF-8''50%25.txt`,
		"\xff":    `attachment; filename="_"`,
		"a\nb":    `attachment; filename="a_b"; filename*=UTF-8''a%0Ab`,
	} {
		got := Attachment(name)
		if got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
		_, params, err := mime.ParseMediaType(got)
		if err != nil || (utf8.ValidString(name) && params["filename"] != name) {
			t.Errorf("%q is read as %q, %v", name, params["filename"], err)
		}
	}
}

// FuzzAttachment lets package mime read the field: the name comes out as it went in.
func FuzzAttachment(f *testing.F) {
	for _, name := range []string{
		"a.txt", "ü\"\r\n%", "", "a\\b\"", "%41", "a;b=c", "\x00\x7f", "\xff",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		v := Attachment(name)
		for i := range len(v) {
			if v[i] < ' ' || v[i] >= 0x7f {
				t.Fatalf("%q: %q", name, v)
			}
		}
		_, params, err := mime.ParseMediaType(v)
		if err != nil || utf8.ValidString(name) && params["filename"] != name {
			t.Fatalf("%q: %s is read as %q, %v", name, v, params["filename"], err)
		}
	})
}
