package template

import (
	"errors"
	"strings"
	"testing"

	"github.com/cbroglie/mustache"
)

type renderFunc = func(string) (string, error)

// wrapped has lambdas in each form that they come in.
type wrapped struct {
	Name  string
	Field func(text string, render renderFunc) (string, error)
	Lib   mustache.LambdaFunc
	Any   any
	Items []item
}

func (w wrapped) Bold(text string, render renderFunc) (string, error) {
	s, err := render(text)
	return "<b>" + s + "</b>", err
}

func (w *wrapped) Method(text string, render mustache.RenderFunc) (string, error) {
	return render(strings.ToUpper("(") + text + ")")
}

func TestLambdas(t *testing.T) {
	quiet := func(string, renderFunc) (string, error) { return "<quiet>", nil }
	data := wrapped{
		Name: "<N>", Field: quiet, Items: []item{{Label: "1"}, {Label: "2"}},
		Lib: func(text string, render mustache.RenderFunc) (string, error) {
			return render(text + text)
		},
		Any: func(text string, render renderFunc) (string, error) { return text, nil },
	}
	set := Set{Partials: map[string]string{"p": "[{{Name}}]"}}
	tests := []struct{ source, want string }{
		{"{{#Bold}}{{Name}}{{/Bold}}", "<b>&lt;N&gt;</b>"},
		{"{{#Bold}}{{{Name}}}{{/Bold}}", "<b><N></b>"},
		{"{{#Method}}{{Name}}{{/Method}}", "(&lt;N&gt;)"},
		{"{{#Field}}{{Name}}{{/Field}}", "<quiet>"},
		{"{{#Lib}}{{Name}};{{/Lib}}", "&lt;N&gt;;&lt;N&gt;;"},
		{"{{#Any}}{{Name}}{{/Any}}", "{{Name}}"},
		{"{{#Bold}}{{#Method}}{{Name}}{{/Method}}{{/Bold}}", "<b>(&lt;N&gt;)</b>"},
		{"{{#Items}}{{#Bold}}{{Label}}{{Name}}{{/Bold}}{{/Items}}",
			"<b>1&lt;N&gt;</b><b>2&lt;N&gt;</b>"},
		{"{{#Items}}{{#Lib}}{{Label}}{{/Lib}}{{/Items}}", "1122"},
		{"{{#Bold}}{{>p}}{{/Bold}}{{#Lib}}{{>p}}{{/Lib}}",
			"<b>[&lt;N&gt;]</b>[&lt;N&gt;][&lt;N&gt;]"},
		{"{{=| |=}}|#Lib||Name|{{Name}}|/Lib|", "&lt;N&gt;{{Name}}&lt;N&gt;{{Name}}"},
		{"{{#Any}}\n  {{Name}}\n{{/Any}}\n.", "  {{Name}}\n."},
		{"{{^Bold}}no{{/Bold}}{{^Field}}no{{/Field}}{{^Any}}no{{/Any}}", ""},
	}
	for _, c := range tests {
		tpl, err := Compile[wrapped]("page", c.source, set)
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		for range 2 { // the second time from what the first one compiled
			if got := rendered(t, tpl, data); got != c.want {
				t.Errorf("%s: got %q, want %q", c.source, got, c.want)
			}
		}
		untyped := Must(Compile[any]("page", c.source, set))
		if got := rendered(t, untyped, any(data)); got != c.want {
			t.Errorf("untyped, %s: got %q, want %q", c.source, got, c.want)
		}
	}
	none := Must(Compile[wrapped]("page",
		"{{#Field}}x{{/Field}}{{^Field}}none{{/Field}}{{#Any}}x{{/Any}}{{^Any}}none{{/Any}}",
		Set{}))
	if got := rendered(t, none, wrapped{}); got != "nonenone" {
		t.Errorf("nil: got %q", got)
	}
}

