package gateway

import (
	"time"

	"github.com/golwan/golwan/lwan"
)

// Retry says what is sent again, to another backend where there is one.
//
// These need no permission: a backend that cannot be connected to or is full; and, once, for a
// request that may be sent twice (GET, HEAD, OPTIONS, TRACE, PUT, DELETE; RFC 9110 section 9.2.2),
// the end of a kept connection before the answer's first byte: it is sent to the same backend, on a
// new connection. Never: when anything has been sent to the client, or a body was begun that is not
// held in memory.
type Retry struct {
	Tries  int           // backends tried: 3; negative: one only
	Within time.Duration // from the first: 10 s; negative: no limit
	// retries of this group for each request, averaged over 10 s: 0.2, and 3 more; negative: 3 in
	// 10 s only. Connections that cannot be made do not count
	Budget float64
	// answers that are tried elsewhere: none. 502, 503, 504 and 429 make sense
	On       []lwan.Status
	Timeouts bool  // also answers that do not come in time
	Unsafe   bool  // also methods that may not be sent twice. It is on you
	Body     int64 // of a body kept for it: 64 KiB; negative: none
}

// trouble is what went wrong with a try.
type trouble uint8

const (
	unreachable trouble = iota // no connection
	stale                      // a kept connection has ended before the answer's first byte
	slow                       // no answer in time
	unwanted                   // an answer of a status of Retry.On
	overloaded                 // the application has not taken the request
	broken                     // anything else of the backend's
)

// again is what follows a try that went wrong.
type again uint8

const (
	giveUp   again = iota
	renewed        // the same member, on a new connection
	nextOne        // another member
	nextPaid       // another member, if the budget allows it
)

// try is how far a request has come.
type try struct {
	method  string
	members int           // tried, this one included
	since   time.Duration // the first began
	renewed bool          // there was a retry on a new connection
	sent    bool          // anything of the request has been written to this member
	gone    bool          // its body is gone, in part at least
	begun   bool          // anything has been sent to the client
}

// after says what follows trouble.
func (r *Retry) after(what trouble, t *try) again {
	switch {
	case t.begun, t.gone:
		return giveUp
	case what == stale:
		if idempotent(t.method) && !t.renewed {
			return renewed
		}
		return giveUp
	case t.members >= r.tries(), r.Within >= 0 && t.since >= r.within():
		return giveUp
	case what == unreachable && !t.sent, what == overloaded:
		return nextOne
	case !r.Unsafe && !idempotent(t.method):
		return giveUp
	case what == unwanted, what == slow && r.Timeouts:
		return nextPaid
	}
	return giveUp
}

func (r *Retry) tries() int {
	if r.Tries == 0 {
		return 3
	}
	return max(r.Tries, 1)
}

func (r *Retry) within() time.Duration { return orDefault(r.Within, 10*time.Second) }

// kept is how much of a body is kept in memory.
func (r *Retry) kept() int64 { return max(orDefault(r.Body, 64<<10), 0) }

// idempotent reports whether a request with that method may be sent twice (RFC 9110 section 9.2.2).
func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// orDefault is v, or its default if it is zero.
func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}
