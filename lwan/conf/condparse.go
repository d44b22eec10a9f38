package conf

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// expr is a condition as it was read: a test, or an operator with what it joins.
type expr struct {
	op       byte // 't'est, '!', '&', '|'
	test     test
	negative bool // != and !~
	args     []*expr
}

// asks reports whether a condition looks at something; a nil one does not.
func (e *expr) asks(what subject) bool {
	if e == nil {
		return false
	}
	if e.op == 't' {
		return e.test.subject == what
	}
	return slices.ContainsFunc(e.args, func(a *expr) bool { return a.asks(what) })
}

// token is a piece of a condition as it was written: for the formatter and Cond.String.
type token struct {
	text     string
	expanded string // the same with its variables expanded; "" if it has none
	newline  bool   // a line break was before it
}

// maxNesting is how deep parentheses and "not" may be nested.
const maxNesting = 64

// condition reads one:
//
//	cond = and { "or" and }
//	and  = not { "and" not }
//	not  = "not" not | "(" cond ")" | test
//
// Lines may break between all of these. It returns nil if something was wrong, which was reported.
func (p *parser) condition() *expr {
	known := len(p.report.list)
	e := p.or(0)
	if len(p.report.list) > known {
		return nil
	}
	return e
}

func (p *parser) or(depth int) *expr {
	return p.chain('|', "or", depth, p.and)
}

func (p *parser) and(depth int) *expr {
	return p.chain('&', "and", depth, p.not)
}

// chain reads what word joins. nil: something was wrong.
func (p *parser) chain(op byte, word string, depth int, operand func(depth int) *expr) *expr {
	first := operand(depth)
	if first == nil {
		return nil
	}
	list := []*expr{first}
	for p.condWord(word) {
		next := operand(depth)
		if next == nil {
			return nil
		}
		list = append(list, next)
	}
	if len(list) == 1 {
		return first
	}
	return &expr{op: op, args: list}
}

// condSpace skips blanks, line ends and comments between the parts of a condition.
func (p *parser) condSpace() (newline bool) {
	for !p.atEnd() {
		switch c := p.peek(); {
		case c == '\n':
			newline = true
			p.pos++
		case isBlank(c):
			p.pos++
		case c == '#':
			at := p.pos
			p.skipLine()
			text := strings.TrimRight(p.src.text[at:p.pos], " \t\r\v\f")
			p.tokens = append(p.tokens, token{text: text, newline: newline})
		default:
			return newline
		}
	}
	return newline
}

// mark keeps the text from start on as a token.
func (p *parser) mark(start int, newline bool) {
	p.tokens = append(p.tokens, token{text: p.src.text[start:p.pos], newline: newline})
}

// condWord takes "and", "or" or "not", if it is here.
func (p *parser) condWord(word string) bool {
	known, start := len(p.tokens), p.pos
	newline := p.condSpace()
	at := p.pos
	if !p.keyword(word) {
		p.tokens, p.pos = p.tokens[:known], start
		return false
	}
	p.mark(at, newline)
	return true
}

func (p *parser) not(depth int) *expr {
	if depth > maxNesting {
		p.report.add(p.here(), "", "a condition is nested more than %d deep", maxNesting)
		p.skipToBrace()
		return nil
	}
	if p.condWord("not") {
		e := p.not(depth + 1)
		if e == nil {
			return nil
		}
		return &expr{op: '!', args: []*expr{e}}
	}
	newline := p.condSpace()
	if p.peek() != '(' {
		return p.test(newline)
	}
	open := p.here()
	p.pos++
	p.mark(open.off, newline)
	e := p.or(depth + 1)
	if e == nil {
		return nil
	}
	newline = p.condSpace()
	if p.peek() != ')' {
		p.report.add(open, "", "this ( is not closed")
		p.skipToBrace()
		return nil
	}
	p.pos++
	p.mark(p.pos-1, newline)
	return e
}

// condBare reads a word of a condition: a blank, a comma, a parenthesis, a brace or an operator
// ends it. quoted tells "" from nothing.
func (p *parser) condBare() (word string, quoted bool) {
	if p.peek() == '#' { // a comment, which is none of a condition's words
		return "", false
	}
	if s, ok := p.quotedWord("={},)!"); ok {
		return s, true
	}
	return p.wordUpTo(",(){}=!"), false
}

var operators = []struct {
	text     string
	op       operator
	negative bool
	word     bool
}{
	{text: "==", op: opEqual}, {text: "!=", op: opEqual, negative: true},
	{text: "=^", op: opPrefix}, {text: "=$", op: opSuffix},
	{text: "=~", op: opMatch}, {text: "!~", op: opMatch, negative: true},
	{text: "in", op: opEqual, word: true}, {text: "under", op: opUnder, word: true},
	{text: "contains", op: opContains, word: true},
}

const operatorHint = "there are ==, !=, =^ (begins with), =$ (ends with), " +
	"=~, !~ (regular expression), in, under (a path), contains"

