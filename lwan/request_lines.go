package lwan

import "iter"

// HeaderLines walks over all fields in the order and spelling in which they came, without copies.
// What it yields is valid until the handler returns.
func (r *Request) HeaderLines() iter.Seq2[[]byte, []byte] {
	r.mustLive()
	r.aliased = true
	return func(yield func(name, value []byte) bool) {
		for i := range r.head.Fields {
			f := &r.head.Fields[i]
			if !yield(f.Name.Of(r.buf), f.Value.Of(r.buf)) {
				return
			}
		}
	}
}

// ContentLength is the length of the content as the client has announced it; 0: there is none; -1:
// it comes in chunks, and nobody knows. Of a request that was rerouted it is that of what has not
// been read.
func (r *Request) ContentLength() int64 {
	r.mustLive()
	if r.detour != nil {
		return r.body.unread()
	}
	return r.body.length
}

// TargetBytes is Target, without a copy where nothing has to be encoded. It is valid until the
// handler returns.
func (r *Request) TargetBytes() []byte {
	r.mustLive()
	if r.via != nil && r.via.call.Rewritten() || r.head.BareTarget {
		return []byte(r.Target())
	}
	r.aliased = true
	return r.head.Target.Of(r.buf)
}

// Trailers walks over the trailer fields of a chunked body once it was read to its end.
func (r *Request) Trailers() iter.Seq2[string, string] {
	r.mustLive()
	return func(yield func(name, value string) bool) {
		for _, f := range r.trailers {
			if !yield(f.Name, f.Value) {
				return
			}
		}
	}
}
