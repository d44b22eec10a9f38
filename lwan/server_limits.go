package lwan

import (
	"math"
	"reflect"
	"time"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Limits of a request; see Server.Limits, Routes.Group and WithLimits. Zero: the default, negative:
// none.
type Limits struct {
	// bytes of a request body: 1 MiB. Beyond it reading fails with ErrTooLarge (413)
	Body   int64
	Buffer int64 // bytes of an answer held back before it streams: 1 MiB
	// from the request's head until the answer's: none. Then Context ends with ErrTimeout (503); a
	// stream that has begun goes on
	Timeout time.Duration
	Read    time.Duration // longest pause while a body comes in: 30 s (408)
	// longest time in which the client takes nothing: 30 s; then the connection is cut
	Write time.Duration

	// BodyFirst is how many bytes of a body the loop waits for before it takes a goroutine for a
	// Blocking handler: none, so that handlers can answer while they read. With as much as Body, a
	// client that sends slowly holds no goroutine. While half of Server.Goroutines have handlers
	// whose bodies are not there yet, up to 1 MiB (and Body) is waited for anyway.
	BodyFirst int64

	FormPairs int // pairs of an urlencoded form: 1000; then 413
	// parts of a multipart body: 1000; then 413. A higher number counts for Parts alone: Form takes
	// no more
	FormParts int
	// bytes of the files of a Form that are kept in memory: 64 KiB; more go to disk until the
	// request is over
	FormMemory int64
	QueryPairs int // query parameters that are looked at: 1000; those behind them are ignored
	Cookies    int // cookies that are looked at: 200; those behind them are ignored
}

const (
	defaultBody   = 1 << 20
	defaultBuffer = 1 << 20
	defaultPause  = 30 * time.Second
	defaultPairs  = 1000 // of queries and forms: no honest page sends so many
	defaultParts  = 1000
	defaultMemory = 64 << 10
	// Browsers send fewer cookies: RFC 6265 section 6.1 asks them to be able to keep 50 a domain.
	defaultCookies     = 200
	unlimited          = 1<<63 - 1
	defaultHead        = 10 * time.Second        // Server.HeaderTimeout
	defaultIdle        = 60 * time.Second        // Server.IdleTimeout
	defaultLinger      = transport.LingerTimeout // Server.LingerTimeout
	defaultLingerBytes = transport.LingerBytes   // Server.LingerBytes
	defaultDrainIdle   = 10 * time.Second        // Server.DrainIdle after Restart
	defaultRestart     = 60 * time.Second        // Server.RestartTimeout
)

// resolve replaces zero by the default and negative by a value that is never reached; for durations
// that is 0.
func (l Limits) resolve() Limits {
	return Limits{
		Body:    orDefault(l.Body, defaultBody),
		Buffer:  orDefault(l.Buffer, defaultBuffer),
		Timeout: max(l.Timeout, 0),
		Read:    orPause(l.Read, defaultPause),
		Write:   orPause(l.Write, defaultPause),

		BodyFirst: max(l.BodyFirst, 0),

		FormPairs:  orCount(l.FormPairs, defaultPairs),
		FormParts:  orCount(l.FormParts, defaultParts),
		FormMemory: orDefault(l.FormMemory, defaultMemory),
		QueryPairs: orCount(l.QueryPairs, defaultPairs),
		Cookies:    orCount(l.Cookies, defaultCookies),
	}
}

func orDefault(n, otherwise int64) int64 {
	switch {
	case n == 0:
		return otherwise
	case n < 0:
		return unlimited
	}
	return n
}

func orCount(n, otherwise int) int {
	switch {
	case n == 0:
		return otherwise
	case n < 0:
		return math.MaxInt
	}
	return n
}

func orPause(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return max(d, 0)
}

// override returns l with what o sets.
func (l Limits) override(o Limits) Limits {
	l.Body = orDefault(o.Body, l.Body)
	l.Buffer = orDefault(o.Buffer, l.Buffer)
	if o.Timeout != 0 {
		l.Timeout = max(o.Timeout, 0)
	}
	l.Read = orPause(o.Read, l.Read)
	l.Write = orPause(o.Write, l.Write)
	if o.BodyFirst != 0 {
		l.BodyFirst = max(o.BodyFirst, 0)
	}
	l.FormPairs = orCount(o.FormPairs, l.FormPairs)
	l.FormParts = orCount(o.FormParts, l.FormParts)
	l.FormMemory = orDefault(o.FormMemory, l.FormMemory)
	l.QueryPairs = orCount(o.QueryPairs, l.QueryPairs)
	l.Cookies = orCount(o.Cookies, l.Cookies)
	return l
}

// noHeadLimit is what no limit means in a head: offsets in it have 32 bits.
const noHeadLimit = 1 << 30

func orHeadLimit(n, otherwise int) int { return min(orCount(n, otherwise), noHeadLimit) }

// headLimits is how large a request's head may be.
func (s *Server) headLimits() message.Limits {
	return message.Limits{
		Line:   orHeadLimit(s.MaxLineBytes, message.DefaultLine),
		Fields: orHeadLimit(s.MaxHeaderBytes, message.DefaultFields),
		Count:  min(orHeadLimit(s.MaxFields, message.DefaultCount), math.MaxUint16),
	}
}

// chunkLimits is a decoder with the limits of what is no data in a chunked body.
func (s *Server) chunkLimits() http1.Chunked {
	head := s.headLimits()
	return http1.Chunked{
		MaxExtension:    uint32(orHeadLimit(s.MaxChunkExtensions, http1.DefaultExtension)),
		MaxTrailer:      uint32(head.Fields),
		MaxTrailerCount: uint32(head.Count),
	}
}

// WithLimits overrides those limits that are not zero, for a route or a group. The innermost wins.
func WithLimits(l Limits) Middleware { return limiting(l) }

// limiting makes the closure by which limitsOf knows one of WithLimits, in one place that is not
// inlined into others.
//
//go:noinline
func limiting(l Limits) Middleware {
	return func(next Handler) Handler {
		return func(req *Request, resp *Response) Status {
			before := req.limits.Timeout
			req.limits = req.limits.override(l)
			if req.limits.Timeout != before {
				req.resetDeadline()
			}
			return next(req, resp)
		}
	}
}

var limitingCode = reflect.ValueOf(limiting(Limits{})).Pointer()

// limitsOf is what limits become in a chain of middleware: what a loop does before it takes a
// goroutine for a Blocking route cannot wait until the chain runs there.
func limitsOf(mw []Middleware, limits Limits) Limits {
	for _, m := range mw {
		if reflect.ValueOf(m).Pointer() != limitingCode {
			continue
		}
		probe := &Request{limits: limits}
		m(func(req *Request, _ *Response) Status { limits = req.limits; return 0 })(probe, nil)
	}
	return limits
}
