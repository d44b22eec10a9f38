package message

import "testing"

func TestInTrailer(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Sum": true, "Server-Timing": true, "ETag": true, "Via": true, "x": true,
		"content-length": false, "Transfer-Encoding": false, "TE": false, "Host": false,
		"AUTHORIZATION": false, "Cookie": false, "Set-Cookie": false, "Content-Type": false,
		"Date": false, "date": false, "vary": false, "WWW-Authenticate": false, "Location": false,
	} {
		if got := InTrailer(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