// TestLambdasReadNothing: the text that a lambda renders cannot name a file, a
// partial that the template itself has not, or a field that is not there.
func TestLambdasReadNothing(t *testing.T) {
	var got error
	data := func(text string) wrapped {
		return wrapped{Field: func(_ string, render renderFunc) (string, error) {
			_, got = render(text)
			return "kept", nil
		}}
	}
	set := Set{Partials: map[string]string{"other": "x", "used": "u"}}
	tpl := Must(Compile[wrapped]("page", "{{>used}}\n{{#Field}}x{{/Field}}", set))
	tests := []struct{ text, want string }{
		{"{{>/etc/passwd}}", "page:2: {{>/etc/passwd}}: only partials that the template itself " +
			"has can be used in the text of a lambda"},
		{"{{>../../etc/passwd}}", "page:2: {{>../../etc/passwd}}: only partials that the " +
			"template itself has can be used in the text of a lambda"},
		{"{{>other}}", "page:2: {{>other}}: only partials that the template itself has can be " +
			"used in the text of a lambda"},
		{"\n{{Nmae}}", `page:3: {{Nmae}}: no "Nmae" in template.wrapped; did you mean "Name"?`},
		{"{{#a}}", "page:2: {{#a}}: the section is never closed"},
		{"{{>used}}", ""},
	}
	for _, c := range tests {
		if out := rendered(t, tpl, data(c.text)); out != "ukept" {
			t.Errorf("%s: page %q", c.text, out)
		}
		if c.want == "" && got != nil || c.want != "" && (got == nil || got.Error() != c.want) {
			t.Errorf("%s: got %v, want %s", c.text, got, c.want)
		}
	}
}

// TestLambdasThatRenderThemselves: an error ends it, and cannot be swallowed.
func TestLambdasThatRenderThemselves(t *testing.T) {
	calls := 0
	data := wrapped{Field: func(text string, render renderFunc) (string, error) {
		calls++
		a, _ := render("{{#Field}}" + text + "{{/Field}}")
		b, _ := render("{{#Field}}" + text + "{{/Field}}")
		return a + b, nil
	}}
	tpl := Must(Compile[wrapped]("page", "{{#Field}}x{{/Field}}", Set{}))
	if err := tpl.Render(new(strings.Builder), data); !errors.Is(err, ErrDepth) {
		t.Errorf("got %v", err)
	}
	if calls > 2*maxLambdas {
		t.Errorf("%d calls", calls)
	}
}

func TestLambdasAtTheLimit(t *testing.T) {
	nested := func(n int) error {
		source := strings.Repeat("{{#Bold}}", n) + strings.Repeat("{{/Bold}}", n)
		return Must(Compile[wrapped]("page", source, Set{})).Render(new(strings.Builder), wrapped{})
	}
	if err := nested(maxLambdas); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if err := nested(maxLambdas + 1); !errors.Is(err, ErrDepth) {
		t.Errorf("one past the limit: %v", err)
	}
}

// TestLambdasGoOnAfterErrors: an error or a panic inside leaves the stack of
// the section as it was.
func TestLambdasGoOnAfterErrors(t *testing.T) {
	type page struct {
		Items []fragile
		Try   func(string, renderFunc) (string, error)
	}
	data := page{
		Items: []fragile{{"a", false}, {"b", true}, {"c", false}},
		Try: func(text string, render renderFunc) (s string, _ error) {
			defer func() {
				if recover() != nil {
					s, _ = render("panicked at {{Label}}")
				}
			}()
			s, err := render(text)
			if err != nil {
				return "lost", nil
			}
			return s, nil
		},
	}
	const source = "{{#Items}}{{#Try}}{{#Deep}}{{Label}}{{Risky}}{{/Deep}}{{/Try}}" +
		"{{Label}};{{/Items}}"
	tpl := Must(Compile[page]("page", source, Set{}))
	if got := rendered(t, tpl, data); got != "aoka;panicked at bb;cokc;" {
		t.Errorf("got %q", got)
	}
}

