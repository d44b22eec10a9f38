package lwan

import "github.com/golwan/golwan/lwan/internal/message"

// refuseCoding returns an error for a body in a content coding: nothing here undoes one, since what it makes of a small body
// may be a large one, and to read the body as it is would be to misread it (RFC 9110 sections 8.4 and 12.5.3).
func (r *Request) refuseCoding() error {
	for i := range r.head.Fields {
		f := &r.head.Fields[i]
		if message.EqualFold(f.Name.Of(r.buf), "Content-Encoding") && coded(f.Value.Of(r.buf)) {
			r.resp.SetHeader("Accept-Encoding", "identity")
			return &Error{Status: StatusUnsupportedMediaType, Message: "the body must not be in a content coding"}
		}
	}
	return nil
}

// coded reports whether a Content-Encoding has something else than identity, which should not be sent and says nothing.
func coded(value []byte) bool {
	for element := range message.Elements(value, ',') {
		if len(element) > 0 && !message.EqualFold(element, "identity") {
			return true
		}
	}
	return false
}
