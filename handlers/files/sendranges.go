package files

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// unsatisfiable answers a Range of which nothing is there (RFC 9110 section 15.5.17).
func unsatisfiable(resp *lwan.Response, size int64) lwan.Status {
	for _, name := range []string{"Content-Encoding", "Content-Disposition", "Last-Modified", "ETag", "Cache-Control", "Expires"} {
		resp.DelHeader(name) // they are those of the file, and this is an error
	}
	resp.SetHeader("Content-Range", fmt.Sprintf("bytes */%d", size))
	return lwan.StatusRequestedRangeNotSatisfiable
}

// sendRanges answers with parts of a representation.
func (s *site) sendRanges(req *lwan.Request, resp *lwan.Response, r *resource, p *representation, ranges []byteRange) lwan.Status {
	if len(ranges) == 1 { // never as a multipart (RFC 9110 section 15.3.7.2)
		resp.SetContentType(r.ctype)
		return s.sendRange(req, resp, p, ranges[0])
	}
	m := newMultipart(r.ctype, p.size, ranges)
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

// multipart is a content of type multipart/byteranges (RFC 9110 section 14.6).
type multipart struct {
	boundary string
	heads    []string // of each part, with the delimiter before it
	ranges   []byteRange
}

func newMultipart(ctype string, size int64, ranges []byteRange) *multipart {
	m := &multipart{boundary: rand.Text(), ranges: ranges}
	delimiter := "--" + m.boundary
	for _, r := range ranges {
		m.heads = append(m.heads, delimiter+"\r\nContent-Type: "+ctype+"\r\nContent-Range: "+r.contentRange(size)+"\r\n\r\n")
		delimiter = "\r\n--" + m.boundary
	}
	return m
}

func (m *multipart) end() string { return "\r\n--" + m.boundary + "--\r\n" }

// length is that of the whole content.
func (m *multipart) length() int64 {
	n := int64(len(m.end()))
	for i, r := range m.ranges {
		n += int64(len(m.heads[i])) + r.n
	}
	return n
}

// of is the multipart of a content in memory.
func (m *multipart) of(text string) string {
	var b strings.Builder
	b.Grow(int(m.length()))
	for i, r := range m.ranges {
		b.WriteString(m.heads[i])
		b.WriteString(text[r.off:r.end()])
	}
	b.WriteString(m.end())
	return b.String()
}

// send sends the multipart of a file. The end is held back until it is known that the file has not changed.
func (m *multipart) send(w *reading) error {
	for i, r := range m.ranges {
		if _, err := w.resp.WriteString(m.heads[i]); err != nil {
			return err
		}
		if err := w.part(r); err != nil {
			return err
		}
	}
	if err := w.check(); err != nil {
		return err
	}
	_, err := w.resp.WriteString(m.end())
	return err
}
