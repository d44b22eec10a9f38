package conf

import (
	"strings"
)

// Limits of a file: nothing that is written by hand comes near them.
const (
	maxDepth    = 64      // sections in each other
	maxValue    = 1 << 20 // bytes of a value
	maxVariable = 4 << 10 // bytes of a ${...}
	maxIncludes = 16      // files that include each other
)

// parser reads one file. It goes on behind whatever it does not understand, so that all mistakes
// are found at once.
//
//	file    = { statement } EOF
//	setting = word { word } "=" value END
//	section = word { word } ( "{" { statement } "}" | END )
//
// value.go has values, condparse.go conditions.
type parser struct {
	src    *source
	pos    int
	report *report
	vars   *variables // nil: a formatter, which expands nothing and keeps comments
	files  *includes  // nil: nothing is included
	depth  int
	gaveUp bool    // the rest is not read: sections that are open are no mistakes
	tokens []token // of the condition that is read
}

func (p *parser) here() place         { return place{p.src, p.pos} }
func (p *parser) placeOf(i int) place { return place{p.src, i} }
func (p *parser) rest() string        { return p.src.text[p.pos:] }
func (p *parser) has(s string) bool   { return strings.HasPrefix(p.rest(), s) }
func (p *parser) atEnd() bool         { return p.pos >= len(p.src.text) }

// peek is the next byte; NUL at the end, which no text holds.
func (p *parser) peek() byte {
	if p.atEnd() {
		return 0
	}
	return p.src.text[p.pos]
}

func (p *parser) blanks() {
	for isBlank(p.peek()) {
		p.pos++
	}
}

func (p *parser) skipLine() {
	if n := strings.IndexByte(p.rest(), '\n'); n >= 0 {
		p.pos += n
	} else {
		p.pos = len(p.src.text)
	}
}

// parseFile reads a whole text.
func parseFile(src *source, vars *variables, files *includes, r *report) []*node {
	return (&parser{src: src, report: r, vars: vars, files: files}).file()
}

func (p *parser) file() []*node {
	const byteOrderMark = "\ufeff" // some editors write one
	if p.has(byteOrderMark) {
		p.pos = len(byteOrderMark)
	}
	if i := strings.IndexByte(p.src.text, 0); i >= 0 { // Lwan's lexer ends there, too
		p.report.add(p.placeOf(i), "", "a NUL byte: the file is read up to here")
		p.src.text, p.src.lines = p.src.text[:i], nil
	}
	return p.body(nil)
}

// body reads statements up to the brace that closes in, or the end of the file.
func (p *parser) body(in *node) (list []*node) {
	for {
		gap := p.space(&list, in != nil)
		switch {
		case p.atEnd():
			if in != nil && !p.gaveUp {
				p.report.add(in.at, "",
					"this section is not closed: a } is missing at the end of the file")
			}
			return list
		case p.peek() == '}' && in == nil:
			p.report.add(p.here(), "", "this } closes nothing")
			p.pos++
			continue
		case p.peek() == '}':
			p.pos++
			return list
		}
		n := p.statement(list)
		switch {
		case n == nil:
		case n.isSection("include") && p.files != nil:
			list = append(list, p.include(n)...)
		default:
			n.raw.gap = gap && len(list) > 0
			list = append(list, n)
			p.define(n, in)
		}
	}
}

// define takes a constant over: a setting of a section constants at the top level.
func (p *parser) define(n, in *node) {
	if p.vars != nil && n.kind == setting && p.depth == 1 && in != nil &&
		in.isSection("constants") {
		p.vars.define(n.name, n.value)
	}
}

// space skips blanks, line ends and comments, which a formatter gets as nodes. It reports whether
// an empty line was last among them.
func (p *parser) space(list *[]*node, inside bool) (gap bool) {
	newlines := 0
	for !p.atEnd() {
		switch c := p.peek(); {
		case c == '\n':
			newlines++
			p.pos++
		case isBlank(c):
			p.pos++
		case c == '#':
			at := p.here()
			p.skipLine()
			if p.vars == nil {
				text := strings.TrimRight(p.src.text[at.off:p.pos], " \t\r\v\f")
				behind := newlines == 0 && (len(*list) > 0 || inside)
				*list = append(*list, &node{kind: comment, at: at, value: text, raw: rawText{
					gap: newlines > 1 && len(*list) > 0, behind: behind,
				}})
			}
			newlines = 0
		default:
			return newlines > 1
		}
	}
	return newlines > 1
}

