package conf

import "strings"

// variables are what ${NAME} can name.
type variables struct {
	constants map[string]string
	fixed     map[string]bool // constants that the file cannot change: given by -D
	getenv    func(name string) (string, bool)
	expanded  int // bytes, in all
}

func newVariables(set map[string]string, getenv func(string) (string, bool)) *variables {
	v := &variables{constants: map[string]string{}, fixed: map[string]bool{}, getenv: getenv}
	for name, value := range set {
		v.constants[name], v.fixed[name] = value, true
	}
	return v
}

func (v *variables) define(name, value string) {
	if !v.fixed[name] {
		v.constants[name] = value
	}
}

// lookup finds a constant, or else a variable of the environment.
func (v *variables) lookup(name string) (string, bool) {
	if value, ok := v.constants[name]; ok {
		return value, true
	}
	return v.getenv(name)
}

// variableEnd is how long the ${...} is that text begins with; 0 if it is not closed in its line.
func variableEnd(text string) int {
	text = text[:min(len(text), maxVariable)]
	if n := strings.IndexAny(text, "}\n"); n >= 0 && text[n] == '}' {
		return n + 1
	}
	return 0
}

// variable expands the ${NAME} or ${NAME:default} that is here. What it stands for is not looked
// at again: it is text.
func (p *parser) variable() string {
	at := p.here()
	n := variableEnd(p.rest())
	if n == 0 {
		p.report.add(at, "", "this ${ is not closed by a }")
		p.skipLine()
		return ""
	}
	inner := p.rest()[2 : n-1]
	p.pos += n
	name, def, hasDefault := strings.Cut(inner, ":")
	if !isVariableName(name) {
		p.report.add(at, "a name has letters, digits and _", "%q is no name of a variable", name)
		return ""
	}
	if p.vars == nil {
		return p.src.text[at.off:p.pos]
	}
	if value, ok := p.vars.lookup(name); ok {
		return p.bounded(at, value)
	}
	if !hasDefault {
		p.report.add(at,
			"define it in constants { }, in the environment, or give a default: ${"+name+":value}",
			"%q is neither a constant nor an environment variable", name)
	}
	return def
}

// maxExpanded is how long all that variables stand for may be together: constants that are made of
// constants double with each line.
const maxExpanded = 4 << 20

// bounded is the value of a variable, or nothing if there was too much before it.
func (p *parser) bounded(at place, value string) string {
	if p.vars.expanded > maxExpanded {
		return ""
	}
	if p.vars.expanded += len(value); p.vars.expanded > maxExpanded {
		p.report.add(at, "", "what variables stand for is longer than 4 MiB, in all")
		return ""
	}
	return value
}

func isVariableName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '_':
		default:
			return false
		}
	}
	return s != ""
}
