package conf

import (
	"fmt"
	"io"
	"strings"
)

// Print writes the configuration as it counts: what was included in its place, values expanded, and
// behind each line the place where it stands. Secrets are hidden: values of names that say so
// (password, secret, token, api_key, authorization and the like, but for names of files), what is
// in a section users, passwords in URLs, what variables of such names stand for, and what
// conditions compare such headers, cookies, parameters and variables with.
func (c *Config) Print(w io.Writer) error {
	p := &printer{}
	p.list(c.tree, 0, false)
	_, err := io.WriteString(w, p.String())
	return err
}

type printer struct {
	strings.Builder
	secrets bool // show them
	plain   bool // without places
}

// at is the comment behind a line.
func (p *printer) at(n *node) string {
	if p.plain {
		return ""
	}
	return "  # " + n.at.pos().String()
}

func (p *printer) list(list []*node, depth int, secret bool) {
	in := strings.Repeat(indent, depth)
	for _, n := range list {
		head := p.head(n, secret)
		if !p.secrets {
			head = withoutPasswords(head)
		}
		if n.open && len(n.body) > 0 {
			fmt.Fprintf(p, "%s%s {%s\n", in, head, p.at(n))
			p.list(n.body, depth+1, secret || n.isSection("users"))
			fmt.Fprintf(p, "%s}\n", in)
			continue
		}
		if n.open {
			head += " { }"
		}
		fmt.Fprintf(p, "%s%s%s\n", in, head, p.at(n))
	}
}

func (p *printer) head(n *node, secret bool) string {
	switch n.kind {
	case setting:
		if !p.secrets && (secret || isSecret(n.name) || secretVariable(n.raw.value)) {
			return n.head() + " = ***"
		}
		value := n.raw.value
		if strings.Contains(value, "${") {
			value = quote(n.value)
		}
		return strings.TrimRight(n.head()+" = "+value, " ")
	case branch:
		return "if " + p.condition(n.raw.tokens)
	case otherwise:
		if n.test {
			return "else if " + p.condition(n.raw.tokens)
		}
		return "else"
	}
	return n.head()
}

func (p *printer) condition(tokens []token) string {
	if !p.secrets {
		tokens = withoutSecrets(tokens)
	}
	return oneLine(tokens)
}

// head is the name of a statement, with its argument, so that it reads as the same: as it was
// written, or, where variables are in it, expanded.
func (n *node) head() string {
	written := strings.Join(n.raw.words, " ")
	switch {
	case !strings.Contains(written, "${"):
		return written
	case n.kind == setting:
		return word(n.name)
	}
	head := word(n.name)
	for arg := range strings.FieldsSeq(n.arg) {
		head += " " + word(arg)
	}
	return head
}

// word writes a name so that it is read as one word.
func word(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\n={}#\"") || s == "if" || s == "else" {
		return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
	}
	return s
}

// quote writes a value so that it is read as the same.
func quote(s string) string {
	switch {
	case strings.ContainsAny(s, "\n\\") || strings.Contains(s, "${"):
		if strings.Contains(s, "'''") {
			return `"""` + s + `"""`
		}
		return "'''" + s + "'''"
	case s == "":
		return `""`
	case strings.ContainsAny(s, "{}#\"\r\t\v\f"), strings.Contains(s, "  "),
		strings.Trim(s, " ") != s,
		strings.HasPrefix(s, "'''"):
		return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
	}
	return s
}
