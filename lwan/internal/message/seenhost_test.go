package message

import (
	"strings"
	"testing"
)

// TestSeenHost: a Head that is used again takes each Host for what it is, whatever it was before.
func TestSeenHost(t *testing.T) {
	long := strings.Repeat("a", 31)
	var h Head
	for i, c := range []struct {
		host  string
		valid bool
	}{
		{"", true}, {"example.org", true}, {"example.org", true}, {"example.or/", false},
		{"example.org", true}, {"example.or", true}, {"example.orgs", true}, {"", true},
		{"[::1]:80", true}, {"[::1]:8 ", false}, {"[::1]:80", true}, {long, true}, {long, true},
		{long + "b", true}, {long + "/", false}, {long, true}, {long[:30] + "/", false},
	} {
		h.Reset()
		var said Said
		status, _ := h.hostField(Span{}, []byte(c.host), &said)
		if (status == 0) != c.valid {
			t.Errorf("%d: %q gives %d", i, c.host, status)
		}
	}
}
