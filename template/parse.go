package template

import (
	"fmt"
	"strings"

	"github.com/cbroglie/mustache"
)

// maxNesting bounds sections inside sections, because compiling and rendering
// recurse once for each.
const maxNesting = 200

// An element is a piece of text or a tag of a parsed template. Its kind is the
// library's; mustache.Invalid is text.
type element struct {
	kind mustache.TagType
	position

	text   string // of text: what is written
	starts []int  // of text: offsets where a line of the template begins, for indentation

	target     string // of a tag: the name that it looks up
	format     format // of a variable
	raw        bool   // of a variable: not escaped
	standalone bool   // of a partial: alone on its line
	indent     string // of a partial: the blanks before it, if standalone

	children []*element // of a section
	source   string     // of a section: its text, for a lambda
	delims   delimiters // of a section: those in force at its start, for a lambda
}

type delimiters struct{ open, close string }

var defaultDelimiters = delimiters{"{{", "}}"}

// parser reads one template. It works on the source itself, because the tree
// that the library exports has no text, no lines and no indentation.
type parser struct {
	name   string
	src    string
	pos    int // start of what is not read yet
	line   int // line of pos, from 1
	bol    bool
	delims delimiters
	root   element
	open   []*element // the sections that are open; root first
	bodies []int      // where the text of each open section begins
}

// parse gives the elements of a template, or an *Error.
func parse(name, src string, line int, d delimiters) ([]*element, error) {
	p := &parser{name: name, src: src, line: line, bol: true, delims: d}
	p.open, p.bodies = []*element{&p.root}, []int{0}
	for {
		more, err := p.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	if len(p.open) > 1 {
		s := p.open[len(p.open)-1]
		return nil, p.fail(s.position, mustache.ErrSectionNoClosingTag,
			"the section is never closed")
	}
	return p.root.children, nil
}

// next reads up to the end of one tag.
func (p *parser) next() (more bool, err error) {
	i := strings.Index(p.src[p.pos:], p.delims.open)
	if i < 0 {
		p.emitText(p.src[p.pos:], false)
		return false, nil
	}
	t, err := p.scanTag(p.pos + i)
	if err != nil {
		return false, err
	}
	text := p.src[p.pos:t.start]
	if t.standalone {
		text = p.src[p.pos:t.lineStart]
	}
	p.emitText(text, !t.standalone)
	p.line += strings.Count(p.src[p.pos:t.next], "\n")
	p.pos, p.bol = t.next, t.standalone
	return true, p.apply(t)
}

// emitText adds text to the open section. inline says that a tag follows on
// the same line: a line that begins with it is indented in front of it.
func (p *parser) emitText(s string, inline bool) {
	starts := lineStarts(s, p.bol, inline)
	if s == "" && len(starts) == 0 {
		return
	}
	p.add(&element{text: s, starts: starts})
}

// lineStarts gives the offsets in s where a partial's indentation goes: at the
// start of each line that is not empty.
func lineStarts(s string, bol, inline bool) []int {
	var starts []int
	for off := 0; ; {
		rest := s[off:]
		empty := strings.HasPrefix(rest, "\n") || strings.HasPrefix(rest, "\r\n")
		if bol && !empty && (rest != "" || inline) {
			starts = append(starts, off)
		}
		nl := strings.IndexByte(rest, '\n')
		if nl < 0 {
			return starts
		}
		off, bol = off+nl+1, true
	}
}

func (p *parser) add(e *element) {
	top := p.open[len(p.open)-1]
	top.children = append(top.children, e)
}

// apply does what a tag says.
func (p *parser) apply(t *tag) error {
	switch t.sigil {
	case '!':
		return nil
	case '=':
		p.delims = t.delims
		return nil
	case '#', '^':
		return p.openSection(t)
	case '/':
		return p.closeSection(t)
	case '>':
		e := p.element(t, mustache.Partial)
		e.standalone = t.standalone
		if t.standalone {
			e.indent = p.src[t.lineStart:t.start]
		}
		p.add(e)
		return nil
	}
	e := p.element(t, mustache.Variable)
	e.raw = t.sigil == '&'
	p.add(e)
	return nil
}

func (p *parser) element(t *tag, kind mustache.TagType) *element {
	return &element{
		kind: kind, position: t.position, target: t.name, format: t.format, delims: p.delims,
	}
}

func (p *parser) openSection(t *tag) error {
	if len(p.open) > maxNesting {
		return p.fail(t.position, mustache.ErrNestingTooDeep,
			fmt.Sprintf("more than %d sections inside each other", maxNesting))
	}
	kind := mustache.Section
	if t.sigil == '^' {
		kind = mustache.InvertedSection
	}
	e := p.element(t, kind)
	p.add(e)
	p.open, p.bodies = append(p.open, e), append(p.bodies, t.next)
	return nil
}

func (p *parser) closeSection(t *tag) error {
	last := len(p.open) - 1
	if last == 0 {
		return p.fail(t.position, mustache.ErrUnmatchedCloseTag,
			"there is no open section to close")
	}
	s := p.open[last]
	if s.target != t.name {
		return p.fail(t.position, mustache.ErrInterleavedClosingTag,
			fmt.Sprintf("%s of line %d is still open", s.tag, s.line))
	}
	end := t.start
	if t.standalone {
		end = t.lineStart
	}
	s.source = p.src[p.bodies[last]:end]
	p.open, p.bodies = p.open[:last], p.bodies[:last]
	return nil
}

func (p *parser) fail(at position, code mustache.ErrorCode, message string) error {
	return at.wrap(&syntaxError{message,
		mustache.ParseError{Line: at.line, Code: code, Reason: at.tag}})
}
