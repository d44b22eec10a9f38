package conf

import (
	"strings"
)

// verbatims are what text of several lines stands between. Nothing is expanded in it.
var verbatims = []string{"'''", `"""`}

// value reads what is behind the = of a setting.
//
//	value    = [ verbatim | quoted | plain ]
//	verbatim = "'''" any text "'''"
//	quoted   = '"' { char | '\"' | variable } '"'
//	plain    = { char | variable }      to the end of the line, a }, or a # behind a blank
//
// Text is quoted only if nothing else stands in the setting: "a" "b" is plain.
func (p *parser) value(n *node) {
	p.blanks()
	n.valAt = p.here()
	known := len(p.report.list)
	defer func() { n.bad = len(p.report.list) > known }()
	for _, quotes := range verbatims {
		if p.has(quotes) {
			p.verbatim(n, quotes)
			return
		}
	}
	if p.peek() == '"' {
		if end, ok := p.quotedEnd(p.pos); ok && p.endsSetting(end) {
			n.raw.value = p.src.text[p.pos:end]
			n.value = p.quoted(end)
			return
		}
	}
	p.plain(n)
}

func (p *parser) verbatim(n *node, quotes string) {
	at := p.pos
	p.pos += len(quotes)
	end := strings.Index(p.rest(), quotes)
	if end < 0 {
		p.report.add(p.placeOf(at), "", "this %s is not closed", quotes)
		p.pos = len(p.src.text)
		return
	}
	n.value = p.rest()[:end]
	p.pos += end + len(quotes)
	n.raw.value = p.src.text[at:p.pos]
	if !p.endsSetting(p.pos) {
		p.blanks()
		p.report.add(p.here(), "", "nothing but a comment may be behind this value")
		p.skipLine()
	}
}

// endsSetting reports whether only blanks and a comment are between i and the setting's end.
func (p *parser) endsSetting(i int) bool {
	rest := p.src.text[i:]
	blanks := 0
	for blanks < len(rest) && isBlank(rest[blanks]) {
		blanks++
	}
	if blanks == len(rest) {
		return true
	}
	c := rest[blanks]
	return c == '\n' || c == '}' || c == '#' && blanks > 0
}

// plain reads text without quotes. Of blanks in it one counts, and none at its ends.
func (p *parser) plain(n *node) {
	var value, raw strings.Builder
	start, blank := p.pos, false
	for !p.atEnd() && value.Len() <= maxValue {
		c := p.peek()
		switch {
		case c == '\n', c == '}', c == '#' && (blank || p.pos == start):
			n.value, n.raw.value = value.String(), raw.String()
			return
		case c == '{':
			word := strings.TrimRight(p.lineFrom(start), " \t\r\v\f")
			p.report.add(p.here(), "put the value in quotes: key = \""+word+"\"",
				"a { inside a value")
			p.skipLine()
			return
		case isBlank(c):
			blank = true
			p.pos++
			continue
		}
		if blank && raw.Len() > 0 {
			value.WriteByte(' ')
			raw.WriteByte(' ')
		}
		blank = false
		if p.has("${") {
			at := p.pos
			value.WriteString(p.variable())
			raw.WriteString(p.src.text[at:p.pos])
			continue
		}
		value.WriteByte(c)
		raw.WriteByte(c)
		p.pos++
	}
	if value.Len() > maxValue {
		p.report.add(n.valAt, "", "this value is longer than 1 MiB")
		p.pos = len(p.src.text)
		return
	}
	n.value, n.raw.value = value.String(), raw.String()
}

// lineFrom is the text from i to the end of the line, for a hint.
func (p *parser) lineFrom(i int) string {
	line, _, _ := strings.Cut(p.src.text[i:], "\n")
	return line[:min(len(line), maxLine)]
}

// quotedEnd finds the end of the text in double quotes that begins at i: behind the closing quote,
// which is in the same line.
func (p *parser) quotedEnd(i int) (end int, ok bool) {
	text := p.src.text
	for i++; i < len(text) && text[i] != '\n'; i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '"':
			i++
		case text[i] == '"':
			return i + 1, true
		case strings.HasPrefix(text[i:], "${"):
			if n := variableEnd(text[i:]); n > 0 {
				i += n - 1
			}
		}
	}
	return 0, false
}

// quoted reads text in double quotes that ends at end. \" is a quote; any other backslash is
// itself, so that regular expressions need no doubling.
func (p *parser) quoted(end int) string {
	var b strings.Builder
	for p.pos++; p.pos < end-1; {
		switch {
		case p.has(`\"`) && p.pos+1 < end-1:
			b.WriteByte('"')
			p.pos += 2
		case p.has("${"):
			b.WriteString(p.variable())
		default:
			b.WriteByte(p.peek())
			p.pos++
		}
	}
	p.pos = end
	return b.String()
}

// quotedWord reads a word in double quotes, if that is what is here: behind it must be one of ends.
func (p *parser) quotedWord(ends string) (word string, ok bool) {
	if p.peek() != '"' {
		return "", false
	}
	end, ok := p.quotedEnd(p.pos)
	if !ok || end < len(p.src.text) && !isSpace(p.src.text[end]) &&
		strings.IndexByte(ends, p.src.text[end]) < 0 {
		return "", false
	}
	return p.quoted(end), true
}

// word reads one word of a key, name or argument.
func (p *parser) word() string {
	if s, ok := p.quotedWord("={}"); ok {
		return s
	}
	return p.wordUpTo("={}")
}

// wordUpTo reads a word that a blank ends, or one of ends.
func (p *parser) wordUpTo(ends string) string {
	var b strings.Builder
	for !p.atEnd() {
		c := p.peek()
		if p.has("${") {
			b.WriteString(p.variable())
			continue
		}
		if isSpace(c) || strings.IndexByte(ends, c) >= 0 {
			break
		}
		b.WriteByte(c)
		p.pos++
	}
	return b.String()
}