// statement reads one; nil if it was not understood. before is what stands before it in its block.
func (p *parser) statement(before []*node) *node {
	start := p.pos
	switch {
	case p.keyword("if"):
		return p.branch(&node{kind: branch, at: p.placeOf(start), test: true})
	case p.keyword("else"):
		return p.otherwise(&node{kind: otherwise, at: p.placeOf(start)}, before)
	}
	n := &node{at: p.placeOf(start)}
	var words []string
	for {
		p.blanks()
		switch c := p.peek(); {
		case c == '=':
			return p.setting(n, words)
		case c == '{':
			return p.section(n, words)
		case p.atEnd(), c == '\n', c == '}', c == '#':
			n.kind = section
			n.setWords(words)
			return n
		}
		if len(words) == 1 {
			n.argAt = p.here()
		}
		at := p.pos
		words = append(words, p.word())
		n.raw.words = append(n.raw.words, p.src.text[at:p.pos])
	}
}

func (n *node) setWords(words []string) {
	n.name, n.arg = words[0], strings.Join(words[1:], " ")
}

func (p *parser) setting(n *node, words []string) *node {
	if len(words) == 0 {
		p.report.add(p.here(), "", "a key is missing before the =")
		p.skipLine()
		return nil
	}
	n.kind, n.name = setting, strings.Join(words, "_")
	p.pos++
	p.value(n)
	return n
}

func (p *parser) section(n *node, words []string) *node {
	if len(words) == 0 {
		p.report.add(p.here(), "", "the name of a section is missing before the {")
		p.block(n)
		return nil
	}
	n.kind = section
	n.setWords(words)
	p.block(n)
	return n
}

// block reads the braces of n and what is between them.
func (p *parser) block(n *node) {
	n.open = true
	begin := p.pos
	p.pos++
	if p.depth+1 >= maxDepth {
		p.report.add(n.at, "", "sections are nested more than %d deep", maxDepth)
		p.pos, p.gaveUp = len(p.src.text), true
		return
	}
	p.depth++
	n.body = p.body(n)
	p.depth--
	n.raw.single = !strings.Contains(p.src.text[begin:p.pos], "\n")
}

// keyword takes a word if the statement, or the rest of a condition, begins with it. A setting or
// section may have the name of a keyword.
func (p *parser) keyword(word string) bool {
	if !p.has(word) {
		return false
	}
	rest := p.src.text[p.pos+len(word):]
	if rest != "" && !isSpace(rest[0]) && strings.IndexByte("{(}", rest[0]) < 0 {
		return false
	}
	if word == "if" || word == "else" { // "if = 1" is a setting
		next := strings.TrimLeft(rest[:min(len(rest), maxVariable)], " \t\r\v\f")
		if strings.HasPrefix(next, "=") {
			return false
		}
	}
	p.pos += len(word)
	return true
}

func (p *parser) branch(n *node) *node {
	p.tokens = nil
	n.cond = p.condition()
	n.raw.tokens = p.tokens
	for isSpace(p.peek()) {
		p.pos++
	}
	if p.peek() != '{' {
		if n.cond != nil { // else something was reported already
			p.report.add(p.here(), "", "a { is missing behind the condition")
		}
		p.skipLine()
		return nil
	}
	p.block(n)
	return n
}

// otherwise reads an else; before must end with the branch that it belongs to.
func (p *parser) otherwise(n *node, before []*node) *node {
	p.blanks()
	if p.keyword("if") {
		n.test = true
		if n = p.branch(n); n == nil {
			return nil
		}
	} else if p.peek() == '{' {
		p.block(n)
	} else {
		p.report.add(p.here(), "", "a { or an if is missing behind else")
		p.skipLine()
		return nil
	}
	last := lastStatement(before)
	if last == nil || last.kind != branch && !(last.kind == otherwise && last.test) {
		p.report.add(n.at, "", "this else has no if before it")
		return nil
	}
	return n
}

// lastStatement is the last node that is no comment.
func lastStatement(list []*node) *node {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].kind != comment {
			return list[i]
		}
	}
	return nil
}
