package http1

import (
	"encoding/binary"

	"github.com/golwan/golwan/lwan/internal/message"
)

// The request line (RFC 9112 section 3): method SP request-target SP HTTP-version CRLF, one space
// each, nothing else. Leniency with whitespace is what makes two servers see two requests, so there
// is none.

const (
	version11  = 0x312e312f50545448 // "HTTP/1.1" as a word, its first octet lowest
	versionLen = len("HTTP/1.1")
)

// maxEmptyLines is how many empty lines may precede a request line. RFC 9112 section 2.2 asks for
// at least one; more is kind to clients that end a body with CRLF, but a client that sends nothing
// else must not be listened to for ever.
const maxEmptyLines = 4

// emptyLine skips the empty lines that a client may send before a request (RFC 9112 section 2.2).
func (p *parser) emptyLine() bool {
	buf, i := p.buf, int(p.pos)
	for i < len(buf) && buf[i] == '\r' {
		if i+1 == len(buf) {
			return p.more(phaseEmptyLine, i)
		}
		p.line = uint32(i)
		if buf[i+1] != '\n' {
			return p.refuseAt(400, i+1, i, reasonLineEnd)
		}
		if p.count++; p.count > maxEmptyLines {
			return p.refuse(400, i, reasonEmptyLines)
		}
		i += 2
	}
	p.line, p.pos = uint32(i), uint32(i)
	if i == len(buf) {
		return p.more(phaseEmptyLine, i)
	}
	return true
}

// method reads the method, a token of any length, and the space after it.
func (p *parser) method() bool {
	buf, i := p.buf, int(p.pos)
	for i < len(buf) && message.IsToken(buf[i]) {
		i++
	}
	switch {
	case i == len(buf):
		return p.more(phaseMethod, i)
	case buf[i] != ' ':
		return p.refuse(400, i, methodFault(buf[i]))
	case i == int(p.line):
		return p.refuse(400, i, message.ReasonMethod)
	}
	p.mark, p.pos = uint32(i+1), uint32(i+1)
	return true
}

func methodFault(c byte) string {
	switch c {
	case '\r':
		return reasonRequestLine
	case '\n':
		return reasonBareLF
	}
	return message.ReasonMethod
}

// version reads the version, which is case-sensitive, and the end of the line.
func (p *parser) version() bool {
	buf, i := p.buf, int(p.mark)
	if len(buf)-i >= versionLen+2 && binary.LittleEndian.Uint64(buf[i:]) == version11 &&
		buf[i+8] == '\r' && buf[i+9] == '\n' {
		p.h.Minor = 1
		return p.lineEnd(i + versionLen)
	}
	for i = int(p.pos); i < int(p.mark)+versionLen; i++ {
		switch {
		case i == len(buf):
			return p.more(phaseVersion, i)
		case !versionOctet(buf[i], i-int(p.mark)):
			return p.refuse(400, i, reasonVersion)
		}
	}
	if major := buf[i-3]; major != '1' {
		return p.refuse(majorStatus(major), i-1, reasonMajor)
	}
	if buf[i-1] == '0' {
		p.said |= message.OldVersion
	} else {
		p.h.Minor = 1
	}
	switch {
	case i == len(buf):
		return p.more(phaseVersion, i)
	case buf[i] == '\n':
		return p.refuse(400, i, reasonBareLF)
	case buf[i] != '\r':
		return p.refuse(400, i, reasonVersion)
	case i+1 == len(buf):
		return p.more(phaseVersion, i)
	case buf[i+1] != '\n':
		return p.refuseAt(400, i+1, i, reasonLineEnd)
	}
	return p.lineEnd(i)
}

// versionOctet says whether c may stand at place i of a version: HTTP-name "/" DIGIT "." DIGIT (RFC
// 9112 section 2.3).
func versionOctet(c byte, i int) bool {
	if want := "HTTP/0.0"[i]; want != '0' {
		return c == want
	}
	return c-'0' < 10
}

// majorStatus is 505 for a version that we do not speak (RFC 9110 section 15.6.6). HTTP/0.9 has no
// version in its request line, so a line that says 0 is not of any version.
func majorStatus(major byte) int {
	if major == '0' {
		return 400
	}
	return 505
}

// lineEnd goes on with the fields, after the CRLF at cr.
func (p *parser) lineEnd(cr int) bool {
	if cr-int(p.line) > p.lim.Line {
		return p.overLine()
	}
	p.fields, p.line, p.pos = uint32(cr+2), uint32(cr+2), uint32(cr+2)
	p.count, p.phase = 0, phaseLine
	return true
}
