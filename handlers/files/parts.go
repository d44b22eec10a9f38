package files

import (
	"crypto/rand"
	"io"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// parts are a content of type multipart/byteranges (RFC 9110 section 14.6).
type parts struct {
	boundary string
	heads    []string // of each part, with the delimiter before it
	ranges   []byteRange
}

func newParts(ctype string, size int64, ranges []byteRange) *parts {
	m := &parts{boundary: rand.Text(), ranges: ranges}
	delimiter := "--" + m.boundary
	for _, r := range ranges {
		m.heads = append(m.heads,
			delimiter+"\r\nContent-Type: "+ctype+"\r\nContent-Range: "+
				r.contentRange(size)+"\r\n\r\n")
		delimiter = "\r\n--" + m.boundary
	}
	return m
}

func (m *parts) end() string { return "\r\n--" + m.boundary + "--\r\n" }

// length is that of the whole content.
func (m *parts) length() int64 {
	n := int64(len(m.end()))
	for i, r := range m.ranges {
		n += int64(len(m.heads[i])) + r.n
	}
	return n
}

// of is the multipart of a content in memory.
func (m *parts) of(text string) string {
	var b strings.Builder
	b.Grow(int(m.length()))
	for i, r := range m.ranges {
		b.WriteString(m.heads[i])
		b.WriteString(text[r.off:r.end()])
	}
	b.WriteString(m.end())
	return b.String()
}

// send sends the multipart of a file. The end is held back until it is known that the file has not
// changed.
func (m *parts) send(w *reading) error {
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

// copy sends the multipart of a content that is read by the caller.
func (m *parts) copy(resp *lwan.Response, c io.ReadSeeker) error {
	for i, r := range m.ranges {
		if _, err := resp.WriteString(m.heads[i]); err != nil {
			return err
		}
		if err := copyRange(resp, c, r); err != nil {
			return err
		}
	}
	_, err := resp.WriteString(m.end())
	return err
}
