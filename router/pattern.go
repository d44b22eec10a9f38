package router

import (
	"net/url"
	"strings"
	"unicode"
)

// segmentKind says what one piece of a pattern's path matches.
type segmentKind uint8

const (
	literal segmentKind = iota // exactly this segment
	// {name}: any one segment; nothing follows a trailing slash, so that is no segment
	wildcard
	tail     // {name...} or a trailing slash: the slash and all that follows it
	slashEnd // {$}: the slash, and then the end
)

// segment is one piece of a pattern's path, together with the slash before it.
type segment struct {
	kind segmentKind
	text string // decoded literal, or the wildcard's name; "" for slashEnd and for a trailing slash
}

// pattern is a parsed pattern. Only the last segment can be a tail or a slashEnd.
type pattern struct {
	text     string // as it was given to Add
	source   string // "file:line" of the Add
	order    int    // position among all Adds
	method   string // "" matches every method
	host     string // folded; "" matches every host
	segments []segment
}

// names lists the wildcards' names, left to right.
func (p *pattern) names() []string {
	var names []string
	for _, s := range p.segments {
		if s.text != "" && (s.kind == wildcard || s.kind == tail) {
			names = append(names, s.text)
		}
	}
	return names
}

// parse reads "[METHOD ][HOST]/[PATH]". The error is a *SyntaxError.
func parse(text, source string) (*pattern, error) {
	p := &pattern{text: text, source: source}
	if text == "" {
		return nil, p.fault(0, "the pattern is empty")
	}
	rest := text
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		p.method, rest = text[:i], strings.TrimLeft(text[i:], " \t")
	}
	if !validMethod(p.method) {
		return nil, p.fault(0, "the method is not a token")
	}
	if strings.IndexByte(text, 0) >= 0 {
		return nil, p.fault(strings.IndexByte(text, 0), "no request can hold a NUL byte")
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return nil, p.fault(len(text)-len(rest), "there is no path: a slash is missing")
	}
	if i := strings.IndexByte(rest[:slash], '{'); i >= 0 {
		return nil, p.fault(len(text)-len(rest)+i,
			"a host cannot hold a wildcard; is the first slash missing?")
	}
	if slash > maxHost {
		return nil, p.fault(len(text)-len(rest), "no host is that long")
	}
	p.host = foldHost(rest[:slash])
	if err := p.parsePath(rest[slash:]); err != nil {
		return nil, err
	}
	return p, p.reachable(len(text) - len(rest) + slash)
}

// parsePath splits path, which begins with a slash, into p.segments.
func (p *pattern) parsePath(path string) error {
	seen := map[string]bool{}
	for path != "" {
		piece, rest := path[1:], ""
		if i := strings.IndexByte(piece, '/'); i >= 0 {
			piece, rest = piece[:i], piece[i:]
		}
		s, reason := parseSegment(piece, rest == "")
		if reason == "" && s.kind != literal && s.text != "" && seen[s.text] {
			reason = "the wildcard name " + s.text + " is used twice"
		}
		if reason != "" {
			return p.fault(len(p.text)-len(path)+1, reason)
		}
		if s.kind != literal {
			seen[s.text] = true
		}
		p.segments = append(p.segments, s)
		path = rest
	}
	return nil
}

// parseSegment reads the piece between two slashes; reason is why it is wrong, or "".
func parseSegment(piece string, isLast bool) (s segment, reason string) {
	brace := strings.IndexByte(piece, '{')
	switch {
	case piece == "" && isLast:
		return segment{kind: tail}, ""
	case brace < 0:
		text := decodeLiteral(piece)
		if strings.Contains(piece, "%00") && strings.IndexByte(text, 0) >= 0 {
			return s, "no request can hold a NUL byte"
		}
		return segment{kind: literal, text: text}, ""
	case brace > 0 || piece[len(piece)-1] != '}':
		return s, "a wildcard must be a whole segment: {name}"
	case piece == "{$}" && !isLast:
		return s, "{$} must stand at the end"
	case piece == "{$}":
		return segment{kind: slashEnd}, ""
	}
	s = segment{kind: wildcard, text: piece[1 : len(piece)-1]}
	if name, ok := strings.CutSuffix(s.text, "..."); ok {
		s = segment{kind: tail, text: name}
	}
	switch {
	case !validName(s.text):
		return s, "the wildcard's name is not a Go identifier"
	case s.kind == tail && !isLast:
		return s, "{name...} must stand at the end"
	}
	return s, ""
}

// reachable reports a pattern that no request can reach, because paths are cleaned before they are
// looked up. CONNECT is exempt: its path is used as it was sent.
func (p *pattern) reachable(offset int) error {
	if p.method == "" || p.method == "CONNECT" {
		return nil
	}
	for i, s := range p.segments {
		if s.kind != literal {
			continue
		}
		if s.text == "." || s.text == ".." || s.text == "" && i < len(p.segments)-1 {
			return p.fault(offset,
				"the path has empty or dot segments; requests are cleaned of them")
		}
	}
	return nil
}

func (p *pattern) fault(offset int, reason string) error {
	return &SyntaxError{Pattern: p.text, Source: p.source, Offset: offset, Reason: reason}
}

// decodeLiteral percent-decodes a segment. An encoded slash becomes EncodedSlash, so that it stays
// data; a segment with an invalid escape stands for itself, as in net/http.
func decodeLiteral(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	decoded, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	// The raw piece holds no slash, so each slash of the decoded text was an encoded one.
	return strings.ReplaceAll(decoded, "/", string(EncodedSlash))
}

// validMethod accepts "" (no method) and tokens (RFC 9110, section 5.6.2).
func validMethod(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

// validName accepts Go identifiers.
func validName(s string) bool {
	for i, c := range s {
		if !unicode.IsLetter(c) && c != '_' && (i == 0 || !unicode.IsDigit(c)) {
			return false
		}
	}
	return s != ""
}
