package files

import (
	"errors"
	"strings"
)

// hostPattern makes the name of a directory of a host.
type hostPattern struct {
	base   string // the directory that all are below
	parts  []hostPart
	inside string // what follows in a host's own directory; "": nothing
}

// hostPart is a piece of text, and a part of a host behind it.
type hostPart struct {
	text   string
	label  int // from the end, 1 is the last; 0: the whole host; -1: there is none
	letter int // of the label, 1 is the first; 0: all of it
}

var (
	errNoHostPart = errors.New("there is no % for a part of the host")
	errHostPart   = errors.New("a % is followed by a digit, by %, or by {label.letter}")
	errHostDots   = errors.New("behind the first % a segment . or .. is wrong")
)

func parseHostPattern(s string) (*hostPattern, error) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return nil, errNoHostPart
	}
	slash := strings.LastIndexByte(s[:i], '/') + 1
	p := &hostPattern{base: s[:slash]}
	if p.base == "" {
		p.base = "."
	}
	rest := s[slash:]
	for segment := range strings.SplitSeq(strings.TrimSuffix(rest, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." ||
			strings.ContainsAny(segment, "\\\x00") {
			return nil, errHostDots
		}
	}
	text := ""
	some := false
	for rest = strings.TrimSuffix(rest, "/"); rest != ""; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			break
		}
		text += rest[:i]
		part, after, err := parseHostPart(rest[i+1:])
		if err != nil {
			return nil, err
		}
		if rest = after; part == nil {
			text += "%"
			continue
		}
		part.text, text, some = text, "", true
		p.parts = append(p.parts, *part)
	}
	if !some {
		return nil, errNoHostPart
	}
	own, inside, _ := strings.Cut(text+rest, "/")
	p.parts = append(p.parts, hostPart{text: own, label: -1})
	p.inside = inside
	return p, nil
}

// parseHostPart reads what is behind a percent sign; nil: it is one itself.
func parseHostPart(s string) (part *hostPart, after string, err error) {
	switch {
	case s == "":
		return nil, "", errHostPart
	case s[0] == '%':
		return nil, s[1:], nil
	case s[0] >= '0' && s[0] <= '9':
		return &hostPart{label: int(s[0] - '0')}, s[1:], nil
	case len(s) >= 5 && s[0] == '{' && s[2] == '.' && s[4] == '}' &&
		s[1] >= '0' && s[1] <= '9' && s[3] >= '1' && s[3] <= '9':
		return &hostPart{label: int(s[1] - '0'), letter: int(s[3] - '0')}, s[5:], nil
	}
	return nil, "", errHostPart
}

// append appends a host's own directory, below base: up to the segment with the last part of its
// name. Not ok: it has none.
func (p *hostPattern) append(dst, host []byte) (dir []byte, ok bool) {
	if !plainHost(host) {
		return nil, false
	}
	for _, part := range p.parts {
		dst = append(dst, part.text...)
		if part.label < 0 {
			continue
		}
		text := host
		if part.label > 0 {
			text = label(host, part.label)
		}
		if part.letter > len(text) || len(text) == 0 {
			return nil, false
		}
		if part.letter > 0 {
			text = text[part.letter-1 : part.letter]
		}
		dst = append(dst, text...)
	}
	return dst, true
}

// plainHost reports whether a host has labels of letters, digits, hyphens and underscores alone:
// others could be another path than they seem to be, and are no names of hosts (RFC 1123 section
// 2.1).
func plainHost(host []byte) bool {
	empty := true
	for _, c := range host {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			empty = false
		case c == '.' && !empty:
			empty = true
		default:
			return false
		}
	}
	return !empty && len(host) <= 253
}

// label is the nth from the end of a plain host; empty: there is none.
func label(host []byte, n int) []byte {
	end := len(host)
	for i := len(host) - 1; i >= -1; i-- {
		if i >= 0 && host[i] != '.' {
			continue
		}
		if n--; n == 0 {
			return host[i+1 : end]
		}
		end = max(i, 0)
	}
	return nil
}
