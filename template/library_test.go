package template

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cbroglie/mustache"
)

// libraryTags and ourTags write a tree of tags down in the same way.
func libraryTags(tags []mustache.Tag) (all []string) {
	for _, tag := range tags {
		all = append(all, fmt.Sprint(tag.Type(), " ", tag.Name()))
		if k := tag.Type(); k == mustache.Section || k == mustache.InvertedSection {
			all = append(append(all, libraryTags(tag.Tags())...), "end")
		}
	}
	return all
}

func ourTags(elements []*element) (all []string) {
	for _, e := range elements {
		if e.kind == mustache.Invalid {
			continue
		}
		all = append(all, fmt.Sprint(e.kind, " ", e.target))
		if e.kind == mustache.Section || e.kind == mustache.InvertedSection {
			all = append(append(all, ourTags(e.children)...), "end")
		}
	}
	return all
}

// plainDelimiters is a set-delimiter tag as the library reads it: it splits at
// the first of several blanks, knows no tabs, and stops at a closing delimiter
// that is not after an equals sign.
var plainDelimiters = regexp.MustCompile(`= ?([^\s={}]+) ([^\s={}]+) ?=`)

// misread finds sources that the library may misread: other delimiters, those
// that contain one that closes tags until then, and a standalone tag with blanks
// between it and the end of the source.
func misread(source string) bool {
	var closing []string
	for _, m := range plainDelimiters.FindAllStringSubmatch(source, -1) {
		for _, c := range closing {
			if strings.Contains(m[1], c) || strings.Contains(m[2], c) {
				return true
			}
		}
		closing = append(closing, m[2])
	}
	return strings.Contains(plainDelimiters.ReplaceAllString(source, ""), "=") ||
		strings.HasSuffix(source, " ") || strings.HasSuffix(source, "\t")
}

// agree compares our reading of a source with the library's. Ours is stricter;
// what both take must be the same tree.
func agree(t *testing.T, source string) {
	t.Helper()
	if misread(source) {
		return
	}
	ours, err := parse("page", source, 1, defaultDelimiters)
	if err != nil {
		return
	}
	theirs, err := mustache.ParseStringPartials(source, &mustache.StaticProvider{})
	if err != nil {
		t.Errorf("%q: the library refuses what we take: %v", source, err)
		return
	}
	if got, want := ourTags(ours), libraryTags(theirs.Tags()); !slices.Equal(got, want) {
		t.Errorf("%q:\nwe read          %q\nthe library reads %q", source, got, want)
	}
}

func TestTagsAgreeWithTheLibrary(t *testing.T) {
	for suite := range specSuites {
		for _, c := range readSuite(t, suite) {
			agree(t, c.Template)
			for _, p := range c.Partials {
				agree(t, p)
			}
		}
	}
	agree(t, listingMustache)
}

// knot is data with every kind of step from one frame to the next: pointers,
// lists, maps and flags, in and out of each other.
type knot struct {
	Name string
	Flag bool
	Next *knot
	Bag  map[string]any
	List []knot
}

func newKnot(r *rand.Rand, depth int) knot {
	k := knot{Name: fmt.Sprintf("n%d<", r.IntN(100)), Flag: r.IntN(2) == 0}
	if depth == 0 {
		return k
	}
	if r.IntN(3) > 0 {
		next := newKnot(r, depth-1)
		k.Next = &next
	}
	for range r.IntN(3) {
		k.List = append(k.List, newKnot(r, depth-1))
	}
	if r.IntN(3) > 0 {
		k.Bag = map[string]any{"other": 1}
		if r.IntN(3) == 0 {
			k.Bag["key"] = r.IntN(100)
		}
		if r.IntN(3) == 0 {
			k.Bag["Name"] = "bag"
		}
		if r.IntN(3) == 0 {
			k.Bag["List"] = []any{newKnot(r, depth-1)}
		}
		if r.IntN(3) == 0 {
			next := newKnot(r, depth-1)
			k.Bag["Next"] = &next
		}
	}
	return k
}

// randomSource writes a template of lines. Partials stand alone on a line or
// after text, and only in sections that go deeper into the data, since the
// library has no other end to them.
func randomSource(r *rand.Rand, depth int, narrowed bool) string {
	var b strings.Builder
	for range 1 + r.IntN(4) {
		indent := strings.Repeat(" ", r.IntN(3))
		switch n := r.IntN(10); {
		case n < 3:
			name := []string{"Name", "key", "Next.Name", "Bag.key", "Flag",
				"Next.Bag.key"}[r.IntN(6)]
			fmt.Fprintf(&b, "%s.{{%s}} {{{%s}}}\n", indent, name, name)
		case n < 5 && narrowed:
			fmt.Fprintf(&b, []string{"%s{{>p%d}}\n", "%s-{{>p%d}}-\n"}[r.IntN(2)],
				indent, r.IntN(2))
		case n < 9 && depth > 0:
			name := []string{"Next", "List", "Bag", "Flag", "Next.List"}[r.IntN(5)]
			sigil := []string{"#", "#", "#", "^"}[r.IntN(4)]
			inner := randomSource(r, depth-1,
				narrowed || sigil == "#" && name != "Flag" && name != "Bag")
			layout := []string{"%s{{%s%s}}\n%s{{/%s}}\n", "%s{{%s%s}}%s.{{/%s}}.\n"}[r.IntN(2)]
			fmt.Fprintf(&b, layout, indent, sigil, name, inner, name)
		default:
			b.WriteString(indent + "text\n\n")
		}
	}
	return b.String()
}

// TestRandomTemplatesAgainstTheLibrary renders the same with and without the
// type, and with the library, which looks every name up on the whole stack. It
// is what the compiled lookups, and the stacks that recursive partials are
// given, have to equal.
func TestRandomTemplatesAgainstTheLibrary(t *testing.T) {
	typedOnes, compared := 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		data := newKnot(r, 2)
		partials := map[string]string{
			"p0": randomSource(r, 2, false), "p1": randomSource(r, 2, false),
		}
		source := randomSource(r, 3, true)
		theirs, err := mustache.ParseStringPartials(source, &mustache.StaticProvider{
			Partials: partials,
		})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want := &limited{max: 1 << 20}
		if err := theirs.FRender(want, data); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if want.full {
			continue
		}
		compared++
		compare := func(kind string, render func(*strings.Builder) error) {
			var got strings.Builder
			if err := render(&got); err != nil || got.String() != want.String() {
				t.Fatalf("seed %d, %s: %v\ntemplate %s\npartials %q\ngot\n%s\nwant\n%s",
					seed, kind, err, source, partials, got.String(), want)
			}
		}
		set := Set{Partials: partials}
		untyped := Must(Compile[any]("page", source, set))
		compare("untyped", func(b *strings.Builder) error { return untyped.Render(b, data) })
		if typed, err := Compile[knot]("page", source, set); err == nil {
			typedOnes++
			compare("typed", func(b *strings.Builder) error { return typed.Render(b, data) })
		}
	}
	if compared < 2000 || typedOnes < 500 {
		t.Errorf("only %d templates compared, %d of them typed", compared, typedOnes)
	}
}

// limited is a buffer that stops growing. The library goes on all the same;
// a writer with an error stops us.
type limited struct {
	bytes.Buffer
	max  int
	full bool
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if l.full = l.full || l.max > 0 && l.Len()+len(p) > l.max; l.full {
		return len(p), l.err
	}
	return l.Buffer.Write(p)
}
