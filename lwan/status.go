package lwan

import (
	"net/http"

	"github.com/golwan/golwan/lwan/internal/message"
)

// Status is what a handler returns: the response's status code. Untyped constants fit: return 201,
// return http.StatusCreated.
//
// Before the head is out, the returned value is the status on the wire; a status of 400 and above with an empty body
// gets the error page. After the head is out (Flush, SendHead, Events), it is only the outcome: below 400 the body ends
// properly, from 400 on the connection is cut, so that the client sees that something is missing. A value that cannot be
// a final status (below 200, above 999) is answered with 500 and logged with the route.
type Status int

// Status codes as registered with IANA; the names are those of net/http.
const (
	StatusOK                            Status = http.StatusOK                            // RFC 9110, 15.3.1
	StatusCreated                       Status = http.StatusCreated                       // RFC 9110, 15.3.2
	StatusAccepted                      Status = http.StatusAccepted                      // RFC 9110, 15.3.3
	StatusNonAuthoritativeInfo          Status = http.StatusNonAuthoritativeInfo          // RFC 9110, 15.3.4
	StatusNoContent                     Status = http.StatusNoContent                     // RFC 9110, 15.3.5
	StatusResetContent                  Status = http.StatusResetContent                  // RFC 9110, 15.3.6
	StatusPartialContent                Status = http.StatusPartialContent                // RFC 9110, 15.3.7
	StatusMultiStatus                   Status = http.StatusMultiStatus                   // RFC 4918, 11.1
	StatusAlreadyReported               Status = http.StatusAlreadyReported               // RFC 5842, 7.1
	StatusIMUsed                        Status = http.StatusIMUsed                        // RFC 3229, 10.4.1
	StatusMultipleChoices               Status = http.StatusMultipleChoices               // RFC 9110, 15.4.1
	StatusMovedPermanently              Status = http.StatusMovedPermanently              // RFC 9110, 15.4.2
	StatusFound                         Status = http.StatusFound                         // RFC 9110, 15.4.3
	StatusSeeOther                      Status = http.StatusSeeOther                      // RFC 9110, 15.4.4
	StatusNotModified                   Status = http.StatusNotModified                   // RFC 9110, 15.4.5
	StatusUseProxy                      Status = http.StatusUseProxy                      // RFC 9110, 15.4.6
	StatusTemporaryRedirect             Status = http.StatusTemporaryRedirect             // RFC 9110, 15.4.8
	StatusPermanentRedirect             Status = http.StatusPermanentRedirect             // RFC 9110, 15.4.9
	StatusBadRequest                    Status = http.StatusBadRequest                    // RFC 9110, 15.5.1
	StatusUnauthorized                  Status = http.StatusUnauthorized                  // RFC 9110, 15.5.2
	StatusPaymentRequired               Status = http.StatusPaymentRequired               // RFC 9110, 15.5.3
	StatusForbidden                     Status = http.StatusForbidden                     // RFC 9110, 15.5.4
	StatusNotFound                      Status = http.StatusNotFound                      // RFC 9110, 15.5.5
	StatusMethodNotAllowed              Status = http.StatusMethodNotAllowed              // RFC 9110, 15.5.6
	StatusNotAcceptable                 Status = http.StatusNotAcceptable                 // RFC 9110, 15.5.7
	StatusProxyAuthRequired             Status = http.StatusProxyAuthRequired             // RFC 9110, 15.5.8
	StatusRequestTimeout                Status = http.StatusRequestTimeout                // RFC 9110, 15.5.9
	StatusConflict                      Status = http.StatusConflict                      // RFC 9110, 15.5.10
	StatusGone                          Status = http.StatusGone                          // RFC 9110, 15.5.11
	StatusLengthRequired                Status = http.StatusLengthRequired                // RFC 9110, 15.5.12
	StatusPreconditionFailed            Status = http.StatusPreconditionFailed            // RFC 9110, 15.5.13
	StatusRequestEntityTooLarge         Status = http.StatusRequestEntityTooLarge         // RFC 9110, 15.5.14
	StatusRequestURITooLong             Status = http.StatusRequestURITooLong             // RFC 9110, 15.5.15
	StatusUnsupportedMediaType          Status = http.StatusUnsupportedMediaType          // RFC 9110, 15.5.16
	StatusRequestedRangeNotSatisfiable  Status = http.StatusRequestedRangeNotSatisfiable  // RFC 9110, 15.5.17
	StatusExpectationFailed             Status = http.StatusExpectationFailed             // RFC 9110, 15.5.18
	StatusTeapot                        Status = http.StatusTeapot                        // RFC 9110, 15.5.19 (Unused)
	StatusMisdirectedRequest            Status = http.StatusMisdirectedRequest            // RFC 9110, 15.5.20
	StatusUnprocessableEntity           Status = http.StatusUnprocessableEntity           // RFC 9110, 15.5.21
	StatusLocked                        Status = http.StatusLocked                        // RFC 4918, 11.3
	StatusFailedDependency              Status = http.StatusFailedDependency              // RFC 4918, 11.4
	StatusTooEarly                      Status = http.StatusTooEarly                      // RFC 8470, 5.2.
	StatusUpgradeRequired               Status = http.StatusUpgradeRequired               // RFC 9110, 15.5.22
	StatusPreconditionRequired          Status = http.StatusPreconditionRequired          // RFC 6585, 3
	StatusTooManyRequests               Status = http.StatusTooManyRequests               // RFC 6585, 4
	StatusRequestHeaderFieldsTooLarge   Status = http.StatusRequestHeaderFieldsTooLarge   // RFC 6585, 5
	StatusUnavailableForLegalReasons    Status = http.StatusUnavailableForLegalReasons    // RFC 7725, 3
	StatusInternalServerError           Status = http.StatusInternalServerError           // RFC 9110, 15.6.1
	StatusNotImplemented                Status = http.StatusNotImplemented                // RFC 9110, 15.6.2
	StatusBadGateway                    Status = http.StatusBadGateway                    // RFC 9110, 15.6.3
	StatusServiceUnavailable            Status = http.StatusServiceUnavailable            // RFC 9110, 15.6.4
	StatusGatewayTimeout                Status = http.StatusGatewayTimeout                // RFC 9110, 15.6.5
	StatusHTTPVersionNotSupported       Status = http.StatusHTTPVersionNotSupported       // RFC 9110, 15.6.6
	StatusVariantAlsoNegotiates         Status = http.StatusVariantAlsoNegotiates         // RFC 2295, 8.1
	StatusInsufficientStorage           Status = http.StatusInsufficientStorage           // RFC 4918, 11.5
	StatusLoopDetected                  Status = http.StatusLoopDetected                  // RFC 5842, 7.2
	StatusNotExtended                   Status = http.StatusNotExtended                   // RFC 2774, 7
	StatusNetworkAuthenticationRequired Status = http.StatusNetworkAuthenticationRequired // RFC 6585, 6
)

// Shorter names, and one that is never on the wire.
const (
	StatusTooLarge      = StatusRequestEntityTooLarge
	StatusUnprocessable = StatusUnprocessableEntity
	StatusUnavailable   = StatusServiceUnavailable

	// StatusClientGone is the outcome of a request whose client left: for logs and middleware.
	StatusClientGone Status = 499
)

// Text is the reason phrase of the registry, or "" for a code that is not in it.
func (s Status) Text() string {
	if s == StatusClientGone {
		return "Client Gone"
	}
	return message.StatusText(int(s))
}

// final reports whether s can be the status of a final response (RFC 9110 section 15).
func (s Status) final() bool { return s >= 200 && s <= 999 }

// sendable reports whether s can be the status of a final response on the wire.
func (s Status) sendable() bool { return s.final() && s != StatusClientGone }

// bodyless reports whether a response with this status never has content (RFC 9110 section 6.4.1).
func (s Status) bodyless() bool { return s == StatusNoContent || s == StatusNotModified }
