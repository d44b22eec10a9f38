package lwan

import "github.com/golwan/golwan/lwan/internal/message"

// refuseCoding returns an error for a body in a content coding: nothing here decodes it, since a
// small body may become a large one, and read as it is it would be misread (RFC 9110 sections 8.4
// and 12.5.3).
func (r *Request) refuseCoding() error {
	for i := range r.head.Fields {
		f := &r.head.Fields[i]
		if message.EqualFold(f.Name.Of(r.buf), "Content-Encoding") && coded(f.Value.Of(r.buf)) {
			r.resp.SetHeader("Accept-Encoding", "identity")
			return &Error{
				Status:  StatusUnsupportedMediaType,
				Message: "the body must not be in a content coding",
			}
		}
	}
	return nil
}

// coded reports whether a Content-Encoding names a coding other than identity, which means nothing
// and should not be sent.
func coded(value []byte) bool {
	for element := range message.Elements(value, ',') {
		if len(element) > 0 && !message.EqualFold(element, "identity") {
			return true
		}
	}
	return false
}
