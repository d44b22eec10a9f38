package drive

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strconv"
)

// maxHead is the longest response head that is understood.
const maxHead = 64 << 10

// Errors of responses. Each is returned, wrapped, by feed.
var (
	errHead    = errors.New("drive: malformed response head")
	errFraming = errors.New("drive: only a body with a Content-Length is understood")
)

var (
	blank    = []byte("\r\n\r\n")
	version  = []byte("HTTP/1.")
	lengthIs = []byte("content-length")
	codingIs = []byte("transfer-encoding")
	optionIs = []byte("connection")
	closes   = []byte("close")
)

// scanner finds the ends of the responses in the bytes of a connection, however reads cut them. The
// zero value expects a head. After an error it must not be used any more.
type scanner struct {
	head []byte // of a head that is not complete yet
	left int64  // bytes of the current body that have not come
	want int    // the right status; 0 is 200
}

// counts says what a scanner has found in some bytes.
type counts struct {
	done int  // complete final responses
	bad  int  // of those, how many had another status than the right one
	last bool // the server has said that it will close the connection
}

// feed goes through the next bytes.
func (s *scanner) feed(p []byte) (found counts, err error) {
	for len(p) > 0 {
		if s.left > 0 {
			n := min(s.left, int64(len(p)))
			s.left -= n
			p = p[n:]
			if s.left == 0 {
				found.done++
			}
			continue
		}
		var head []byte
		if head, p, err = s.cut(p); err != nil || head == nil {
			return found, err
		}
		r, err := parseHead(head)
		if err != nil {
			return found, err
		}
		switch {
		case r.status < 200: // an interim response: the final one follows (RFC 9110, section 15.2)
			continue
		case r.status != cmp.Or(s.want, 200):
			found.bad++
		}
		found.last = found.last || r.last
		if s.left = r.length; s.left == 0 {
			found.done++
		}
	}
	return found, nil
}

// between reports whether the bytes so far have ended with a response.
func (s *scanner) between() bool { return s.left == 0 && len(s.head) == 0 }

// cut takes a head with its blank line off p. A part of a head is kept for the next call, and head
// is nil.
func (s *scanner) cut(p []byte) (head, rest []byte, err error) {
	if len(s.head) == 0 {
		if i := bytes.Index(p, blank); i >= 0 && i <= maxHead {
			return p[:i+len(blank)], p[i+len(blank):], nil
		}
	}
	before := len(s.head)
	from := max(before-len(blank)+1, 0)
	s.head = append(s.head, p...)
	i := bytes.Index(s.head[from:], blank)
	if i < 0 && len(s.head) <= maxHead {
		return nil, nil, nil
	}
	if from+i > maxHead || i < 0 {
		return nil, nil, fmt.Errorf("%w: over %d bytes", errHead, maxHead)
	}
	end := from + i + len(blank)
	head, rest = s.head[:end], p[end-before:]
	s.head = s.head[:0]
	return head, rest, nil
}

// response is what a head says about the rest.
type response struct {
	status int
	length int64 // of the body
	last   bool  // Connection: close
}

// parseHead reads the status and what frames the body (RFC 9112, sections 4 and 6.3).
func parseHead(head []byte) (r response, err error) {
	line, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if r.status, err = parseStatus(line); err != nil {
		return r, err
	}
	r.length = -1
	for field := range bytes.SplitSeq(fields, []byte("\r\n")) {
		if err := r.take(field); err != nil {
			return r, err
		}
	}
	if r.status < 200 || r.status == 204 || r.status == 304 {
		r.length = 0 // RFC 9112, section 6.3, item 1: these have no body
	}
	if r.length < 0 {
		return r, errFraming
	}
	return r, nil
}

// take notes a field, if it is one that counts.
func (r *response) take(field []byte) error {
	name, value, _ := bytes.Cut(field, []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, codingIs):
		return fmt.Errorf("%w: %s", errFraming, field)
	case bytes.EqualFold(name, optionIs):
		r.last = r.last || bytes.EqualFold(value, closes)
	case bytes.EqualFold(name, lengthIs):
		n, err := strconv.ParseUint(string(value), 10, 62)
		if err != nil || r.length >= 0 && r.length != int64(n) {
			return fmt.Errorf("%w: %s", errHead, field)
		}
		r.length = int64(n)
	}
	return nil
}

// parseStatus reads the status from "HTTP/1.1 200 OK" (RFC 9112, section 4); the reason may be
// missing, and some servers leave out the space before it as well.
func parseStatus(line []byte) (int, error) {
	rest, found := bytes.CutPrefix(line, version)
	if !found || len(rest) < 5 || rest[0] < '0' || rest[0] > '9' || rest[1] != ' ' ||
		len(rest) > 5 && rest[5] != ' ' {
		return 0, fmt.Errorf("%w: %.80q", errHead, line)
	}
	status, err := strconv.ParseUint(string(rest[2:5]), 10, 16)
	if err != nil || status < 100 {
		return 0, fmt.Errorf("%w: %.80q", errHead, line)
	}
	return int(status), nil
}
