package conf

import "strings"

// kind is what a statement is.
type kind uint8

const (
	setting   kind = iota // name = value
	section               // name arg { body }, or without the braces
	branch                // if cond { body }
	otherwise             // else { body }, or else if cond { body }; it follows a branch
	comment               // kept for the formatter alone
)

// node is a statement.
type node struct {
	kind kind
	at   place

	name  string // of a setting, its words joined with "_"; of a section
	arg   string // of a section: the words behind its name, with one blank between
	argAt place
	value string // of a setting, expanded; of a comment, from its # on
	valAt place
	bad   bool // its value was not understood, which was reported

	cond *expr // of a branch, or an otherwise with an if; nil also if it was not understood
	test bool  // there should be a condition
	open bool  // it has braces
	body []*node

	raw rawText
}

// rawText is how a statement was written: for the formatter.
type rawText struct {
	words  []string // of a name, as written
	value  string   // of a setting, as written, blanks in it as they count
	tokens []token  // of a condition
	gap    bool     // an empty line is before it
	behind bool     // a comment that stands behind something in its line
	single bool     // braces and what is between them stand in one line
}

// isKind reports whether n is a section of that name.
func (n *node) isSection(name string) bool { return n.kind == section && n.name == name }

// words are the words of the argument: commas and blanks separate them.
func (n *node) words() []string { return fields(n.arg) }

// fields splits a list: commas and blanks separate what is in it.
func fields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return r == ',' || r < 0x80 &&
			isSpace(byte(r))
	})
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' }

func isSpace(c byte) bool { return c == '\n' || isBlank(c) }
