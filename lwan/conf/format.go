package conf

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// Format writes a configuration in the one format: a statement a line, four blanks for each depth,
// one blank between words, at most one empty line between statements. Comments, and the order of
// everything, stay; what was written in one line between braces stays in one if it is one
// statement. A text with mistakes in it comes back as it is, with Problems.
//
// It reads the text alone: nothing is expanded or included, so names that the program does not know
// are no mistakes.
func Format(name string, text []byte) ([]byte, error) {
	r := &report{}
	tree := parseFile(&source{name: name, text: string(text)}, nil, nil, r)
	if err := r.sorted().Err(); err != nil {
		return text, err
	}
	var f formatter
	f.list(tree, 0)
	return f.Bytes(), nil
}

type formatter struct{ bytes.Buffer }

const indent = "    "

func (f *formatter) list(list []*node, depth int) {
	for _, n := range list {
		if n.kind == comment && n.raw.behind && f.Len() > 0 {
			f.Truncate(f.Len() - 1) // the end of the line that it stands behind
			f.WriteString(" " + n.value + "\n")
			continue
		}
		if n.raw.gap {
			f.WriteByte('\n')
		}
		f.WriteString(strings.Repeat(indent, depth))
		f.statement(n, depth)
		f.WriteByte('\n')
	}
}

func (f *formatter) statement(n *node, depth int) {
	switch n.kind {
	case comment:
		f.WriteString(n.value)
		return
	case setting:
		f.WriteString(strings.TrimRight(strings.Join(n.raw.words, " ")+" = "+n.raw.value, " "))
		return
	case branch:
		f.WriteString("if " + joinTokens(n.raw.tokens, "\n"+strings.Repeat(indent, depth+2)))
	case otherwise:
		f.WriteString("else")
		if n.test {
			f.WriteString(" if " + joinTokens(n.raw.tokens, "\n"+strings.Repeat(indent, depth+2)))
		}
	default:
		f.WriteString(strings.Join(n.raw.words, " "))
	}
	if n.open {
		f.block(n, depth)
	}
}

func (f *formatter) block(n *node, depth int) {
	switch {
	case len(n.body) == 0:
		f.WriteString(" { }")
	case inOneLine(n):
		f.WriteString(" { ")
		f.statement(n.body[0], depth)
		f.WriteString(" }")
	default:
		f.WriteString(" {\n")
		f.list(n.body, depth+1)
		f.WriteString(strings.Repeat(indent, depth) + "}")
	}
}

// inOneLine is true for a block that was written in one line and can stay so: one statement, and if
// that has a block, one that can, too.
func inOneLine(n *node) bool {
	if !n.raw.single || len(n.body) != 1 {
		return false
	}
	inner := n.body[0]
	return !inner.open || len(inner.body) == 0 || inOneLine(inner)
}

// joinTokens writes a condition. Line breaks stay, where newline is what stands for one.
func joinTokens(list []token, newline string) string {
	var b strings.Builder
	for i, t := range list {
		switch {
		case i == 0:
		case t.newline || list[i-1].text[0] == '#':
			b.WriteString(newline)
		case t.text != "," && t.text != ")" && list[i-1].text != "(":
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return b.String()
}

// oneLine writes a condition in one line, without its comments, with variables expanded.
func oneLine(list []token) string {
	kept := slices.DeleteFunc(slices.Clone(list), func(t token) bool { return t.text[0] == '#' })
	for i := range kept {
		kept[i].text = cmp.Or(kept[i].expanded, kept[i].text)
	}
	return joinTokens(kept, " ")
}
