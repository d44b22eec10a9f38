package handlers

import (
	"strings"

	"github.com/golwan/golwan/lwan"
)

// vary says that the answer depends on these request fields, a list, so that caches keep an answer
// for each of their values (RFC 9110 section 12.5.5). Several Vary fields are one list, so the
// values that others have set stay.
func vary(resp *lwan.Response, names string) {
	for _, set := range resp.HeaderAll("Vary") {
		if strings.EqualFold(set, names) {
			return
		}
	}
	resp.AddHeader("Vary", names)
}
