package gateway

import (
	"bytes"
	"strings"
)

// said is a line for the log. Loops never wait for it: a goroutine of the group's writes it.
type said struct {
	who  string // a backend's address, or a process
	text string
	lost int // bytes that the line has not
}

// maxSaid is how many lines may wait to be written; those beyond it are counted.
const maxSaid = 64

// say hands a line to the group's goroutine.
func (p *pool) say(s said) {
	select {
	case p.says <- s:
	default:
		p.unsaid.Add(1)
	}
}

// write writes what say is given, until the group is closed.
func (p *pool) write() {
	for s := range p.says {
		args := []any{"group", p.name, "backend", s.who, "text", s.text}
		if s.lost > 0 {
			args = append(args, "bytes lost", s.lost)
		}
		if n := p.unsaid.Swap(0); n > 0 {
			args = append(args, "lines lost", n)
		}
		p.log.Warn("a backend says", args...)
	}
}

// stderr collects what an application writes to its standard error, for one line of the log a
// request: applications write it in pieces of any size.
type stderr struct {
	text []byte
	lost int // bytes beyond mostStderr
}

const mostStderr = 4 << 10

// write takes a piece.
func (s *stderr) write(p []byte) {
	n := min(len(p), mostStderr-len(s.text))
	s.text = append(s.text, p[:n]...)
	s.lost += len(p) - n
}

// line returns what was written as one of who's, and forgets it; false: nothing was.
func (s *stderr) line(who string) (said, bool) {
	l := said{who, strings.ToValidUTF8(string(bytes.TrimSpace(s.text)), "\uFFFD"), s.lost}
	s.text, s.lost = s.text[:0], 0
	return l, l.text != ""
}
