package files

import (
	"github.com/golwan/golwan/lwan"
)

// lookAgain is what answer returns when the file has changed since the entry was made, and nothing
// was sent yet.
const lookAgain lwan.Status = 0

// answer sends a resource: it chooses the representation, evaluates the preconditions, and sends
// what the request asks for.
func (s *site) answer(req *lwan.Request, resp *lwan.Response, r *resource) lwan.Status {
	var p *representation
	var ranges []byteRange
	var st lwan.Status
	req.Borrow(func() { p, ranges, st = s.decide(req, resp, r) })
	if p == nil {
		return st
	}
	st = s.send(req, resp, r, p, ranges)
	if st >= 400 && !resp.HeadSent() {
		dropFields(resp)
	}
	return st
}

// decide finds what is to be sent, and sets the fields of the answer; a nil representation:
// nothing, and the status says why. It is apart from sending because sending may wait long, and a
// waiting handler keeps its stack.
func (s *site) decide(
	req *lwan.Request, resp *lwan.Response, r *resource,
) (*representation, []byteRange, lwan.Status) {
	p, err := s.choose(req, r)
	switch {
	case err != nil:
		return nil, nil, resp.Fail(err)
	case p == nil:
		r.setVary(resp)
		return nil, nil, lwan.StatusNotAcceptable
	}
	v := validators{p.etag, &r.dates}
	if st := v.precondition(req); st != 0 {
		if st == lwan.StatusNotModified {
			r.setFields(resp, p, false)
		}
		return nil, nil, st
	}
	if p.large != nil && p.large.stale() {
		return nil, nil, lookAgain
	}
	ranges, outcome := s.ranges(req, r, v, p.size)
	if outcome == rangeUnsatisfiable {
		return nil, nil, unsatisfiable(resp, p.size)
	}
	r.setFields(resp, p, true)
	if p.coding != identity {
		resp.SetHeader("Content-Encoding", p.coding.name())
	}
	return p, ranges, 0
}

// ranges reads the request's Range, if it has one that counts. A Range means something for GET only
// (RFC 9110 section 14.2).
func (s *site) ranges(
	req *lwan.Request, r *resource, v validators, size int64,
) ([]byteRange, rangeOutcome) {
	value := req.HeaderBytes("Range")
	if value == nil || !r.parts || req.Method() != "GET" || !v.ifRange(req) {
		return nil, rangeIgnored
	}
	return parseRange(value, size, s.config.MaxRanges)
}

// send sends the ranges of a representation, or all of it.
func (s *site) send(
	req *lwan.Request, resp *lwan.Response, r *resource, p *representation, ranges []byteRange,
) lwan.Status {
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
	return p.large.stream(req, resp, lwan.StatusOK, func(w *reading) error {
		return w.last(byteRange{0, p.size})
	})
}
