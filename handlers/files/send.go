package files

import (
	"github.com/golwan/golwan/lwan"
)

// lookAgain is what answer returns when the file has changed since the entry was made: nothing was answered.
const lookAgain lwan.Status = 0

// answer answers with a resource: it finds the representation, looks at the preconditions, and sends what was asked for.
func (s *site) answer(req *lwan.Request, resp *lwan.Response, r *resource) lwan.Status {
	p, err := s.choose(req, r)
	switch {
	case err != nil:
		return resp.Fail(err)
	case p == nil:
		r.setVary(resp)
		return lwan.StatusNotAcceptable
	}
	v := validators{p.etag, &r.dates}
	if st := v.precondition(req); st != 0 {
		if st == lwan.StatusNotModified {
			r.setFields(resp, p, false)
		}
		return st
	}
	if p.large != nil && p.large.stale() {
		return lookAgain
	}
	ranges, outcome := s.ranges(req, r, v, p.size)
	if outcome == rangeUnsatisfiable {
		return unsatisfiable(resp, p.size)
	}
	r.setFields(resp, p, true)
	if p.coding != identity {
		resp.SetHeader("Content-Encoding", p.coding.name())
	}
	st := s.send(req, resp, r, p, ranges)
	if st >= 400 && !resp.HeadSent() {
		dropFields(resp)
	}
	return st
}

// ranges reads the request's Range, if it has one that counts. A Range means something for GET only (RFC 9110 section
// 14.2).
func (s *site) ranges(req *lwan.Request, r *resource, v validators, size int64) ([]byteRange, rangeOutcome) {
	value := req.HeaderBytes("Range")
	if value == nil || !r.parts || req.Method() != "GET" || !v.ifRange(req) {
		return nil, rangeIgnored
	}
	return parseRange(value, size, s.config.MaxRanges)
}

// send sends the ranges of a representation, or all of it.
func (s *site) send(req *lwan.Request, resp *lwan.Response, r *resource, p *representation, ranges []byteRange) lwan.Status {
	if len(ranges) > 0 {
		return s.sendRanges(req, resp, r, p, ranges)
	}
	resp.SetContentType(r.ctype)
	switch {
	case req.Method() == "HEAD": // its length is what GET would get (RFC 9110 section 8.6)
		resp.SetHeader("Content-Length", p.length)
		return lwan.StatusOK
	case p.large == nil:
		resp.SetBody(p.text)
		return lwan.StatusOK
	}
	resp.SetHeader("Content-Length", p.length)
	return p.large.stream(req, resp, lwan.StatusOK, func(w *reading) error { return w.last(byteRange{0, p.size}) })
}
