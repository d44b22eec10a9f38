package http1

import (
	"bytes"

	"github.com/golwan/golwan/lwan/internal/message"
)

// Heads of backends' replies. They are parsed with less haste than requests, and forgive what all
// proxies forgive: a line may end in LF alone (RFC 9112 section 2.2), and whitespace before a colon
// is no part of the name (section 5.1). A line that is folded, a CR that stands alone, a control
// character, and framing that could be understood in two ways are refused.
//
//	line 1 (HTTP: the status line) ──▶ lines ──▶ empty line: all of them are read ──▶ Done
//
// The status line is looked at as soon as it is there, or cannot be one any more; the fields when
// the empty line is. What comes of it does not depend on the pieces in which it came.

// ReplyKind is how a head is written.
type ReplyKind uint8

// The kinds.
const (
	StatusLine ReplyKind = iota // HTTP's
	Script                      // fields alone, as CGI has them (RFC 3875 section 6)
)

// ReplyLimits bounds a head. Zero: the default.
type ReplyLimits struct {
	Bytes int // all of it: 64 KiB
	Count int // field lines: 256
}

// Defaults of ReplyLimits.
const (
	DefaultReplyBytes = 64 << 10
	DefaultReplyCount = 256
)

// ReplyResume is how far a head has been looked at that is not complete. The zero value is its
// start.
type ReplyResume struct {
	pos   int // first byte that was not looked at
	line  int // where its line begins
	lines int // that are complete
}

// ParseReply reads the head of a reply from the start of buf, which holds all bytes received so
// far. With Done, h describes it, Head.Status included; with More, call again with the same r, the
// same bytes and at least one more; with Bad, the Error says why, and its Status is 502. It keeps
// neither buf nor h.
func ParseReply(
	buf []byte, h *message.Head, kind ReplyKind, lim ReplyLimits, r *ReplyResume,
) (Verdict, message.Error) {
	p := replyParser{buf: buf, h: h, kind: kind, lim: lim, ReplyResume: r}
	p.lim.Bytes = positive(lim.Bytes, DefaultReplyBytes)
	p.lim.Count = min(positive(lim.Count, DefaultReplyCount), 1<<16-1)
	end := p.findEnd()
	if p.reason == "" && end > 0 {
		h.Reset()
		p.read(end)
	}
	switch {
	case p.reason != "":
		*r = ReplyResume{}
		return Bad, fault(502, min(p.at, len(buf)), p.reason)
	case end > 0:
		*r = ReplyResume{}
		return Done, message.Error{}
	}
	return More, message.Error{}
}