func TestPanicsInLambdasNameTheirTag(t *testing.T) {
	type page struct {
		wrapped
		Item fragile
	}
	tpl := Must(Compile[page]("page", "{{#Bold}}\n{{#Item}}{{Risky}}{{/Item}}{{/Bold}}", Set{}))
	err := tpl.Render(new(strings.Builder), page{Item: fragile{Fails: true}})
	if err == nil || err.Error() != "page:2: {{Risky}}: panic: risky" {
		t.Errorf("got %v", err)
	}
}

type fragile struct {
	Label string
	Fails bool
}

func (f fragile) Deep() []fragile { return []fragile{f} }

func (f fragile) Risky() string {
	if f.Fails {
		panic("risky")
	}
	return "ok"
}

func TestRenderFunctionsKept(t *testing.T) {
	var kept renderFunc
	data := wrapped{
		Field: func(text string, render renderFunc) (string, error) {
			kept = render
			return "", nil
		},
	}
	tpl := Must(Compile[wrapped]("page", "{{#Field}}{{Name}}{{/Field}}", Set{}))
	rendered(t, tpl, data)
	if s, err := kept("{{Name}}"); err == nil {
		t.Errorf("rendered %q", s)
	}
	data.Field = func(text string, render renderFunc) (string, error) {
		kept = render
		panic("out")
	}
	if err := tpl.Render(new(strings.Builder), data); err == nil {
		t.Error("no error")
	}
	if s, err := kept("{{Name}}"); err == nil {
		t.Errorf("after a panic, rendered %q", s)
	}
}

// TestLambdasAroundThePage: a layout may have the page inside a lambda that
// adds to it.
func TestLambdasAroundThePage(t *testing.T) {
	set := Set{
		Layout: "layout",
		Partials: map[string]string{
			"layout": "{{#Method}}{{> content}}{{/Method}}{{#Bold}}{{> content}}{{/Bold}}",
		},
	}
	tpl := Must(Compile[wrapped]("page", "{{Name}}", set))
	if got := rendered(t, tpl, wrapped{Name: "n"}); got != "(n)<b>n</b>" {
		t.Errorf("got %q", got)
	}
}

// TestSequencesInLambdas: the text of a lambda has its own memory of sequences.
func TestSequencesInLambdas(t *testing.T) {
	data := rowsWithLambda{rows{Items: items("a", "b")}}
	const part = "{{#Items}}{{Label}}{{/Items}}{{^Items}}none{{/Items}}"
	tpl := Must(Compile[rowsWithLambda]("page", part+"{{#Twice}}"+part+"{{/Twice}}"+part, Set{}))
	if got := rendered(t, tpl, data); got != "ab<abab>ab" {
		t.Errorf("got %q", got)
	}
	if got := rendered(t, tpl, rowsWithLambda{}); got != "none<nonenone>none" {
		t.Errorf("empty: got %q", got)
	}
}

// TestSequencesInTextOfLambdas: nor does text that the function makes up touch
// what the template remembers.
func TestSequencesInTextOfLambdas(t *testing.T) {
	const source = "{{#Items}}{{Label}}{{/Items}}{{#Other}}x{{/Other}}{{^Items}}none{{/Items}}"
	tpl := Must(Compile[rowsWithLambda]("page", source, Set{}))
	if got := rendered(t, tpl, rowsWithLambda{rows{Items: items("a")}}); got != "a[x]" {
		t.Errorf("got %q", got)
	}
	none := Must(Compile[rowsWithLambda]("page", "{{#Other}}x{{/Other}}", Set{}))
	if got := rendered(t, none, rowsWithLambda{}); got != "[x]" {
		t.Errorf("a template without sequences: got %q", got)
	}
}

type rowsWithLambda struct{ rows }

func (rowsWithLambda) Other(text string, render renderFunc) (string, error) {
	s, err := render("{{#Ptrs}}{{/Ptrs}}[" + text + "]")
	return s, err
}

func (rowsWithLambda) Twice(text string, render renderFunc) (string, error) {
	s, err := render(text + text)
	return "<" + s + ">", err
}
