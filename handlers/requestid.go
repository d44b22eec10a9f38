package handlers

import (
	"crypto/rand"

	"github.com/golwan/golwan/lwan"
)

// RequestIDKey has the ID of a request that came through RequestID.
var RequestIDKey = lwan.NewKey[string]("request id")

const (
	requestIDField = "X-Request-Id"
	maxRequestID   = 128
)

// RequestID gives each request an ID: that of its X-Request-Id field, so that a chain of services
// shares one, or a new one of 26 letters and digits with 128 random bits. It is in RequestIDKey, in
// every line that req.Log writes (as "request_id"), and in the X-Request-Id field of the answer, of
// errors too.
//
// A client's ID is taken if it has 1 to 128 letters, digits and "-_.~+/=:@", so that it needs no
// escaping anywhere. The client still chooses it: it is good for finding lines in a log, and for
// nothing else.
func RequestID(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		id := string(req.HeaderBytes(requestIDField))
		if !validRequestID(id) {
			id = rand.Text()
		}
		RequestIDKey.Set(req, id)
		req.SetLog(req.Log().With("request_id", id))
		// a Reset does not drop it
		resp.BeforeHead(func(lwan.Status) { resp.SetHeader(requestIDField, id) })
		return next(req, resp)
	}
}

func validRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		if !requestIDOctet(id[i]) {
			return false
		}
	}
	return true
}

func requestIDOctet(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '-', '_', '.', '~', '+', '/', '=', ':', '@':
		return true
	}
	return false
}
