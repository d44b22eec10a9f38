package nethttp

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOldVersion: a client of HTTP/1.0 has no expectations and asks for no upgrade, whoever
// has read its request.
func TestOldVersion(t *testing.T) {
	for minor, want := range []bool{false, true} {
		r := httptest.NewRequest("POST", "/", strings.NewReader("x"))
		r.ProtoMinor = minor
		r.Header = http.Header{
			"Expect": {"100-continue"}, "Connection": {"Upgrade"},
			"Upgrade": {"own"}, "Not A Name": {"x"},
		}
		c := New(httptest.NewRecorder(), r, Config{})
		if !c.parse() {
			t.Fatalf("HTTP/1.%d is refused", minor)
		}
		if h := &c.head; h.Expect100 != want || h.Upgrade != want || int(h.Minor) != minor {
			t.Errorf("HTTP/1.%d: expects %v, upgrades %v, minor %d",
				minor, h.Expect100, h.Upgrade, h.Minor)
		}
	}
}
