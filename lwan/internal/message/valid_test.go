package message

import "testing"

func TestValidNameAndValue(t *testing.T) {
	for c := range 256 {
		s := string([]byte{'a', byte(c), 'b'})
		if got, want := ValidName(s), tokenOctet[c]; got != want {
			t.Errorf("name %q: %v", s, got)
		}
		if got, want := ValidValue(s), c == '\t' || c >= 0x20 && c != 0x7f; got != want {
			t.Errorf("value %q: %v", s, got)
		}
	}
	if ValidName("") || !ValidValue("") {
		t.Error("empty: a name is at least one byte, a value need not be")
	}
}
