package message

import (
	"net/http"
	"testing"
)

// net/http knows the same codes, some under older names.
func TestStatusTextAgainstNetHTTP(t *testing.T) {
	differs := map[int]string{
		104: "registered after net/http's list was made",
		413: "Request Entity Too Large before RFC 9110",
		414: "Request URI Too Long before RFC 9110",
		416: "Requested Range Not Satisfiable before RFC 9110",
		422: "Unprocessable Entity before RFC 9110",
	}
	for code := range 1000 {
		got, want := StatusText(code), http.StatusText(code)
		if _, listed := differs[code]; (got != want) != listed {
			t.Errorf("%d: %q, net/http has %q, listed is %v", code, got, want, listed)
		}
	}
}
