package handlers

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrPatternSteps is returned when a LuaPattern takes more than 200,000 steps on a text.
var ErrPatternSteps = errors.New("handlers: a pattern takes too long")

// Limits of patterns.
const (
	maxPatternSteps  = 200_000
	maxPatternGroups = 32
	maxPatternDepth  = 200 // groups and repetitions that wait for the rest of the pattern
)

// LuaPattern is a pattern of Lua 5.1 (its manual, section 5.4.1), as Lwan's rewriting has them:
//
//	.              any byte
//	%a %c %d %l %p letters, control, digits, lower case, punctuation; in capitals all others
//	%s %u %w %x %z blanks, upper case, letters and digits, hexadecimal, NUL
//	%x             any other x: itself        [set] [^set]  with ranges and classes
//	* + ?          as much as fits            -             as little as fits
//	^ $            at the ends: the text's    ( )           what is found; "()" its place
//	%1 to %9       what a group has found     %bxy          balanced x and y
//	%f[set]        where the set begins
//
// Bytes count, and letters are those of ASCII. It is found by trying, which can take very long:
// after 200,000 steps it is given up. It is constant.
type LuaPattern struct{ text string }

// ParseLuaPattern checks a pattern.
func ParseLuaPattern(text string) (*LuaPattern, error) {
	if err := checkLuaPattern(text); err != nil {
		return nil, fmt.Errorf("the pattern %q: %w", text, err)
	}
	return &LuaPattern{text}, nil
}

// String is the pattern as it is written.
func (p *LuaPattern) String() string { return p.text }

// Find finds the pattern in a text, at the first place where it fits. found has begin and end of
// all that was found, and then of each group; -1 for both of a group that is a place alone. nil: it
// does not fit. The error is ErrPatternSteps.
func (p *LuaPattern) Find(text []byte) (found []int, err error) {
	m := &luaMatch{pattern: p.text, text: text}
	begin, anchored := 0, len(p.text) > 0 && p.text[0] == '^'
	if anchored {
		begin = 1
	}
	for at := 0; at <= len(text); at++ {
		m.groups = m.groups[:0]
		if end := m.match(at, begin); end >= 0 {
			found = append(found, at, end)
			for _, g := range m.groups {
				if g.size == luaPlace {
					found = append(found, -1, -1)
				} else {
					found = append(found, g.at, g.at+g.size)
				}
			}
			return found, nil
		}
		if m.steps > maxPatternSteps {
			return nil, ErrPatternSteps
		}
		if anchored {
			break
		}
	}
	return nil, nil
}

// luaGroup is a group in the text.
type luaGroup struct{ at, size int }

// Sizes of groups that have none.
const (
	luaOpen  = -1
	luaPlace = -2
)

// luaMatch is one search.
type luaMatch struct {
	pattern string
	text    []byte
	groups  []luaGroup
	steps   int
	depth   int
}

// match matches the pattern from p on at the place s, and returns where it ends; -1: it does not.
func (m *luaMatch) match(s, p int) int {
	m.depth++
	defer func() { m.depth-- }()
	for p < len(m.pattern) {
		if m.steps++; m.steps > maxPatternSteps || m.depth > maxPatternDepth {
			m.steps = maxPatternSteps + 1
			return -1
		}
		switch c := m.pattern[p]; {
		case c == '(':
			return m.openGroup(s, p)
		case c == ')':
			return m.closeGroup(s, p)
		case c == '$' && p+1 == len(m.pattern):
			if s == len(m.text) {
				return s
			}
			return -1
		case c == '%' && m.pattern[p+1] == 'b':
			if s = m.balanced(s, p+2); s < 0 {
				return -1
			}
			p += 4
			continue
		case c == '%' && m.pattern[p+1] == 'f':
			end := luaItemEnd(m.pattern, p+2)
			if !m.frontier(s, p+2, end) {
				return -1
			}
			p = end
			continue
		case c == '%' && isDigit(m.pattern[p+1]):
			if s = m.again(s, int(m.pattern[p+1]-'1')); s < 0 {
				return -1
			}
			p += 2
			continue
		}
		end := luaItemEnd(m.pattern, p)
		repeat := byte(0)
		if end < len(m.pattern) {
			repeat = m.pattern[end]
		}
		switch repeat {
		case '?':
			if m.fits(s, p, end) {
				if to := m.match(s+1, end+1); to >= 0 {
					return to
				}
			}
			p = end + 1
		case '+':
			if !m.fits(s, p, end) {
				return -1
			}
			return m.most(s+1, p, end)
		case '*':
			return m.most(s, p, end)
		case '-':
			return m.least(s, p, end)
		default:
			if !m.fits(s, p, end) {
				return -1
			}
			s, p = s+1, end
		}
	}
	return s
}

