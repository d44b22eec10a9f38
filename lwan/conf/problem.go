package conf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Pos is a place in a file, counted from 1. Col is in characters, not bytes.
type Pos struct {
	File      string
	Line, Col int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Pos
	Text    string // what is wrong, in one line
	Hint    string // how to mend it; "" where the text says so
	Warning bool   // the configuration can be used all the same

	line string // the line of Pos
}

// Problems is everything that is wrong, in the order of the text. As an error it has several
// lines: each place and what is wrong there, the line of the text, a caret, and a hint.
type Problems []Problem

const (
	maxShown = 50   // problems that Error shows
	maxKept  = 1000 // that are kept, so that no file fills the memory
)

// Error shows the first 50.
func (ps Problems) Error() string {
	var b strings.Builder
	for _, p := range ps[:min(len(ps), maxShown)] {
		p.write(&b)
	}
	if n := len(ps) - maxShown; n > 0 {
		fmt.Fprintf(&b, "and %d more\n", n)
	}
	return b.String()
}

func (p *Problem) write(b *strings.Builder) {
	kind := ""
	if p.Warning {
		kind = "warning: "
	}
	fmt.Fprintf(b, "%s: %s%s\n", p.Pos, kind, p.Text)
	if p.line != "" {
		// so that the caret stands below its character
		line := strings.ReplaceAll(p.line, "\t", " ")
		fmt.Fprintf(b, "    %s\n    %s^\n", line, strings.Repeat(" ", max(p.Col-1, 0)))
	}
	if p.Hint != "" {
		fmt.Fprintf(b, "    %s\n", p.Hint)
	}
}

// Err is nil if there are only warnings.
func (ps Problems) Err() error {
	if slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning }) {
		return ps
	}
	return nil
}

// source is a file's text.
type source struct {
	name, text string
	lines      []int // where they begin; made when a place is asked for
}

// place is an offset in a source; the zero value is none.
type place struct {
	src *source
	off int
}

// pos finds line and column.
func (p place) pos() Pos {
	if p.src == nil {
		return Pos{}
	}
	if p.src.lines == nil {
		p.src.lines = []int{0}
		for i := range len(p.src.text) {
			if p.src.text[i] == '\n' {
				p.src.lines = append(p.src.lines, i+1)
			}
		}
	}
	line, exact := slices.BinarySearch(p.src.lines, p.off)
	if !exact {
		line--
	}
	begin := p.src.lines[line]
	return Pos{p.src.name, line + 1, utf8.RuneCountInString(p.src.text[begin:p.off]) + 1}
}

// line is the text around the place.
func (p place) line() string {
	if p.src == nil {
		return ""
	}
	begin := strings.LastIndexByte(p.src.text[:p.off], '\n') + 1
	line, _, _ := strings.Cut(p.src.text[begin:], "\n")
	line = strings.TrimRight(line, "\r")
	return line[:min(len(line), maxLine)]
}

// maxLine is how much is shown of a line.
const maxLine = 1 << 10

// report collects problems.
type report struct {
	list  Problems
	opens []openedPath // that settings name
}

// openedPath is a file or a directory that is opened while the server serves.
type openedPath struct {
	path  string
	write bool
}

func (r *report) add(at place, hint, format string, a ...any) {
	r.keep(at, Problem{Text: fmt.Sprintf(format, a...), Hint: hint})
}

// warn adds what does not keep the configuration from being used.
func (r *report) warn(at place, hint, format string, a ...any) {
	r.keep(at, Problem{Text: fmt.Sprintf(format, a...), Hint: hint, Warning: true})
}

// keep finds the place, which takes the time of a line: not for what is not kept.
func (r *report) keep(at place, p Problem) {
	if len(r.list) < maxKept {
		secret := ""
		p.Pos = at.pos()
		p.line, secret = at.shownLine()
		p.Text, p.Hint = hide(p.Text, secret), hide(p.Hint, secret)
		r.list = append(r.list, p)
	}
}

// sorted is all problems in the order of the text.
func (r *report) sorted() Problems {
	slices.SortStableFunc(r.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Col, b.Col))
	})
	return r.list
}