func positive(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

type replyParser struct {
	buf  []byte
	h    *message.Head
	kind ReplyKind
	lim  ReplyLimits
	*ReplyResume

	said   message.Said
	reason string // what is wrong; "": nothing yet
	at     int    // and where
}

func (p *replyParser) refuse(at int, reason string) {
	if p.reason == "" {
		p.at, p.reason = at, reason
	}
}

// findEnd looks for the empty line, and returns where what follows it begins; 0: it is not there.
func (p *replyParser) findEnd() int {
	for {
		i := bytes.IndexByte(p.buf[p.pos:], '\n')
		if i < 0 {
			p.pos = len(p.buf)
			p.cut()
			return 0
		}
		lf := p.pos + i
		first := p.lines == 0 && p.kind == StatusLine
		switch { // in the order in which cut says it of a line that comes in pieces
		case first && !p.beginning(p.buf[:lf+1]):
		case lf+1 > p.lim.Bytes:
			p.refuse(p.lim.Bytes, message.ReasonFieldLimit)
		case first && !p.statusLine(p.line, lf):
		case !first && p.lineEnd(lf) == p.line:
			return lf + 1
		case !first && p.fieldLines() >= p.lim.Count:
			p.refuse(p.line, message.ReasonCountLimit)
		}
		if p.reason != "" {
			return 0
		}
		p.pos, p.line = lf+1, lf+1
		p.lines++
	}
}

// fieldLines is how many of the complete lines are those of fields.
func (p *replyParser) fieldLines() int {
	if p.kind == StatusLine {
		return p.lines - 1
	}
	return p.lines
}

// cut looks at a line of which the end has not come.
func (p *replyParser) cut() {
	if p.lines == 0 && p.kind == StatusLine {
		p.beginning(p.buf)
	}
	if len(p.buf) > p.lim.Bytes {
		p.refuse(p.lim.Bytes, message.ReasonFieldLimit)
	}
}

// lineEnd is where the line ends that the LF at lf ends.
func (p *replyParser) lineEnd(lf int) int {
	if lf > p.line && p.buf[lf-1] == '\r' {
		return lf - 1
	}
	return lf
}

const replyVersion = "HTTP/1."

// beginning reports whether a status line can begin so.
func (p *replyParser) beginning(b []byte) bool {
	for i := range min(len(b), len(replyVersion)) {
		if b[i] != replyVersion[i] {
			p.refuse(i, reasonStatusLine)
			return false
		}
	}
	return true
}

// statusLine reads buf[at:lf], which begins as one: HTTP-version SP status-code [ SP reason ] (RFC
// 9112 section 4).
func (p *replyParser) statusLine(at, lf int) bool {
	line := p.buf[at:p.lineEnd(lf)]
	const code = len(replyVersion) + len("1 ")
	if len(line) < code+3 || line[code-1] != ' ' || line[code-2]-'0' > 9 ||
		len(line) > code+3 && line[code+3] != ' ' {
		p.refuse(at, reasonStatusLine)
		return false
	}
	if statusCode(line[code:code+3]) == 0 {
		p.refuse(at+code, reasonStatusCode)
		return false
	}
	if end := message.ValueEnd(p.buf, at+code+3); end < at+len(line) {
		p.refuse(end, message.ReasonValueByte)
		return false
	}
	return true
}

// statusCode is the number of three digits; 0: it is none between 100 and 599.
func statusCode(b []byte) (n uint16) {
	for _, c := range b {
		if c-'0' > 9 {
			return 0
		}
		n = n*10 + uint16(c-'0')
	}
	if len(b) != 3 || n < firstStatus || n > lastStatus {
		return 0
	}
	return n
}

// read fills the head, which ends at end.
func (p *replyParser) read(end int) {
	h, at := p.h, 0
	if h.Minor = 1; p.kind == StatusLine {
		const minor = len(replyVersion)
		if p.buf[minor] == '0' {
			h.Minor = 0
			p.said |= message.OldVersion
		}
		h.Status = statusCode(p.buf[minor+2 : minor+5])
		at = bytes.IndexByte(p.buf, '\n') + 1
	}
	for at < end && p.reason == "" {
		lf := at + bytes.IndexByte(p.buf[at:end], '\n')
		if p.line = at; p.lineEnd(lf) == at {
			break
		}
		p.field(at, p.lineEnd(lf))
		at = lf + 1
	}
	h.Size = end
	h.CompleteReply(p.said)
	if p.kind == Script && p.reason == "" {
		p.script()
	}
}

// field reads the line at buf[at:end].
func (p *replyParser) field(at, end int) {
	buf := p.buf
	if buf[at] == ' ' || buf[at] == '\t' {
		p.refuse(at, reasonFold)
		return
	}
	colon := message.FindColon(buf[:end], at)
	if colon == end {
		p.refuse(at, reasonNoColon)
		return
	}
	name := message.TrimSpan(buf, at, colon)
	if end := int(name.End); end == at || message.NameEnd(buf[:end], at) != end {
		p.refuse(at, message.ReasonName)
		return
	}
	if bad := message.ValueEnd(buf[:end], colon+1); bad < end {
		p.refuse(bad, message.ReasonValueByte)
		return
	}
	known := message.Lookup(buf, at, int(name.End))
	v := message.TrimSpan(buf, colon+1, end)
	p.h.Append(message.Field{Name: name, Value: v, Known: known})
	if reason := p.h.InterpretReply(known, v, buf, &p.said); reason != "" {
		p.refuse(at, reason)
	}
}

// script finds the status of a script's reply (RFC 3875 section 6.2): what Status says, 302 beside
// a Location, else 200. One of the three fields of section 6.3 has to be there.
func (p *replyParser) script() {
	h, buf := p.h, p.buf
	if v, ok := h.Find(buf, "Status"); ok {
		b := v.Of(buf)
		if len(b) > 3 && b[3] == ' ' {
			b = b[:3]
		}
		if h.Status = statusCode(b); h.Status == 0 {
			p.refuse(int(v.Off), reasonStatusCode)
		}
		return
	}
	if _, ok := h.Find(buf, "Location"); ok {
		h.Status = 302
		return
	}
	if _, ok := h.Find(buf, "Content-Type"); !ok {
		p.refuse(0, reasonScript)
	}
	h.Status = 200
}
