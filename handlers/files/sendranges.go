package files

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/golwan/golwan/lwan"
)

// unsatisfiable answers a Range of which nothing is there (RFC 9110 section 15.5.17).
func unsatisfiable(resp *lwan.Response, size int64) lwan.Status {
	resp.SetHeader("Content-Range", fmt.Sprintf("bytes */%d", size))
	return lwan.StatusRequestedRangeNotSatisfiable
}

// sendRanges answers with parts of a representation.
func (s *site) sendRanges(
	req *lwan.Request, resp *lwan.Response, r *resource, p *representation, ranges []byteRange,
) lwan.Status {
	if len(ranges) == 1 { // never as a multipart (RFC 9110 section 15.3.7.2)
		resp.SetContentType(r.ctype)
		return s.sendRange(req, resp, p, ranges[0])
	}
	if p.large != nil && p.large.at == nil {
		ranges = ascending(ranges)
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

// ascending sorts the ranges of a file that can only be read from its beginning, as one in an
// archive. The order that was asked for should be kept (RFC 9110 section 15.3.7.2), but a client
// that asks for the end first and the beginning last would have the file read, or decompressed,
// once for each range.
func ascending(ranges []byteRange) []byteRange {
	return slices.SortedFunc(slices.Values(ranges), func(a, b byteRange) int {
		return cmp.Compare(a.off, b.off)
	})
}

func (s *site) sendRange(
	req *lwan.Request, resp *lwan.Response, p *representation, r byteRange,
) lwan.Status {
	resp.SetHeader("Content-Range", r.contentRange(p.size))
	if p.large == nil {
		resp.SetBody(p.text[r.off:r.end()])
		return lwan.StatusPartialContent
	}
	resp.SetHeader("Content-Length", strconv.FormatInt(r.n, 10))
	return s.streamParts(req, resp, p, func(w *reading) error { return w.last(r) })
}

// streamParts sends a 206 whose content comes from a file.
func (s *site) streamParts(
	req *lwan.Request, resp *lwan.Response, p *representation, send func(*reading) error,
) lwan.Status {
	return p.large.stream(req, resp, lwan.StatusPartialContent, func(w *reading) error {
		if err := resp.SendHead(lwan.StatusPartialContent); err != nil {
			return err
		}
		return send(w)
	})
}
