package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxWidth is the width of a line in columns, of which a tab counts as tabWidth.
const (
	maxWidth = 100
	tabWidth = 4
)

// stillWide lists the folders that have wider lines. It may only get shorter.
var stillWide = []string{
	"benchmarks", "benchmarks/attack", "benchmarks/contenders/chi", "benchmarks/contenders/echo",
	"benchmarks/contenders/fasthttp", "benchmarks/contenders/fiber2",
	"benchmarks/contenders/fiber3", "benchmarks/contenders/floor", "benchmarks/contenders/gin",
	"benchmarks/contenders/golwan", "benchmarks/contenders/hertz", "benchmarks/contenders/nethttp",
	"benchmarks/contenders/writes", "benchmarks/ecosystem", "benchmarks/internal/compare",
	"benchmarks/internal/contender", "benchmarks/internal/contract", "benchmarks/internal/drive",
	"benchmarks/internal/load", "benchmarks/internal/plot", "benchmarks/internal/proc",
	"benchmarks/internal/report", "benchmarks/internal/rounds", "benchmarks/internal/routers",
	"benchmarks/internal/stats", "benchmarks/internal/syscalls", "benchmarks/internal/target",
	"benchmarks/internal/tuning",
	"benchmarks/internal/workload",
	"examples", "examples/await", "examples/chat", "examples/echo", "examples/events",
	"examples/files", "examples/hello", "examples/module", "examples/nethttp", "examples/routes",
	"examples/upload",
	"handlers", "handlers/files",
	"lwan", "lwan/buffer", "lwan/lwantest",
	"lwan/internal/evloop", "lwan/internal/http1", "lwan/internal/logring",
	// Folders into which files of others move.
	"lwan/internal/message", "lwan/internal/loop", "lwan/internal/conn", "lwan/internal/h1",
	"lwan/internal/nethttp", "lwan/internal/smuggling", "lwan/internal/soak",
}

// TestWidths finds lines that are too wide, and folders that are listed as wide and no longer are.
func TestWidths(t *testing.T) {
	wide := map[string][]token.Position{}
	for _, s := range sources(t, ".") {
		if lines := wideLines(s); len(lines) > 0 {
			folder := path.Dir(s.path)
			wide[folder] = append(wide[folder], lines...)
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(wide)) {
		if slices.Contains(stillWide, folder) {
			continue
		}
		for _, at := range wide[folder] {
			t.Errorf("%s: wider than %d columns", at, maxWidth)
		}
	}
	for _, folder := range stillWide {
		if _, err := os.Stat(folder); err == nil && len(wide[folder]) == 0 {
			t.Errorf("%s has no wide lines: take it from the list", folder)
		}
	}
}

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// wideLines finds the lines of a file that are too wide and could be broken.
func wideLines(s *source) (places []token.Position) {
	if generated.Match(s.text) {
		return nil
	}
	var whole map[int]bool
	for i, line := range strings.Split(string(s.text), "\n") {
		if width(line) <= maxWidth {
			continue
		}
		if whole == nil {
			whole = unbreakable(s)
		}
		word := strings.TrimPrefix(strings.TrimSpace(line), "// ")
		if whole[i+1] || strings.HasPrefix(word, "http") && !strings.Contains(word, " ") {
			continue
		}
		places = append(places, token.Position{Filename: s.path, Line: i + 1})
	}
	return places
}

// unbreakable finds the lines that must be as wide as they are: raw strings that go over several
// lines, or begin their line, or are the tag of a field; strings without a space that begin their
// line; and what an example prints.
func unbreakable(s *source) map[int]bool {
	whole := map[int]bool{}
	tags := map[ast.Node]bool{}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			if n.Tag != nil {
				tags[n.Tag] = true
			}
		case *ast.BasicLit:
			from, to := s.set.Position(n.Pos()), s.set.Position(n.End())
			raw, begins := n.Value[0] == '`', from.Column <= indent(s, from)+1
			if tags[n] || raw && (begins || from.Line != to.Line) ||
				begins && n.Kind == token.STRING && !strings.Contains(n.Value, " ") {
				for l := from.Line; l <= to.Line; l++ {
					whole[l] = true
				}
			}
		}
		return true
	})
	for _, group := range s.file.Comments {
		if !strings.HasPrefix(group.Text(), "Output:") {
			continue
		}
		for l := s.set.Position(group.Pos()).Line; l <= s.set.Position(group.End()).Line; l++ {
			whole[l] = true
		}
	}
	return whole
}

// indent counts the tabs with which the line of a place begins.
func indent(s *source, at token.Position) int {
	line := s.text[at.Offset-at.Column+1:]
	return len(line) - len(strings.TrimLeft(string(line), "\t"))
}

func width(line string) (columns int) {
	for _, r := range line {
		if r == '\t' {
			columns += tabWidth - 1
		}
		columns++
	}
	return columns
}

// TestWideLines shows which lines TestWidths lets through.
func TestWideLines(t *testing.T) {
	x := strings.Repeat("x", maxWidth)
	for name, tt := range map[string]struct {
		text string
		want []int
	}{
		"at the limit":       {"//" + x[2:], nil},
		"one past it":        {"//" + x[1:], []int{3}},
		"characters":         {"//" + strings.Repeat("é", maxWidth-2), nil},
		"tabs":               {"var _ = []int{\n\t1, //" + x[:maxWidth-8] + "\n}", []int{4}},
		"an address":         {"// https://" + x, nil},
		"behind words":       {"// see https://" + x, []int{3}},
		"a raw string":       {"var _ = \"\" +\n\t`" + x + "`", nil},
		"behind code":        {"var _ = `" + x + "`", []int{3}},
		"of several lines":   {"var _ = `" + x + "\n" + x + "y`", nil},
		"a tag":              {"type t struct {\n\ta int `" + x + "`\n}", nil},
		"a string":           {"var _ = \"\" +\n\t\"" + x + "\"", nil},
		"a string of words":  {"var _ = \"\" +\n\t\"a " + x + "\"", []int{4}},
		"an example's print": {"func f() {\n\t// Output:\n\t// " + x + "\n}", nil},
		"another comment":    {"func f() {\n\t// Prints:\n\t// " + x + "\n}", []int{5}},
		"generated":          {"// Code generated by x. DO NOT EDIT.\n//" + x, nil},
	} {
		s := &source{
			path: name, text: []byte("package p\n\n" + tt.text + "\n"), set: token.NewFileSet(),
		}
		var err error
		if s.file, err = parser.ParseFile(s.set, name, s.text, parser.ParseComments); err != nil {
			t.Fatal(name, err)
		}
		var got []int
		for _, at := range wideLines(s) {
			got = append(got, at.Line)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: lines %v, want %v", name, got, tt.want)
		}
	}
}
