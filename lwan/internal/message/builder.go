package message

// Builder fills a Head part by part, for those who do not read it from the bytes of HTTP/1:
// net/http has parsed its requests, and HPACK decodes the fields of HTTP/2 one by one. It refuses
// what a parser of HTTP/1 would refuse of the same head, with the same statuses.
//
//	b.Begin(&head, buf, nil)
//	err := b.Line("GET", "/", 1)             // once
//	err = b.Add("Host", "www.example.com")   // for each field, in the order in which they came
//	buf, err = b.End()                       // the bytes that the spans of head are in
//
// The zero value is ready for Begin, and is made to be used again. After an Error the head is of no
// use, with one exception: see Add.
type Builder struct {
	head   *Head
	buf    []byte
	limits Limits
	fields int // bytes of the fields so far, as Limits.Fields counts them
	said   Said
}

// Begin starts a head in h, whose bytes go to buf from its start on. lim is that of HTTP/1, nil for
// the defaults: parts count as if they were written as "method target HTTP/1.1" and "name: value".
func (b *Builder) Begin(h *Head, buf []byte, lim *Limits) {
	h.Reset()
	*b = Builder{head: h, buf: buf[:0], limits: lim.OrDefault()}
}

// Line takes method and target as they stand in a request line, and the version, HTTP/1.minor, with
// 1 for all that are newer than HTTP/1.0.
func (b *Builder) Line(method, target string, minor uint8) Error {
	const version = " HTTP/1.1"
	if len(method)+1+len(target)+len(version) > b.limits.Line {
		return Error{414, 0, ReasonLineLimit}
	}
	h, start := b.head, len(method)
	b.buf = append(append(b.buf, method...), target...)
	if start == 0 || NameEnd(b.buf[:start], 0) != start {
		return Error{400, 0, ReasonMethod}
	}
	var marks TargetMarks
	if end := marks.Scan(b.buf, start); end != len(b.buf) || target == "" {
		return Error{400, end, ReasonTargetByte}
	}
	if h.Minor = 1; minor == 0 {
		h.Minor = 0
		b.said = OldVersion
	}
	return h.SetTarget(b.buf, SpanOf(0, start), SpanOf(start, len(b.buf)), marks)
}

// Add adds a field. Whitespace around the value is not part of it. A field that is refused because
// it cannot be one, for ReasonName or ReasonValueByte, leaves no trace: the next one may be added.
func (b *Builder) Add(name, value string) Error {
	h, off := b.head, len(b.buf)
	start := off + len(name)
	size := len(name) + len(": \r\n") + len(value)
	switch {
	case len(h.Fields) >= b.limits.Count:
		return Error{431, off, ReasonCountLimit}
	case b.fields+size > b.limits.Fields:
		return Error{431, off, ReasonFieldLimit}
	}
	buf := append(append(b.buf, name...), value...)
	if name == "" || NameEnd(buf[:start], off) != start {
		return Error{400, off, ReasonName}
	}
	if end := ValueEnd(buf, start); end != len(buf) {
		return Error{400, end, ReasonValueByte}
	}
	b.buf, b.fields = buf, b.fields+size
	v := TrimSpan(buf, start, len(buf))
	known := Lookup(buf, off, start)
	h.Append(Field{SpanOf(off, start), v, known})
	if known.Interprets() {
		if status, reason := h.Interpret(known, v, buf, &b.said); status != 0 {
			return Error{status, int(v.Off), reason}
		}
	}
	return Error{}
}

// End ends the head, and returns the bytes that its spans are in: buf of Begin, grown if it had to.
func (b *Builder) End() ([]byte, Error) {
	if status, reason := b.head.Complete(b.said); status != 0 {
		return b.buf, Error{status, len(b.buf), reason}
	}
	b.head.Size = len(b.buf)
	return b.buf, b.head.Settle()
}