// test reads a comparison:
//
//	test = subject operator operand { "," operand } | "always"
//	     | ( "header" | "cookie" | "query" | "env" ) name
func (p *parser) test(newline bool) *expr {
	at := p.here()
	word, _ := p.condBare()
	subject, ok := subjects[word]
	if !ok {
		p.unknownSubject(at, word)
		return nil
	}
	p.mark(at.off, newline)
	e := &expr{op: 't', test: test{subject: subject}}
	if subject == subjectAlways {
		return e
	}
	if subject.named() && !p.subjectName(&e.test, word) {
		return nil
	}
	p.blanks()
	if !p.operator(e) {
		if subject.named() {
			return e
		}
		p.report.add(p.here(), operatorHint, "an operator is missing behind %q", word)
		p.skipToBrace()
		return nil
	}
	if !p.operands(&e.test) {
		return nil
	}
	return e
}

func (p *parser) unknownSubject(at place, word string) {
	known := make([]string, 0, len(subjects))
	for name := range subjects {
		known = append(known, name)
	}
	slices.Sort(known)
	hint := suggest(word, known)
	if hint == "" {
		hint = "there are " + strings.Join(known, ", ")
	}
	if word == "" {
		p.report.add(at, hint, "a condition is missing")
	} else {
		p.report.add(at, hint, "%q is nothing that a condition can test", word)
	}
	p.skipToBrace()
}

// subjectName reads the name of a header, cookie, parameter or variable.
func (p *parser) subjectName(t *test, word string) bool {
	p.blanks()
	at := p.here()
	if t.name, _ = p.condBare(); t.name == "" {
		p.report.add(at, "", "the name of the %s is missing", word)
		p.skipToBrace()
		return false
	}
	p.mark(at.off, false)
	if t.subject == subjectEnv && p.vars != nil {
		t.env, t.set = p.vars.getenv(t.name)
	}
	return true
}

func (p *parser) operator(e *expr) bool {
	for _, o := range operators {
		at := p.pos
		switch {
		case o.word && p.keyword(o.text):
		case !o.word && p.has(o.text):
			p.pos += len(o.text)
		default:
			continue
		}
		p.mark(at, false)
		e.test.op, e.negative = o.op, o.negative
		return true
	}
	return false
}

func (p *parser) operands(t *test) bool {
	good := true
	for {
		newline := p.condSpace()
		at := p.here()
		known := len(p.report.list)
		word, quoted := p.condBare()
		if word == "" && !quoted && p.pos == at.off {
			p.report.add(at, "", "a value to compare with is missing")
			p.skipToBrace()
			return false
		}
		p.mark(at.off, newline)
		if last := &p.tokens[len(p.tokens)-1]; strings.Contains(last.text, "${") {
			last.expanded = operandText(word)
		}
		if len(p.report.list) > known {
			good = false
		} else if p.vars != nil { // a formatter does not know the values
			if err := t.add(word); err != nil {
				p.report.add(at, "", "%v", err)
				good = false
			}
		}
		p.blanks()
		if p.peek() != ',' {
			return good
		}
		p.pos++
		p.mark(p.pos-1, false)
	}
}

// operandText writes an operand so that it is read as one.
func operandText(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\n,(){}=!#\"") {
		return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
	}
	return s
}

// skipToBrace goes on at the block's beginning, so that what is inside is looked at as well.
func (p *parser) skipToBrace() {
	if n := strings.IndexAny(p.rest(), "\n{"); n >= 0 {
		p.pos += n
	} else {
		p.pos = len(p.src.text)
	}
}

// add takes an operand.
func (t *test) add(v string) error {
	switch {
	case t.subject == subjectRemote:
		if t.op != opEqual {
			return fmt.Errorf("addresses can be compared with ==, != and in only")
		}
		n, err := parseNetwork(v)
		if err != nil {
			return err
		}
		t.networks = append(t.networks, n)
	case t.op == opMatch:
		re, err := regexp.Compile(v)
		if err != nil {
			return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		if t.re != nil {
			return fmt.Errorf("a regular expression has no list: use a|b")
		}
		t.re = re
	case t.op == opUnder && t.subject != subjectPath:
		return fmt.Errorf("only a path can be under another one")
	case t.op == opUnder && !strings.HasPrefix(v, "/"):
		return fmt.Errorf("%q is no path: it must begin with a slash", v)
	default:
		if t.subject == subjectHost {
			v = strings.ToLower(v)
		}
		t.values, t.texts = append(t.values, []byte(v)), append(t.texts, v)
	}
	return nil
}

// parseNetwork reads a network or an address, which is the network of itself.
func parseNetwork(v string) (netip.Prefix, error) {
	if n, err := netip.ParsePrefix(v); err == nil {
		if n != n.Masked() {
			return n, fmt.Errorf("%s has bits behind its mask: write %s", v, n.Masked())
		}
		return n, nil
	}
	a, err := netip.ParseAddr(v)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is no address and no network", v)
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), nil
}
