package lwan

import (
	"github.com/golwan/golwan/lwan/internal/message"
)

// Status is what a handler returns: the response's status code. Untyped constants fit: return 201,
// return http.StatusCreated.
//
// Before the head is out, the returned value is the status on the wire; a status of 400 and above
// with an empty body gets the error page. After the head is out (Flush, SendHead, Events), it is
// only the outcome: below 400 the body ends properly, from 400 on the connection is cut, so that
// the client sees that something is missing. A value that cannot be a final status (below 200,
// above 999) is answered with 500 and logged with the route.
type Status int

// Status codes as registered with IANA; the names are those of net/http.
const (
	StatusOK                            Status = 200 // RFC 9110, 15.3.1
	StatusCreated                       Status = 201 // RFC 9110, 15.3.2
	StatusAccepted                      Status = 202 // RFC 9110, 15.3.3
	StatusNonAuthoritativeInfo          Status = 203 // RFC 9110, 15.3.4
	StatusNoContent                     Status = 204 // RFC 9110, 15.3.5
	StatusResetContent                  Status = 205 // RFC 9110, 15.3.6
	StatusPartialContent                Status = 206 // RFC 9110, 15.3.7
	StatusMultiStatus                   Status = 207 // RFC 4918, 11.1
	StatusAlreadyReported               Status = 208 // RFC 5842, 7.1
	StatusIMUsed                        Status = 226 // RFC 3229, 10.4.1
	StatusMultipleChoices               Status = 300 // RFC 9110, 15.4.1
	StatusMovedPermanently              Status = 301 // RFC 9110, 15.4.2
	StatusFound                         Status = 302 // RFC 9110, 15.4.3
	StatusSeeOther                      Status = 303 // RFC 9110, 15.4.4
	StatusNotModified                   Status = 304 // RFC 9110, 15.4.5
	StatusUseProxy                      Status = 305 // RFC 9110, 15.4.6
	StatusTemporaryRedirect             Status = 307 // RFC 9110, 15.4.8
	StatusPermanentRedirect             Status = 308 // RFC 9110, 15.4.9
	StatusBadRequest                    Status = 400 // RFC 9110, 15.5.1
	StatusUnauthorized                  Status = 401 // RFC 9110, 15.5.2
	StatusPaymentRequired               Status = 402 // RFC 9110, 15.5.3
	StatusForbidden                     Status = 403 // RFC 9110, 15.5.4
	StatusNotFound                      Status = 404 // RFC 9110, 15.5.5
	StatusMethodNotAllowed              Status = 405 // RFC 9110, 15.5.6
	StatusNotAcceptable                 Status = 406 // RFC 9110, 15.5.7
	StatusProxyAuthRequired             Status = 407 // RFC 9110, 15.5.8
	StatusRequestTimeout                Status = 408 // RFC 9110, 15.5.9
	StatusConflict                      Status = 409 // RFC 9110, 15.5.10
	StatusGone                          Status = 410 // RFC 9110, 15.5.11
	StatusLengthRequired                Status = 411 // RFC 9110, 15.5.12
	StatusPreconditionFailed            Status = 412 // RFC 9110, 15.5.13
	StatusRequestEntityTooLarge         Status = 413 // RFC 9110, 15.5.14
	StatusRequestURITooLong             Status = 414 // RFC 9110, 15.5.15
	StatusUnsupportedMediaType          Status = 415 // RFC 9110, 15.5.16
	StatusRequestedRangeNotSatisfiable  Status = 416 // RFC 9110, 15.5.17
	StatusExpectationFailed             Status = 417 // RFC 9110, 15.5.18
	StatusTeapot                        Status = 418 // RFC 9110, 15.5.19 (Unused)
	StatusMisdirectedRequest            Status = 421 // RFC 9110, 15.5.20
	StatusUnprocessableEntity           Status = 422 // RFC 9110, 15.5.21
	StatusLocked                        Status = 423 // RFC 4918, 11.3
	StatusFailedDependency              Status = 424 // RFC 4918, 11.4
	StatusTooEarly                      Status = 425 // RFC 8470, 5.2.
	StatusUpgradeRequired               Status = 426 // RFC 9110, 15.5.22
	StatusPreconditionRequired          Status = 428 // RFC 6585, 3
	StatusTooManyRequests               Status = 429 // RFC 6585, 4
	StatusRequestHeaderFieldsTooLarge   Status = 431 // RFC 6585, 5
	StatusUnavailableForLegalReasons    Status = 451 // RFC 7725, 3
	StatusInternalServerError           Status = 500 // RFC 9110, 15.6.1
	StatusNotImplemented                Status = 501 // RFC 9110, 15.6.2
	StatusBadGateway                    Status = 502 // RFC 9110, 15.6.3
	StatusServiceUnavailable            Status = 503 // RFC 9110, 15.6.4
	StatusGatewayTimeout                Status = 504 // RFC 9110, 15.6.5
	StatusHTTPVersionNotSupported       Status = 505 // RFC 9110, 15.6.6
	StatusVariantAlsoNegotiates         Status = 506 // RFC 2295, 8.1
	StatusInsufficientStorage           Status = 507 // RFC 4918, 11.5
	StatusLoopDetected                  Status = 508 // RFC 5842, 7.2
	StatusNotExtended                   Status = 510 // RFC 2774, 7
	StatusNetworkAuthenticationRequired Status = 511 // RFC 6585, 6
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
