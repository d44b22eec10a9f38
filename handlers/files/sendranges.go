package files

import (
	"fmt"
	"strconv"

	"github.com/golwan/golwan/lwan"
)

// unsatisfiable answers a Range of which nothing is there (RFC 9110 section 15.5.17).
func unsatisfiable(resp *lwan.Response, size int64) lwan.Status {
	resp.SetHeader("Content-Range", fmt.Sprintf("bytes */%d", size))
	return lwan.StatusRequestedRangeNotSatisfiable
}

// sendRanges answers with parts of a representation.
func (s *site) sendRanges(req *lwan.Request, resp *lwan.Response, r *resource, p *representation, ranges []byteRange) lwan.Status {
	if len(ranges) == 1 { // never as a multipart (RFC 9110 section 15.3.7.2)
		resp.SetContentType(r.ctype)
		return s.sendRange(req, resp, p, ranges[0])
	}
	m := newParts(r.ctype, p.size, ranges)
	resp.SetContentType("multipart/byteranges; boundary=" + m.boundary)
	if p.large == nil {
		resp.SetBody(m.of(p.text))
		return lwan.StatusPartialContent
	}
	resp.SetHeader("Content-Length", strconv.FormatInt(m.length(), 10))
	return s.streamParts(req, resp, p, m.send)
}

func (s *site) sendRange(req *lwan.Request, resp *lwan.Response, p *representation, r byteRange) lwan.Status {
	resp.SetHeader("Content-Range", r.contentRange(p.size))
	if p.large == nil {
		resp.SetBody(p.text[r.off:r.end()])
		return lwan.StatusPartialContent
	}
	resp.SetHeader("Content-Length", strconv.FormatInt(r.n, 10))
	return s.streamParts(req, resp, p, func(w *reading) error { return w.last(r) })
}

// streamParts sends a 206 whose content comes from a file.
func (s *site) streamParts(req *lwan.Request, resp *lwan.Response, p *representation, send func(*reading) error) lwan.Status {
	return p.large.stream(req, resp, lwan.StatusPartialContent, func(w *reading) error {
		if err := resp.SendHead(lwan.StatusPartialContent); err != nil {
			return err
		}
		return send(w)
	})
}
