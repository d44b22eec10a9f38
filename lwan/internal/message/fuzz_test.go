package message

import (
	"bytes"
	"testing"
)

func FuzzCleanPath(f *testing.F) {
	for _, path := range []string{
		"", "/", "/a//b/./../c/", "/%2e%2E/%2f%41", "/%00", "/%4", "/a%5c..%5cb", "/..%2f/x/..",
	} {
		f.Add([]byte(path))
	}
	f.Fuzz(func(t *testing.T, path []byte) {
		raw := append([]byte("/"), bytes.ReplaceAll(path, []byte{0}, nil)...)
		checkAgainstTwin(t, string(raw))
		cleaned, _, err := CleanPath(nil, raw)
		if err.Status != 0 {
			return
		}
		checkEscapedRoundTrip(t, cleaned)
		again, clean, err := CleanPath(nil, appendEscaped(nil, cleaned))
		if !clean || err.Status != 0 || !bytes.Equal(again, cleaned) {
			t.Errorf("%q is cleaned to %q, and that to %q", raw, cleaned, again)
		}
	})
}
