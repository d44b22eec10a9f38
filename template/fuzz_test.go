package template

import (
	"errors"
	"html"
	"strings"
	"testing"

	"github.com/cbroglie/mustache"
)

// fuzzSeeds has the sources of the suites and what is likely to upset a
// parser.
func fuzzSeeds(f *testing.F) {
	for suite := range specSuites {
		for _, c := range readSuite(f, suite) {
			f.Add(c.Template, c.Partials["partial"]+c.Partials["node"]+c.Partials["include"])
		}
	}
	for _, s := range []string{
		listingMustache, "{{", "{{{", "{{{a}}", "{{ {a} }}", "{{=", "{{==}}", "{{= =}}",
		"{{==  ==}}", "{{=a a=}}a a", "{{=| |=}}|=| 0=|", "{{>p}}{{>p}}", "{{#a}}{{>p}}{{/a}}",
		"{{#a}}{{#b}}{{/a}}{{/b}}", "{{#fn}}{{>p}}{{/fn}}", "{{a.b.c.d}}{{.}}{{..}}{{.a}}",
		"  {{>p}}\r\n {{>p}}", "{{!\n\n}}\n{{a}}\n", "{{#seq}}{{.}}{{/seq}}{{^seq}}{{/seq}}",
		"\x00{{\xff}}", "{{#.}}{{#.}}{{.}}{{/.}}{{/.}}",
	} {
		f.Add(s, s)
	}
}

// fuzzed is data of every kind. Lists have one element, since sections inside
// each other multiply.
func fuzzed() map[string]any {
	return map[string]any{
		"a": "<&\"'>", "b": []any{map[string]any{"a": 2}},
		"c": map[string]any{"a": nil, "b": false, "c": 1.5}, "t": true, "f": false, "n": 0,
		"tree": &tree{"a", []*tree{{"b", nil}}}, "err": errors.New("e"), "list": []any{nil},
		"seq": items("1"),
		"fn": func(text string, render func(string) (string, error)) (string, error) {
			return render(text + ".")
		}, "panics": func() string { panic("data") },
	}
}

// FuzzCompile: no source makes the compiler or a rendering panic or hang; what
// compiles with a type compiles without; errors say where they are.
func FuzzCompile(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, source, partial string) {
		agree(t, source)
		set := Set{Partials: map[string]string{"p": partial, "q": "{{>p}}{{a}}"}}
		untyped, err := Compile[any]("page", source, set)
		_, typedErr := Compile[account]("page", source, set)
		for _, err := range []error{err, typedErr} {
			var e *Error
			if err != nil &&
				(!errors.As(err, &e) || e.Line < 1 ||
					e.Line > 1+strings.Count(source, "\n")+strings.Count(partial, "\n")) {
				t.Errorf("%q: %v", source, err)
			}
		}
		if err != nil {
			if typedErr == nil {
				t.Errorf("%q compiles with a type and not without: %v", source, err)
			}
			return
		}
		w := &limited{max: 1 << 16, err: errBroken}
		var e *Error
		if err := untyped.Render(w, fuzzed()); err != nil &&
			err != errBroken && !errors.As(err, &e) {
			t.Errorf("%q: %v", source, err)
		}
	})
}

// FuzzLambdaText: nor does text that a lambda makes up.
func FuzzLambdaText(f *testing.F) {
	fuzzSeeds(f)
	tpl := Must(Compile[wrapped]("page", "{{#Field}}{{Name}}{{/Field}}", Set{}))
	f.Fuzz(func(t *testing.T, source, _ string) {
		data := wrapped{
			Name:  "n",
			Field: func(_ string, render renderFunc) (string, error) { return render(source) },
		}
		var e *Error
		if err := tpl.Render(new(limited), data); err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %v", source, err)
		}
	})
}

// FuzzAgainstTheLibrary renders plain data. Where we take a template, both
// come to the same, but for what doc.go lists.
func FuzzAgainstTheLibrary(f *testing.F) {
	fuzzSeeds(f)
	data := map[string]any{
		"a": "<&\"'>", "b": []any{map[string]any{"a": 2, "b": []any{"y"}}},
		"c": map[string]any{"a": "", "b": false, "c": 1.5}, "data": "d", "section": true,
		"boolean": false, "list": []any{[]any{1}}, "string": "---",
	}
	f.Fuzz(func(t *testing.T, source, _ string) {
		tpl, err := Compile[any]("page", source, Set{})
		if err != nil || misread(source) || strings.Contains(source, ">") {
			return // partials are compared by the random templates
		}
		theirs, err := mustache.ParseStringPartials(source, &mustache.StaticProvider{})
		if err != nil {
			t.Fatalf("%q: %v", source, err)
		}
		var got strings.Builder
		var e *Error
		if err := tpl.Render(&got, data); errors.As(err, &e) {
			return // a list or map where a value is printed
		}
		want, err := theirs.Render(data)
		if err != nil {
			t.Fatalf("%q: %v", source, err)
		}
		if want = strings.ReplaceAll(want, "&#34;", "&quot;"); got.String() != want {
			t.Errorf("%q: got %q, the library has %q", source, got.String(), want)
		}
	})
}

// FuzzEscape compares with the standard library.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "<&>\"'", "é<", "\xff<", "&amp;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := string(appendEscaped(nil, s))
		want := strings.NewReplacer("&#34;", "&quot;", "\x00",
			"\uFFFD").Replace(html.EscapeString(s))
		if got != want || strings.ContainsAny(got, "<>\"'") {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	})
}
