package files

import (
	"sync/atomic"

	"github.com/golwan/golwan/lwan"
)

// A resource is what an answer is made from: a file, or a page that lists a directory. Fields that
// all its answers share are made once, as they go over the wire. A resource does not change, except
// for its compressed forms, which are made when a client first accepts them.
type resource struct {
	dates
	ctype  string
	fields []field // of every answer
	common int     // how many of fields go with a 304 too
	vary   string  // "": the answer does not depend on the request's fields
	expire *expiry // nil: no Expires
	parts  bool    // ranges of it are served

	plain  *representation
	stored [codings]*representation // compressed files that lie beside it
	// set of codings that may be sent; those that are not stored are made in memory
	offers uint8
	packed [codings]atomic.Pointer[representation]
}

type field struct{ name, value string }

// representations lists those that were not made in memory.
func (r *resource) representations() (list []*representation) {
	list = append(list, r.plain)
	for _, s := range r.stored {
		if s != nil {
			list = append(list, s)
		}
	}
	return list
}

// bytes is how much memory the content takes.
func (r *resource) bytes() (n int64) {
	for _, p := range r.representations() {
		n += int64(len(p.text))
		if p.large != nil {
			n += entryCost // an open file
		}
	}
	return n
}

func (r *resource) close() {
	for _, p := range r.representations() {
		p.close()
	}
}

// setFields sets the fields of an answer: all of them, or those of a 304.
func (r *resource) setFields(resp *lwan.Response, p *representation, all bool) {
	if p.etag != "" {
		resp.SetHeader("ETag", p.etag)
	}
	fields := r.fields
	// a 304 has only fields that help a cache to update itself (RFC 9110 section 15.4.5)
	if !all {
		fields = fields[:r.common]
	}
	for i := range fields {
		resp.SetHeader(fields[i].name, fields[i].value)
	}
	r.setVary(resp)
	if r.expire != nil {
		resp.SetHeader("Expires", r.expire.text())
	}
}

// setVary adds to what middleware may have said (RFC 9110 section 12.5.5).
func (r *resource) setVary(resp *lwan.Response) {
	if r.vary != "" {
		resp.AddHeader("Vary", r.vary)
	}
}

// dropFields removes the fields of a resource from an answer that has become an error: they do not
// describe it, and a cache must not keep it as long as the file.
func dropFields(resp *lwan.Response) {
	for _, name := range resourceFields {
		resp.DelHeader(name)
	}
}

var resourceFields = []string{"ETag", "Last-Modified", "Cache-Control", "Expires", "Accept-Ranges",
	"Content-Disposition", "Content-Encoding", "Content-Range", "Content-Length"}
