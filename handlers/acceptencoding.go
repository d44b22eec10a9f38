package handlers

import "github.com/golwan/golwan/lwan"

// acceptsGzip reports whether a client prefers gzip, or has nothing against it. One without
// Accept-Encoding is not taken at its word: it may not know what to do with the coding.
func acceptsGzip(req *lwan.Request) bool {
	return req.AcceptsEncoding("gzip", "identity") == "gzip"
}
