package template

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
)

type rows struct {
	Name  string
	Items iter.Seq[item]
	Ptrs  iter.Seq[*item]
	Any   iter.Seq[any]
	Rows  iter.Seq2[item, error]
	Pairs iter.Seq2[string, *item]
	Show  bool
	Outer []rows
}

func (r rows) Method() iter.Seq[int] { return slices.Values([]int{1, 2}) }

func items(labels ...string) iter.Seq[item] {
	return func(yield func(item) bool) {
		for _, l := range labels {
			if !yield(item{Label: l}) {
				return
			}
		}
	}
}

func TestSequences(t *testing.T) {
	pairs := map[string]*item{"k": {Label: "v"}}
	data := rows{
		Name: "N", Items: items("a", "b<"), Ptrs: slices.Values([]*item{{Label: "p"}, nil}),
		Any: slices.Values([]any{1, "x", item{Label: "i"}}), Pairs: maps.All(pairs),
		Rows: func(yield func(item, error) bool) {
			_ = yield(item{Label: "r"}, nil) && yield(item{Label: "s"}, nil)
		},
		Outer: []rows{{Items: items("1", "2")}, {Items: items()}, {}},
	}
	tests := []struct{ source, want string }{
		{"{{#Items}}{{Label}}{{Name}};{{/Items}}", "aN;b&lt;N;"},
		{"{{#Ptrs}}[{{Label}}]{{/Ptrs}}", "[p][]"},
		{"{{#Any}}[{{#Label}}{{.}}{{/Label}}]{{/Any}}", "[][][i]"},
		{"{{#Rows}}{{Label}}{{/Rows}}", "rs"},
		{"{{#Pairs}}{{Key}}={{Value.Label}}{{Name}}{{/Pairs}}", "k=vN"},
		{"{{#Method}}{{.}}{{/Method}}", "12"},
		{"{{#Items}}{{#Items}}{{Label}}{{/Items}}{{/Items}}", "ab&lt;ab&lt;"},
		{"{{#Items}}x{{/Items}}{{^Items}}none{{/Items}}", "xx"},
		{"{{#Outer}}({{#Items}}{{Label}}{{/Items}}{{^Items}}none{{/Items}}){{/Outer}}",
			"(12)(none)(none)"},
	}
	for _, c := range tests {
		tpl, err := Compile[rows]("page", c.source, Set{})
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		if got := rendered(t, tpl, data); got != c.want {
			t.Errorf("%s: got %q, want %q", c.source, got, c.want)
		}
	}
	empty := Must(Compile[rows]("page", "{{#Items}}x{{/Items}}{{^Items}}none{{/Items}}", Set{}))
	for _, r := range []rows{{}, {Items: items()}} {
		if got := rendered(t, empty, r); got != "none" {
			t.Errorf("empty: got %q", got)
		}
	}
	untyped := Must(Compile[any]("page", "{{#Items}}{{Label}}{{/Items}}{{#Pairs}}{{Key}}{{/Pairs}}",
		Set{}))
	if got := rendered(t, untyped, any(data)); got != "ab&lt;k" {
		t.Errorf("untyped: got %q", got)
	}
	err := Must(Compile[any]("page", "{{^Items}}{{/Items}}", Set{})).Render(new(strings.Builder),
		any(data))
	if err == nil || !strings.Contains(err.Error(), "cannot be told beforehand") {
		t.Errorf("untyped, inverted: %v", err)
	}
}

// branch has its children as a sequence, and so asks about emptiness at every
// depth of a recursive partial.
type branch struct {
	Label string
	Kids  iter.Seq[branch]
	Side  *branch
}

