package template

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cbroglie/mustache"
)

// A tag is one tag as it stands in the source.
type tag struct {
	position
	sigil byte // one of # ^ / > & ! = or 0 for an escaped variable
	name  string
	start int // of the opening delimiter
	end   int // past the closing delimiter
	next  int // where reading goes on: end, or past the line of a standalone tag

	format     format
	standalone bool // nothing but blanks beside it: the whole line goes away
	lineStart  int  // of a standalone tag

	delims delimiters // of a set-delimiter tag
}

// scanTag reads the tag whose opening delimiter stands at start.
func (p *parser) scanTag(start int) (*tag, error) {
	t := &tag{start: start}
	t.position = position{name: p.name, line: p.line + strings.Count(p.src[p.pos:start], "\n")}
	from := start + len(p.delims.open)
	closing, skip := p.delims.close, 0
	switch {
	case strings.HasPrefix(p.src[from:], "{"):
		closing, skip = "}"+closing, 1
	case strings.HasPrefix(p.src[from:], "="):
		closing, skip = "="+closing, 1
	}
	n := -1
	if from+skip <= len(p.src) {
		n = strings.Index(p.src[from+skip:], closing)
	}
	if n < 0 {
		t.tag = shorten(p.src[start:])
		return nil, p.fail(t.position, mustache.ErrUnmatchedOpenTag, "the tag is never closed")
	}
	t.end = from + skip + n + len(closing)
	t.next = t.end
	t.tag = shorten(p.src[start:t.end])
	content := p.src[from : t.end-len(p.delims.close)]
	if err := p.readContent(t, strings.TrimSpace(content)); err != nil {
		return nil, err
	}
	p.findStandalone(t)
	return t, nil
}

// readContent takes the inside of a tag apart: its sigil and its name.
func (p *parser) readContent(t *tag, content string) error {
	if content == "" {
		return p.fail(t.position, mustache.ErrEmptyTag, "the tag is empty")
	}
	name := content
	switch c := content[0]; c {
	case '!':
		t.sigil = c
		return nil
	case '=':
		t.sigil = c
		return p.readDelimiters(t, content)
	case '{':
		if !strings.HasSuffix(content, "}") {
			return p.fail(t.position, mustache.ErrUnmatchedOpenTag, "one brace of three is missing")
		}
		t.sigil, name = '&', content[1:len(content)-1]
	case '#', '^', '/', '>', '&':
		t.sigil, name = c, content[1:]
	case '<', '$':
		return p.fail(t.position, mustache.ErrInvalidMetaTag,
			"inheritance is not supported: use a partial or Set.Layout")
	}
	t.name = strings.TrimSpace(name)
	return p.checkName(t)
}

// readDelimiters reads the two words between equals signs.
func (p *parser) readDelimiters(t *tag, content string) error {
	inner, ok := strings.CutSuffix(content[1:], "=")
	words := strings.Fields(inner)
	if !ok || len(words) != 2 {
		return p.fail(t.position, mustache.ErrInvalidMetaTag,
			"two delimiters, apart by a blank, belong between the equals signs")
	}
	t.delims = delimiters{words[0], words[1]}
	return nil
}

// checkName refuses what the language does not call a name, so that a slip is
// not taken for a key that happens to be missing.
func (p *parser) checkName(t *tag) error {
	if t.sigil == 0 || t.sigil == '&' {
		t.name, t.format = cutFormat(t.name)
	}
	switch {
	case t.name == "":
		return p.fail(t.position, mustache.ErrEmptyTag, "the tag has no name")
	case strings.ContainsFunc(t.name, unicode.IsSpace):
		return p.fail(t.position, mustache.ErrInvalidMetaTag, "a name has no blanks")
	case t.sigil == '>' && t.name[0] == '*':
		return p.fail(t.position, mustache.ErrInvalidMetaTag,
			"names of partials that come from the data are not supported")
	case t.sigil == '>' || t.name == ".":
		return nil
	}
	for part := range strings.SplitSeq(t.name, ".") {
		if part == "" {
			return p.fail(t.position, mustache.ErrInvalidMetaTag,
				fmt.Sprintf("%q has an empty part", t.name))
		}
	}
	return nil
}

// findStandalone finds whether a tag that prints nothing itself is alone on
// its line; then the line is not part of the output.
func (p *parser) findStandalone(t *tag) {
	if t.sigil == 0 || t.sigil == '&' {
		return
	}
	before := strings.TrimRight(p.src[:t.start], " \t")
	if before != "" && before[len(before)-1] != '\n' {
		return
	}
	after := strings.TrimLeft(p.src[t.end:], " \t")
	switch {
	case after == "":
	case strings.HasPrefix(after, "\n"):
		after = after[1:]
	case strings.HasPrefix(after, "\r\n"):
		after = after[2:]
	default:
		return
	}
	t.standalone = true
	t.lineStart, t.next = len(before), len(p.src)-len(after)
}

// shorten keeps a tag in an error message to one line.
func shorten(s string) string {
	const most = 60
	if i := strings.IndexByte(s, '\n'); i >= 0 && i < most {
		return s[:i] + "..."
	}
	if len(s) <= most {
		return s
	}
	i := most
	for i > 0 && !utf8.RuneStart(s[i]) {
		i--
	}
	return s[:i] + "..."
}
