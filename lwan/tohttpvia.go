package lwan

import (
	"math"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan/internal/nethttp"
)

// viaHTTP is what a request has of the http.Request that it came as.
type viaHTTP struct {
	r       *http.Request
	w       http.ResponseWriter
	pass    *passage // nil: it did not come through FromHTTPMiddleware
	call    *nethttp.Call
	trusted bool // every peer of the endpoint is trusted

	misdirected bool         // the connection is not for this host
	count       func(Status) // nil, or told the status of the answer, before the observers
}

// begin makes the exchange's request the one that net/http, and middleware of it, has found.
func (v *viaHTTP) begin(x *exchange) {
	req := x.req
	req.via, req.trusted = v, v.trusted
	if v.misdirected {
		req.missed = StatusMisdirectedRequest
	}
	req.route = routeVia(v.r)
	if v.pass != nil {
		req.start -= int64(time.Since(v.pass.start))
		v.pass.begin(req)
	}
	v.takeFields(x.resp)
}

// takeFields makes fields that middleware has set those of the response, so that a handler replaces
// or removes them as any others.
func (v *viaHTTP) takeFields(resp *Response) {
	for name, values := range v.w.Header() {
		if nethttp.Framing(name) {
			continue
		}
		for _, value := range values {
			resp.AddHeader(name, value)
		}
	}
}

// end tells a recorder in a test how the request has ended, and takes the files of a form that
// net/http code has parsed off the disk.
func (v *viaHTTP) end(x *exchange) {
	if o, ok := v.w.(interface{ Concluded(failure error) }); ok {
		o.Concluded(x.resp.failure)
	}
	removeForm(v.r, x.req.ownLog())
}

// routeVia is the route of a pattern that net/http has found; nil if it has found none.
func routeVia(r *http.Request) *route {
	if r.Pattern == "" {
		return nil
	}
	return &route{pattern: r.Pattern}
}

// param is the value of a wildcard, of the pattern or of one that net/http has found.
func (r *Request) param(name string) string {
	if r.via != nil && r.params.Len() == 0 && r.detour == nil {
		return r.via.r.PathValue(name)
	}
	return r.params.Get(name)
}

// hasParam reports whether the pattern has a wildcard of that name.
func (r *Request) hasParam(name string) bool {
	for i := range r.params.Len() {
		if n, _ := r.params.At(i); n == name {
			return true
		}
	}
	return r.via != nil && slices.Contains(wildcards(r.Pattern()), name)
}

// wildcards lists the names in a pattern.
func wildcards(pattern string) (names []string) {
	for {
		_, rest, ok := strings.Cut(pattern, "{")
		if !ok {
			return names
		}
		name, rest, ok := strings.Cut(rest, "}")
		if !ok {
			return names
		}
		names = append(names, strings.TrimSuffix(name, "..."))
		pattern = rest
	}
}

// rawRest is Rest with router.EncodedSlash where the client sent %2F.
func (r *Request) rawRest() string {
	if r.within() && r.detour == nil {
		return r.via.pass.tail(r)
	}
	return r.params.RawRest()
}

// within reports whether the request is one that net/http middleware has passed on.
func (r *Request) within() bool { return r.via != nil && r.via.pass != nil }

// formVia is the form that net/http code has read already, or nil. Its files are removed where it
// was read.
func (r *Request) formVia() *Form {
	if r.via == nil || r.via.r.PostForm == nil {
		return nil
	}
	parts := &multipart.Form{Value: r.via.r.PostForm}
	if m := r.via.r.MultipartForm; m != nil {
		parts.File = m.File
	}
	f := &Form{parts: parts, limits: r.limits, log: r.ownLog(), pool: r.table.core.goroutine}
	f.limits.FormMemory = math.MaxInt64
	return f
}