// TestEmptySequencesInRecursion: between a sequence and the question whether it
// was empty, the partial is rendered again for other data.
func TestEmptySequencesInRecursion(t *testing.T) {
	kids := func(b ...branch) iter.Seq[branch] { return slices.Values(b) }
	set := Set{
		Partials: map[string]string{
			"b": "{{Label}}{{#Kids}}({{>b}}){{/Kids}}{{#Side}}[{{>b}}]{{/Side}}{{^Kids}}.{{/Kids}}",
		},
	}
	tpl := Must(Compile[branch]("page", "{{>b}}", set))
	leaf := &branch{Label: "s", Kids: kids()}
	full := &branch{Label: "t", Kids: kids(branch{Label: "u"})}
	data := branch{"a",
		kids(branch{"b", nil, full}, branch{"c", kids(branch{"d", kids(), nil}), leaf}), leaf}
	if got, want := rendered(t, tpl, data), "a(b[t(u.)].)(c(d.)[s.])[s.]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSequencesAreStreamed: what is produced is rendered at once, and reaches
// the writer before the sequence goes on when there is enough of it.
func TestSequencesAreStreamed(t *testing.T) {
	var w recorder
	big := strings.Repeat("x", flushAt)
	const n = 50
	data := rows{Items: func(yield func(item) bool) {
		for i := range n {
			if w.len < i*flushAt {
				t.Errorf("element %d is asked for with %d bytes written", i, w.len)
			}
			if !yield(item{Label: big}) {
				return
			}
		}
	}}
	tpl := Must(Compile[rows]("page", "{{#Items}}{{Label}}{{/Items}}", Set{}))
	if err := tpl.Render(&w, data); err != nil {
		t.Fatal(err)
	}
	if w.len != n*flushAt || w.largest > 2*flushAt {
		t.Errorf("%d bytes in pieces of up to %d", w.len, w.largest)
	}
}

// recorder counts what is written.
type recorder struct{ len, largest, writes int }

func (r *recorder) Write(p []byte) (int, error) {
	r.len += len(p)
	r.writes++
	r.largest = max(r.largest, len(p))
	return len(p), nil
}

var errRow = errors.New("row is gone")

func TestSequencesThatFail(t *testing.T) {
	more := 0
	data := rows{Rows: func(yield func(item, error) bool) {
		if yield(item{Label: "a"}, nil) && !yield(item{}, errRow) {
			// A sequence that does not stop is told to stop again.
			for range 3 {
				if yield(item{Label: "b"}, nil) {
					more++
				}
			}
		}
	}}
	var b strings.Builder
	err := Must(Compile[rows]("page", "\n{{#Rows}}{{Label}}{{/Rows}}", Set{})).Render(&b, data)
	var e *Error
	if !errors.Is(err, errRow) || !errors.As(err, &e) || e.Line != 2 || e.Tag != "{{#Rows}}" {
		t.Errorf("got %v", err)
	}
	if more != 0 || b.Len() != 0 {
		t.Errorf("went on %d times, wrote %q", more, b.String())
	}
}

// TestSequencesStopWithTheWriter: nothing more is produced for a client that
// is gone.
func TestSequencesStopWithTheWriter(t *testing.T) {
	produced, stopped := 0, false
	data := rows{Items: func(yield func(item) bool) {
		defer func() { stopped = true }()
		for yield(item{Label: strings.Repeat("x", flushAt)}) {
			produced++
		}
	}}
	err := Must(Compile[rows]("page", "{{#Items}}{{Label}}{{/Items}}", Set{})).
		Render(brokenWriter{}, data)
	if err != errBroken || produced != 0 || !stopped {
		t.Errorf("got %v after %d elements, stopped %v", err, produced, stopped)
	}
}

// TestYieldKept: a yield that outlives its section renders nothing.
func TestYieldKept(t *testing.T) {
	var kept func(item) bool
	data := rows{Items: func(yield func(item) bool) { kept = yield; yield(item{Label: "a"}) }}
	got := rendered(t, Must(Compile[rows]("page", "{{#Items}}{{Label}}{{/Items}}", Set{})), data)
	if got != "a" {
		t.Errorf("got %q", got)
	}
	if kept(item{Label: "b"}) {
		t.Error("a sequence that is over goes on")
	}
}

// TestSequencesByCoroutine: elements may come through iter.Pull, as those of a
// handler that waits do.
func TestSequencesByCoroutine(t *testing.T) {
	next, end := iter.Pull(items("a", "b"))
	defer end()
	data := rows{Items: func(yield func(item) bool) {
		for v, ok := next(); ok && yield(v); v, ok = next() {
		}
	}}
	got := rendered(t, Must(Compile[rows]("page", "{{#Items}}{{Label}}{{/Items}}", Set{})), data)
	if got != "ab" {
		t.Errorf("got %q", got)
	}
}