// most matches the item from p to end as often as it can, and then the rest.
func (m *luaMatch) most(s, p, end int) int {
	n := 0
	for m.fits(s+n, p, end) {
		n++
		m.steps++
	}
	for ; n >= 0 && m.steps <= maxPatternSteps; n-- {
		if to := m.match(s+n, end+1); to >= 0 {
			return to
		}
		m.steps++
	}
	return -1
}

// least matches it as seldom as it can.
func (m *luaMatch) least(s, p, end int) int {
	for m.steps <= maxPatternSteps {
		if to := m.match(s, end+1); to >= 0 {
			return to
		}
		if !m.fits(s, p, end) {
			return -1
		}
		s++
		m.steps++
	}
	return -1
}

func (m *luaMatch) openGroup(s, p int) int {
	g, next := luaGroup{s, luaOpen}, p+1
	if m.pattern[next] == ')' { // a place
		g.size = luaPlace
		next++
	}
	m.groups = append(m.groups, g)
	n := len(m.groups)
	to := m.match(s, next)
	if to < 0 {
		m.groups = m.groups[:n-1]
	}
	return to
}

func (m *luaMatch) closeGroup(s, p int) int {
	for i := len(m.groups) - 1; i >= 0; i-- {
		if m.groups[i].size != luaOpen {
			continue
		}
		m.groups[i].size = s - m.groups[i].at
		to := m.match(s, p+1)
		if to < 0 {
			m.groups[i].size = luaOpen
		}
		return to
	}
	return -1
}

// again matches what a group has found.
func (m *luaMatch) again(s, group int) int {
	g := m.groups[group]
	if g.size < 0 {
		return -1
	}
	m.steps += g.size
	if bytes.HasPrefix(m.text[s:], m.text[g.at:g.at+g.size]) {
		return s + g.size
	}
	return -1
}

// balanced matches %bxy, whose x is at p.
func (m *luaMatch) balanced(s, p int) int {
	open, shut := m.pattern[p], m.pattern[p+1]
	if s >= len(m.text) || m.text[s] != open {
		return -1
	}
	for depth := 1; ; m.steps++ {
		if s++; s >= len(m.text) {
			return -1
		}
		switch m.text[s] {
		case shut:
			if depth--; depth == 0 {
				return s + 1
			}
		case open:
			depth++
		}
	}
}

// frontier reports whether the set from p to end begins at s; the text's ends are a NUL.
func (m *luaMatch) frontier(s, p, end int) bool {
	var before, here byte
	if s > 0 {
		before = m.text[s-1]
	}
	if s < len(m.text) {
		here = m.text[s]
	}
	return !luaInSet(m.pattern[p:end], before) && luaInSet(m.pattern[p:end], here)
}

// fits reports whether the item from p to end fits the byte at s.
func (m *luaMatch) fits(s, p, end int) bool {
	if s >= len(m.text) {
		return false
	}
	switch c := m.text[s]; m.pattern[p] {
	case '.':
		return true
	case '%':
		return luaInClass(m.pattern[p+1], c)
	case '[':
		return luaInSet(m.pattern[p:end], c)
	default:
		return m.pattern[p] == c
	}
}

