package template

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

type tree struct {
	Label string
	Kids  []*tree
}

type forest struct {
	Title string
	Root  *tree
	Sep   string
}

var sampleTree = &tree{"a", []*tree{{"b", []*tree{{"c", nil}}}, {"d", nil}}}

func TestIndentation(t *testing.T) {
	partials := map[string]string{
		"lines":  "1\n2\n",
		"open":   "1\n2",
		"empty":  "1\n\n2\r\n\r\n3\n",
		"tags":   "{{a}}\n{{#s}}\nin\n{{/s}}\n{{! gone }}\n{{#s}}x{{/s}}y\n",
		"outer":  "a\n  {{>lines}}\nb\n",
		"inline": "a {{>lines}}b\n",
		"multi":  "{{{m}}}\n",
		"none":   "",
	}
	data := map[string]any{"a": "A", "s": true, "m": "x\ny"}
	tests := []struct{ name, source, want string }{
		{"each line", "  {{>lines}}\n.", "  1\n  2\n."},
		{"no line end", "  {{>open}}\n.", "  1\n  2."},
		{"empty lines are left empty", " {{>empty}}\n", " 1\n\n 2\r\n\r\n 3\n"},
		{"lines that begin with tags", " {{>tags}}\n", " A\n in\n xy\n"},
		{"adds up", "  {{>outer}}\n", "  a\n    1\n    2\n  b\n"},
		{"not inside a line", "  {{>inline}}\n", "  a 1\n2\nb\n"},
		{"not beside text", "  {{>lines}} x\n", "  1\n2\n x\n"},
		{"not in values", "  {{>multi}}\n", "  x\ny\n"},
		{"tabs", "\t{{>lines}}\n", "\t1\n\t2\n"},
		{"nothing", "  {{>none}}\n.", "."},
		{"ends with the partial", "  {{>lines}}\n1\n", "  1\n  2\n1\n"},
		{"in a section", "{{#s}}\n  {{>lines}}\n{{/s}}\n", "  1\n  2\n"},
	}
	for _, c := range tests {
		tpl, err := Compile[map[string]any]("page", c.source, Set{Partials: partials})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := rendered(t, tpl, data); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestRecursion: the indentation of a recursive partial grows with the data.
func TestRecursion(t *testing.T) {
	set := Set{
		Partials: map[string]string{
			"node": "- {{Label}} of {{Title}}\n{{#Kids}}\n  {{>node}}\n{{/Kids}}\n",
		},
	}
	const want = "- a of T\n  - b of T\n    - c of T\n  - d of T\n"
	tpl := Must(Compile[forest]("page", "{{#Root}}\n{{>node}}\n{{/Root}}\n", set))
	if got := rendered(t, tpl, forest{Title: "T", Root: sampleTree}); got != want {
		t.Errorf("typed: got %q", got)
	}
	untyped := Must(Compile[map[string]any]("page", "{{#Root}}\n{{>node}}\n{{/Root}}\n", set))
	if got := rendered(t, untyped, map[string]any{"Title": "T", "Root": sampleTree}); got != want {
		t.Errorf("untyped: got %q", got)
	}
}

// mixed goes from structs to maps and back, so that the stack of a recursive
// partial has frames to leave out and runs to join.
type mixed struct {
	Name string
	Bag  map[string]any
	Next *mixed
}

// TestMixedRecursion compares the stack that a recursive partial is given with
// the plain rule: the first frame from the top that has the name.
func TestMixedRecursion(t *testing.T) {
	set := Set{
		Partials: map[string]string{
			"p": "<{{Name}}{{#Bag}}[{{Name}}:{{k}}{{#Next}}{{>p}}{{/Next}}]{{/Bag}}{{#Next}}" +
				"{{>p}}{{/Next}}>",
		},
	}
	data := mixed{
		Name: "1", Bag: map[string]any{"k": "k1"},
		Next: &mixed{
			Name: "2", Bag: map[string]any{"Name": "bag2"},
			Next: &mixed{
				Name: "3", Bag: map[string]any{"z": "z"},
				Next: &mixed{Name: "4", Bag: map[string]any{"k": "k4"}},
			},
		},
	}
	tpl := Must(Compile[mixed]("page", "{{>p}}", set))
	got := rendered(t, tpl, data)
	if want := plainMixed([]any{data}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// plainMixed renders the partial p of TestMixedRecursion by hand.
func plainMixed(stack []any) string {
	get := func(name string) any {
		for i := len(stack) - 1; i >= 0; i-- {
			switch f := stack[i].(type) {
			case mixed:
				if v, ok := map[string]any{"Name": f.Name, "Bag": f.Bag, "Next": f.Next}[name]; ok {
					return v
				}
			case map[string]any: // a bag
				if v, ok := f[name]; ok {
					return v
				}
			}
		}
		return ""
	}
	names := func() string { return fmt.Sprint(get("Name"), ":", get("k")) }
	next := func() string {
		if n := get("Next").(*mixed); n != nil {
			return plainMixed(append(stack[:len(stack):len(stack)], *n))
		}
		return ""
	}
	out := "<" + fmt.Sprint(get("Name"))
	if bag := get("Bag").(map[string]any); bag != nil {
		stack = append(stack[:len(stack):len(stack)], bag)
		out += "[" + names() + next() + "]"
		stack = stack[:len(stack)-1]
	}
	return out + next() + ">"
}

func TestCycles(t *testing.T) {
	tests := []struct {
		name     string
		partials map[string]string
		want     string
	}{
		{"itself", map[string]string{"a": "x\n{{>a}}"},
			"a:2: {{>a}}: partials include each other without end: a > a"},
		{"three", map[string]string{"a": "{{>b}}", "b": "{{>c}}", "c": "\n\n{{>a}}"},
			"c:3: {{>a}}: partials include each other without end: a > b > c > a"},
		{"in a flag", map[string]string{"a": "{{#Title}}{{>a}}{{/Title}}"},
			"a:1: {{>a}}: partials include each other without end: a > a"},
		{"in an inverted section", map[string]string{"a": "{{^Root}}{{>a}}{{/Root}}"},
			"a:1: {{>a}}: partials include each other without end: a > a"},
		{"in the same value", map[string]string{"a": "{{#.}}{{>a}}{{/.}}"},
			"a:1: {{>a}}: partials include each other without end: a > a"},
		{"inside a section that calls it",
			map[string]string{"a": "{{#Root}}{{>b}}{{/Root}}", "b": "{{>b}}"},
			"b:1: {{>b}}: partials include each other without end: b > b"},
		{"beside a section",
			map[string]string{"a": "{{#Root}}{{>b}}{{/Root}}{{>b}}", "b": "{{>a}}"},
			"partials include each other without end"},
	}
	for _, c := range tests {
		_, err := Compile[forest]("page", "{{>a}}", Set{Partials: c.partials})
		if !errors.Is(err, ErrCycle) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v\nwant %s", c.name, err, c.want)
		}
	}
}

// TestEndlessData: what is no cycle of partials can still be one of data.
func TestEndlessData(t *testing.T) {
	loop := &tree{Label: "x"}
	loop.Kids = []*tree{loop}
	node := map[string]string{"node": "{{#Kids}}{{>node}}{{/Kids}}"}
	err := Must(Compile[*tree]("page", "{{>node}}", Set{Partials: node})).
		Render(new(strings.Builder), loop)
	if !errors.Is(err, ErrDepth) {
		t.Errorf("typed: %v", err)
	}
	bag := map[string]any{}
	bag["Kids"] = bag
	err = Must(Compile[any]("page", "{{>node}}", Set{Partials: node})).Render(new(strings.Builder),
		bag)
	if !errors.Is(err, ErrDepth) {
		t.Errorf("untyped: %v", err)
	}
	// Root is found further down the stack each time, and never ends.
	up := map[string]string{"node": "{{#Root}}{{>node}}{{/Root}}"}
	err = Must(Compile[forest]("page", "{{>node}}", Set{Partials: up})).Render(new(strings.Builder),
		forest{Root: loop})
	if !errors.Is(err, ErrDepth) {
		t.Errorf("upwards: %v", err)
	}
}

func TestDepthAtTheLimit(t *testing.T) {
	chain := func(n int) *tree {
		root := &tree{}
		for range n - 1 {
			root = &tree{Kids: []*tree{root}}
		}
		return root
	}
	tpl := Must(Compile[*tree]("page", "{{>node}}", Set{
		Partials: map[string]string{"node": "x{{#Kids}}{{>node}}{{/Kids}}"},
	}))
	if got := rendered(t, tpl, chain(maxDepth)); len(got) != maxDepth {
		t.Errorf("%d nodes, want %d", len(got), maxDepth)
	}
	if err := tpl.Render(new(strings.Builder), chain(maxDepth+1)); !errors.Is(err, ErrDepth) {
		t.Errorf("one past the limit: %v", err)
	}
	if got := rendered(t, tpl, chain(3)); got != "xxx" {
		t.Errorf("after an error: %q", got)
	}
}

// TestPartialsThatFanOut: 20 partials that each include the next eight times
// would be 8^20 copies if each tag had its own.
func TestPartialsThatFanOut(t *testing.T) {
	partials := map[string]string{"p20": ""}
	for i := range 20 {
		partials[fmt.Sprintf("p%d", i)] = strings.Repeat(fmt.Sprintf("{{>p%d}}", i+1), 8)
	}
	if _, err := Compile[forest]("page", "{{>p0}}", Set{Partials: partials}); err != nil {
		t.Error(err)
	}
}

func TestTooManyPartials(t *testing.T) {
	partials := map[string]string{}
	for i := range maxBodies {
		partials[fmt.Sprintf("p%d", i)] = fmt.Sprintf("{{>p%d}}", i+1)
	}
	partials[fmt.Sprintf("p%d", maxBodies)] = ""
	_, err := Compile[forest]("page", "{{>p0}}", Set{Partials: partials})
	if err == nil || !strings.Contains(err.Error(), "more than 10000 partials") {
		t.Errorf("got %.200v", err)
	}
}

func TestPartialsFromFiles(t *testing.T) {
	set := Set{
		FS: fstest.MapFS{
			"page.mustache":         {Data: []byte("{{>parts/head}}{{>map}}")},
			"parts/head.mustache":   {Data: []byte("head {{Title}};")},
			"map.mustache":          {Data: []byte("from the file")},
			"parts/broken.mustache": {Data: []byte("\n{{Tilte}}")},
		},
		Partials: map[string]string{"map": "from the map"},
	}
	got := rendered(t, Must(Load[forest](set, "page")), forest{Title: "T"})
	if got != "head T;from the map" {
		t.Errorf("got %q", got)
	}
	tests := []struct{ source, want string }{
		{"{{>parts/haed}}",
			`page:1: {{>parts/haed}}: no such template: file does not exist; did you mean "parts/head"?`},
		{"{{>../etc/passwd}}",
			`page:1: {{>../etc/passwd}}: "../etc/passwd" is no path inside the set`},
		{"{{>/etc/passwd}}", `page:1: {{>/etc/passwd}}: "/etc/passwd" is no path inside the set`},
		{"{{>parts/broken}}",
			`parts/broken:2: {{Tilte}}: no "Tilte" in template.forest; did you mean "Title"?`},
	}
	for _, c := range tests {
		_, err := Compile[forest]("page", c.source, set)
		if err == nil || err.Error() != "template: "+c.want {
			t.Errorf("%s: got %v", c.source, err)
		}
	}
}

func TestLayout(t *testing.T) {
	set := Set{
		Layout: "layout",
		Partials: map[string]string{
			"layout": "<title>{{Title}}</title>\n<main>\n{{> content}}\n</main>\n{{>foot}}\n",
			"foot":   "<p>{{Sep}}</p>",
			"page":   "<h1>{{Title}}</h1>\n",
			"bare":   "no page",
			"typo":   "{{Tilte}}{{> content}}",
			"nested": "{{>frame}}", "frame": "({{> content}})",
		},
	}
	const want = "<title>T</title>\n<main>\n<h1>T</h1>\n</main>\n<p>&amp;</p>"
	got := rendered(t, Must(Load[forest](set, "page")), forest{Title: "T", Sep: "&"})
	if got != want {
		t.Errorf("got %q", got)
	}
	for layout, want := range map[string]string{
		"bare": "template: bare:1: the layout has no {{> content}}",
		"typo": `template: typo:1: {{Tilte}}: no "Tilte" in template.forest; did you mean "Title"?`,
		"gone": `template: layout "gone": no such template: file does not exist`,
	} {
		set.Layout = layout
		if _, err := Compile[forest]("page", "x", set); err == nil || err.Error() != want {
			t.Errorf("%s: got %v", layout, err)
		}
	}
	set.Layout = "nested"
	if got := rendered(t, Must(Compile[forest]("page", "x", set)), forest{}); got != "(x)" {
		t.Errorf("a layout that says it in a partial: %q", got)
	}
	if _, err := Compile[forest]("page", "{{> content}}", set); !errors.Is(err, ErrCycle) {
		t.Errorf("a page that includes itself: %v", err)
	}
}

// TestTextIsInherited: what is not escaped in the page is not in its partials.
func TestTextIsInherited(t *testing.T) {
	set := Set{
		Text: true, Layout: "l",
		Partials: map[string]string{"l": "{{.}}{{>content}}", "p": "{{.}}"},
	}
	tpl := Must(Compile[string]("page", "{{.}}{{>p}}", set))
	if got := rendered(t, tpl, "<"); got != "<<<" {
		t.Errorf("got %q", got)
	}
	if got := tpl.With("").ContentType(); got != "text/plain; charset=utf-8" {
		t.Errorf("got %q", got)
	}
}
