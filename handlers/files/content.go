package files

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/golwan/golwan/lwan"
)

// Content answers with any content that can be read from any place, as http.ServeContent does:
// whole or in ranges, or with 304 or 412 as the preconditions say.
//
// The Content-Type is the one that was set, or that of the name's extension, or guessed from the
// first 512 bytes; name is not used otherwise, and may be empty. modified is the Last-Modified; the
// zero time and that of the Unix epoch mean that it is not known. If an ETag was set, as with its
// quotes, it is what If-Match, If-None-Match and If-Range are compared with. Content-Encoding,
// Cache-Control and the like are for the caller to set.
//
// c is read by the caller's goroutine, from its beginning, whatever it was at before: on a loop it
// must be in memory. An *os.File is the exception, it is sent by the kernel. A change while it is
// sent is not noticed, unless the file becomes too short: then the answer is cut. c is not closed.
func Content(
	req *lwan.Request, resp *lwan.Response, name string, modified time.Time, c io.ReadSeeker,
) lwan.Status {
	size, err := c.Seek(0, io.SeekEnd)
	if err != nil {
		return resp.Fail(fmt.Errorf("files: content %q: %w", name, err))
	}
	d := datesOf(knownTime(modified), time.Now())
	v := validators{resp.Header("ETag"), &d}
	var st lwan.Status
	req.Borrow(func() { st = v.precondition(req) })
	if st != 0 {
		dropContentFields(resp, st)
		return st
	}
	if d.modified != "" {
		resp.SetHeader("Last-Modified", d.modified)
	}
	if err := setContentType(resp, name, c); err != nil {
		return resp.Fail(fmt.Errorf("files: content %q: %w", name, err))
	}
	if resp.Header("Content-Encoding") == "" { // else the caller knows better what size is of
		resp.SetHeader("Accept-Ranges", "bytes")
	}
	return sendContent(req, resp, v, c, size)
}

// knownTime is a time in ns since 1970, or 0.
func knownTime(t time.Time) int64 {
	if t.IsZero() || t.Unix() == 0 {
		return 0
	}
	return t.UnixNano()
}

// dropContentFields removes what the caller has set for a content that is not sent. A 304 keeps
// what helps a cache to update itself (RFC 9110 section 15.4.5).
func dropContentFields(resp *lwan.Response, st lwan.Status) {
	resp.SetContentType("")
	if st != lwan.StatusNotModified {
		dropFields(resp)
		return
	}
	for _, name := range []string{
		"Content-Length", "Content-Encoding", "Content-Range", "Content-Disposition",
	} {
		resp.DelHeader(name)
	}
}

func setContentType(resp *lwan.Response, name string, c io.ReadSeeker) error {
	if resp.Header("Content-Type") != "" {
		return nil
	}
	if _, err := c.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var head [512]byte
	n, err := io.ReadFull(c, head[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	t := extensionTypes.of(name, head[:n])
	if t == unknownType {
		t = http.DetectContentType(head[:n])
	}
	resp.SetContentType(t)
	return nil
}

var extensionTypes = newMediaTypes(nil, false)

// sendContent sends the content or the ranges of it that were asked for.
func sendContent(
	req *lwan.Request, resp *lwan.Response, v validators, c io.ReadSeeker, size int64,
) lwan.Status {
	var ranges []byteRange
	outcome := rangeIgnored
	req.Borrow(func() {
		value := req.HeaderBytes("Range")
		if value != nil && req.Method() == "GET" && v.ifRange(req) {
			ranges, outcome = parseRange(value, size, defaultMaxRanges)
		}
	})
	switch {
	case outcome == rangeUnsatisfiable:
		dropContentFields(resp, lwan.StatusRequestedRangeNotSatisfiable)
		return unsatisfiable(resp, size)
	case len(ranges) > 1:
		m := newParts(resp.Header("Content-Type"), size, ranges)
		resp.SetContentType("multipart/byteranges; boundary=" + m.boundary)
		return stream(req, resp, lwan.StatusPartialContent, m.length(), func() error {
			return m.copy(resp, c)
		})
	case len(ranges) == 1:
		resp.SetHeader("Content-Range", ranges[0].contentRange(size))
		return stream(req, resp, lwan.StatusPartialContent, ranges[0].n, func() error {
			return copyRange(resp, c, ranges[0])
		})
	}
	return stream(req, resp, lwan.StatusOK, size, func() error {
		return copyRange(resp, c, byteRange{0, size})
	})
}

// stream sends n bytes that send writes. Few are held back, so that they leave together with the
// head.
func stream(
	req *lwan.Request, resp *lwan.Response, st lwan.Status, n int64, send func() error,
) lwan.Status {
	resp.SetHeader("Content-Length", strconv.FormatInt(n, 10))
	if req.Method() == "HEAD" {
		return st
	}
	var err error
	if n > copySize {
		err = resp.SendHead(st)
	}
	if err == nil {
		err = send()
	}
	if err == nil {
		return st
	}
	if !resp.HeadSent() {
		dropFields(resp)
	}
	return resp.Fail(err)
}

// copySize is how much of a content is read at a time.
const copySize = 64 << 10

var errShort = errors.New("files: the content is shorter than it was said to be")

// copyRange writes a part of c.
func copyRange(resp *lwan.Response, c io.ReadSeeker, r byteRange) error {
	if f, ok := c.(*os.File); ok && resp.HeadSent() {
		return shortIsError(resp.SendFile(f, r.off, r.n))
	}
	if _, err := c.Seek(r.off, io.SeekStart); err != nil {
		return err
	}
	n, err := io.CopyBuffer(onlyWriter{resp}, io.LimitReader(c, r.n),
		make([]byte, max(1, min(r.n, copySize))))
	if err == nil && n < r.n {
		err = errShort
	}
	return err
}

// onlyWriter hides the other methods of a Response from io.Copy: its ReadFrom has a smaller buffer.
type onlyWriter struct{ io.Writer }

func shortIsError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errShort
	}
	return err
}
