package lwan

import "time"

// Limits of a request; see Server.Limits, Routes.Group and WithLimits. Zero: the default, negative: none.
type Limits struct {
	Body    int64         // bytes of a request body: 1 MiB. Beyond it reading fails with ErrTooLarge (413)
	Buffer  int64         // bytes of an answer held back before it streams: 1 MiB
	Timeout time.Duration // from the request's head until the answer's: none. Then Context ends with ErrTimeout (503)
	Read    time.Duration // longest pause while a body comes in: 30 s (408)
	Write   time.Duration // longest time in which the client takes nothing: 30 s; then the connection is cut
}

const (
	defaultBody   = 1 << 20
	defaultBuffer = 1 << 20
	defaultPause  = 30 * time.Second
	unlimited     = 1<<63 - 1
	defaultHead   = 10 * time.Second // Server.HeaderTimeout
	defaultIdle   = 60 * time.Second // Server.IdleTimeout
	defaultLinger = 2 * time.Second  // Server.LingerTimeout
)

// resolve replaces zero by the default and negative by a value that is never reached; for durations that is 0.
func (l Limits) resolve() Limits {
	return Limits{
		Body:    orDefault(l.Body, defaultBody),
		Buffer:  orDefault(l.Buffer, defaultBuffer),
		Timeout: max(l.Timeout, 0),
		Read:    orPause(l.Read, defaultPause),
		Write:   orPause(l.Write, defaultPause),
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

func orPause(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return max(d, 0)
}

// override returns l with what o sets.
func (l Limits) override(o Limits) Limits {
	if o.Body != 0 {
		l.Body = orDefault(o.Body, 0)
	}
	if o.Buffer != 0 {
		l.Buffer = orDefault(o.Buffer, 0)
	}
	if o.Timeout != 0 {
		l.Timeout = max(o.Timeout, 0)
	}
	if o.Read != 0 {
		l.Read = max(o.Read, 0)
	}
	if o.Write != 0 {
		l.Write = max(o.Write, 0)
	}
	return l
}

// WithLimits overrides those limits that are not zero, for a route or a group. The innermost wins.
func WithLimits(l Limits) Middleware {
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