// luaItemEnd is where the item that begins at p ends.
func luaItemEnd(pattern string, p int) int {
	switch pattern[p] {
	case '%':
		return p + 2
	case '[':
		p++
		if pattern[p] == '^' {
			p++
		}
		for first := true; first || pattern[p] != ']'; first = false {
			if pattern[p] == '%' {
				p++
			}
			p++
		}
	}
	return p + 1
}

// luaInSet reports whether a byte is in a set, brackets included.
func luaInSet(set string, c byte) bool {
	set = set[1 : len(set)-1]
	in := true
	if set[0] == '^' {
		in, set = false, set[1:]
	}
	for i := 0; i < len(set); i++ {
		switch {
		case set[i] == '%':
			i++
			if luaInClass(set[i], c) {
				return in
			}
		case i+2 < len(set) && set[i+1] == '-':
			if set[i] <= c && c <= set[i+2] {
				return in
			}
			i += 2
		case set[i] == c:
			return in
		}
	}
	return !in
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// luaInClass reports whether a byte is in the class of a letter; others stand for themselves.
func luaInClass(class, c byte) bool {
	lower, upper := 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z'
	hex := isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f'
	var in bool
	switch class | 0x20 {
	case 'a':
		in = lower || upper
	case 'c':
		in = c < ' ' || c == 0x7f
	case 'd':
		in = isDigit(c)
	case 'l':
		in = lower
	case 'p':
		in = ' ' < c && c < 0x7f && !lower && !upper && !isDigit(c)
	case 's':
		in = c == ' ' || '\t' <= c && c <= '\r'
	case 'u':
		in = upper
	case 'w':
		in = lower || upper || isDigit(c)
	case 'x':
		in = hex
	case 'z':
		in = c == 0
	default:
		return class == c
	}
	if 'A' <= class && class <= 'Z' {
		return !in
	}
	if class < 'a' || class > 'z' {
		return class == c
	}
	return in
}

// checkLuaPattern finds what is wrong with a pattern, so that a search need not look.
func checkLuaPattern(text string) error {
	var open []int // groups that are not closed
	groups, closed := 0, map[int]bool{}
	p := 0
	if len(text) > 0 && text[0] == '^' {
		p = 1
	}
	for p < len(text) {
		switch c := text[p]; {
		case c == '(' && p+1 < len(text) && text[p+1] == ')':
			groups++
			p += 2
		case c == '(':
			open = append(open, groups)
			groups++
			p++
		case c == ')' && len(open) == 0:
			return errors.New("a ) closes nothing")
		case c == ')':
			closed[open[len(open)-1]] = true
			open = open[:len(open)-1]
			p++
		case c == '%' && p+1 == len(text):
			return errors.New("nothing is behind the last %")
		case c == '%' && text[p+1] == 'b':
			if p += 4; p > len(text) {
				return errors.New("%b needs two bytes")
			}
		case c == '%' && text[p+1] == 'f' && (p+2 == len(text) || text[p+2] != '['):
			return errors.New("a [ is missing behind %f")
		case c == '%' && text[p+1] == 'f':
			p += 2
		case c == '%' && isDigit(text[p+1]):
			if !closed[int(text[p+1]-'1')] {
				return fmt.Errorf("%%%c is no group that is closed before it", text[p+1])
			}
			p += 2
		case c == '[' && !luaSetCloses(text, p):
			return errors.New("a ] is missing")
		default:
			p = luaItemEnd(text, p)
			if p < len(text) && bytes.IndexByte([]byte("*+-?"), text[p]) >= 0 {
				p++
			}
		}
	}
	switch {
	case len(open) > 0:
		return errors.New("a ) is missing")
	case groups > maxPatternGroups:
		return fmt.Errorf("it has more than %d groups", maxPatternGroups)
	}
	return nil
}

// luaSetCloses reports whether the set that begins at p has an end.
func luaSetCloses(text string, p int) bool {
	p++
	if p < len(text) && text[p] == '^' {
		p++
	}
	for first := true; ; first = false {
		switch {
		case p >= len(text):
			return false
		case text[p] == ']' && !first:
			return true
		case text[p] == '%':
			p++
		}
		p++
	}
}
