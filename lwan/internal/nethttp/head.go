package nethttp

import (
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/golwan/golwan/lwan/internal/message"
)

// From what net/http has parsed to a message.Head.

// headLimits bounds what net/http has taken already, within its own limits.
var headLimits = message.Limits{Line: 1 << 20, Fields: 16 << 20, Count: math.MaxUint16}

// parse fills the head with what net/http has parsed, checked as one from a connection is.
func (c *Call) parse() bool {
	r, h := c.r, &c.head
	target, rewritten := httpTarget(r)
	c.rewritten = rewritten
	minor := uint8(1)
	if r.ProtoMajor == 1 && r.ProtoMinor == 0 {
		minor = 0
	}
	h.Fields = make([]message.Field, 0, len(r.Header)+1)
	var b message.Builder
	b.Begin(h, make([]byte, 0, len(target)+fieldSize*cap(h.Fields)), &headLimits)
	if b.Line(r.Method, target, minor).Status != 0 || !addFields(&b, r) {
		return false
	}
	head, bad := b.End()
	if bad.Status != 0 {
		return false
	}
	if r.Body == nil {
		r.ContentLength = 0
	}
	c.buf = head
	h.ContentLength, h.Chunked, h.KeepAlive = r.ContentLength, r.ContentLength < 0, !r.Close
	return true
}

// fieldSize is the room for a field that is made at first, in bytes.
const fieldSize = 64

// addFields adds those of net/http's fields that tell something still, and those that it has made
// something else of. What cannot be a field is left out: net/http middleware may set what it likes.
func addFields(b *message.Builder, r *http.Request) bool {
	if b.Add("Host", r.Host).Status != 0 {
		return false
	}
	for name, values := range r.Header {
		if !hopByHop(name) && !addEach(b, name, values) {
			return false
		}
	}
	// HTTP/2 has neither. For Response.Upgrade, which net/http leaves to the handler; and what
	// Connection names is not for the next hop (RFC 9110 section 7.6.1): who passes requests on has
	// to know it.
	if r.ProtoMajor == 1 && !addEach(b, "Connection", r.Header["Connection"]) {
		return false
	}
	if message.HasToken(r.Header["Connection"], "Upgrade") &&
		!addEach(b, "Upgrade", r.Header["Upgrade"]) {
		return false
	}
	v := r.Header.Get("Expect")
	if strings.EqualFold(v, "100-continue") && b.Add("Expect", v).Status != 0 {
		return false
	}
	if len(r.Trailer) == 0 {
		return true
	}
	// net/http has made it of the field.
	return addEach(b, "Trailer", slices.Sorted(maps.Keys(r.Trailer)))
}

// addEach adds the lines of a field, without those that cannot be one.
func addEach(b *message.Builder, name string, values []string) bool {
	for _, v := range values {
		switch bad := b.Add(name, v); bad.Reason {
		case "", message.ReasonName, message.ReasonValueByte:
		default:
			return false
		}
	}
	return true
}

// hopByHop names fields that net/http has dealt with.
func hopByHop(name string) bool {
	switch name {
	case "Host", "Connection", "Transfer-Encoding", "Expect", "Content-Length", "Upgrade",
		"Trailer":
		return true
	}
	return false
}

// httpTarget is the target of r with the path and query of its URL, which middleware may have
// changed.
func httpTarget(r *http.Request) (target string, rewritten bool) {
	if r.RequestURI != "" && sameTarget(r) {
		return r.RequestURI, false
	}
	u := url.URL{
		Path: r.URL.Path, RawPath: EncodedPath(r.URL),
		RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery,
	}
	if !strings.HasPrefix(u.Path, "/") { // http.StripPrefix with a slash at its end
		u.Path = "/" + u.Path
		if u.RawPath != "" {
			u.RawPath = "/" + u.RawPath
		}
	}
	return u.RequestURI(), r.RequestURI != ""
}

// sameTarget reports whether the URL is still that of RequestURI.
func sameTarget(r *http.Request) bool {
	u := r.URL
	rest, ok := strings.CutPrefix(r.RequestURI, u.Path)
	if ok && u.RawPath == "" && !strings.Contains(u.Path, "%") {
		query, asked := strings.CutPrefix(rest, "?")
		if rest == "" && u.RawQuery == "" || asked && query == u.RawQuery {
			return true
		}
	}
	sent, err := url.ParseRequestURI(r.RequestURI)
	return err != nil || r.Method == http.MethodConnect || // it has passed net/http's own check
		sent.Path == u.Path && EncodedPath(sent) == EncodedPath(u) && sent.RawQuery == u.RawQuery
}

// EncodedPath is RawPath with what clients send bare encoded. Such a byte makes RawPath no valid
// encoding of Path, so that URL.EscapedPath does without it: a slash that was sent as %2F would be
// one of the path's in what a proxy sends on.
func EncodedPath(u *url.URL) string {
	if u.RawPath == "" {
		return ""
	}
	encoded := string(message.AppendTarget(nil, []byte(u.RawPath)))
	if encoded == u.RawPath || encoded != (&url.URL{Path: u.Path}).EscapedPath() {
		return encoded
	}
	return "" // as url.Parse has it for a path that is encoded as usual
}
