package message

// Span is a half-open range of offsets into the buffer that holds a head: it holds bytes Off up to,
// not including, End. It stays true when the buffer is moved or grown, which a slice would not; the
// zero Span is empty.
type Span struct{ Off, End uint32 }

// Of returns the bytes of s. They alias buf, which must be the buffer that holds the head (or a
// copy of it).
func (s Span) Of(buf []byte) []byte { return buf[s.Off:s.End:s.End] }

// SpanOf is the Span of buf[off:end].
func SpanOf(off, end int) Span { return Span{uint32(off), uint32(end)} }
