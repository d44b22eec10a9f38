package files

import (
	"bytes"
	"net/http"

	"github.com/golwan/golwan/lwan"
)

// validators are what the preconditions of a request are compared with (RFC 9110 section 13).
type validators struct {
	etag string // "": there is none
	*dates
}

// precondition evaluates a request's preconditions in the order of RFC 9110 section 13.2.2, for any
// method. 0: they hold; else the status to answer with: 304 or 412.
func (v validators) precondition(req *lwan.Request) lwan.Status {
	if list := req.HeaderBytes("If-Match"); list != nil {
		if !v.matches(list, strong) {
			return lwan.StatusPreconditionFailed
		}
	} else if date := req.HeaderBytes("If-Unmodified-Since"); date != nil {
		if since, ok := v.parse(date); ok && v.seconds > since {
			return lwan.StatusPreconditionFailed
		}
	}
	reads := req.Method() == "GET" || req.Method() == "HEAD"
	if list := req.HeaderBytes("If-None-Match"); list != nil {
		switch {
		case !v.matches(list, weak):
			return 0
		case reads:
			return lwan.StatusNotModified
		}
		return lwan.StatusPreconditionFailed // section 13.1.2
	}
	if date := req.HeaderBytes("If-Modified-Since"); date != nil && reads { // section 13.1.3
		if since, ok := v.parse(date); ok && v.seconds <= since {
			return lwan.StatusNotModified
		}
	}
	return 0
}

// parse reads a date if there is one to compare it with. The usual one is that which was sent as
// Last-Modified.
func (v validators) parse(date []byte) (seconds int64, ok bool) {
	if v.modified == "" {
		return 0, false
	}
	if string(date) == v.modified {
		return v.seconds, true
	}
	t, err := http.ParseTime(string(date))
	return t.Unix(), err == nil // a date that is none is ignored (RFC 9110 section 13.1.3)
}

// ifRange reports whether the request's Range counts (RFC 9110 section 13.1.5): there is no
// If-Range, or it names the representation that is about to be sent, by a strong validator.
func (v validators) ifRange(req *lwan.Request) bool {
	want := req.HeaderBytes("If-Range")
	switch {
	case want == nil:
		return true
	case len(want) > 0 && want[0] == '"':
		return string(want) == v.etag
	}
	return v.modified != "" && v.dateIsStrong && string(want) == v.modified
}

// comparison is how entity tags are compared (RFC 9110 section 8.8.3.2).
type comparison bool

const (
	weak   comparison = false
	strong comparison = true // both tags must be strong
)

// matches reports whether a list of entity tags has v's, or is "*". Nothing behind a malformed
// element is read.
func (v validators) matches(list []byte, c comparison) bool {
	if list = bytes.Trim(list, blanks); string(list) == "*" {
		return true
	}
	tag, weakTag := v.etag, false
	if len(tag) > 2 && tag[0] == 'W' {
		tag, weakTag = tag[2:], true
	}
	for tag != "" {
		list = bytes.TrimLeft(list, " \t,")
		isWeak := len(list) > 2 && list[0] == 'W' && list[1] == '/'
		if isWeak {
			list = list[2:]
		}
		n := tagLen(list)
		if n == 0 {
			return false
		}
		if string(list[:n]) == tag && (c == weak || !isWeak && !weakTag) {
			return true
		}
		list = list[n:]
	}
	return false
}

// tagLen is the length of the opaque tag, quotes included, that b begins with (RFC 9110 section
// 8.8.3); 0: none.
func tagLen(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < '!' || c == 0x7f:
			return 0
		}
	}
	return 0
}
