package template

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cbroglie/mustache"
)

type specCase struct {
	Name     string            `json:"name"`
	Data     any               `json:"data"`
	Template string            `json:"template"`
	Partials map[string]string `json:"partials"`
	Expected string            `json:"expected"`
}

// specSuites has each suite with its number of cases, so that a file that is
// cut short does not pass.
var specSuites = map[string]int{
	"comments": 12, "delimiters": 14, "interpolation": 42,
	"inverted": 22, "partials": 12, "sections": 34,
}

func readSuite(t testing.TB, suite string) []specCase {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "spec", suite+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []specCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != specSuites[suite] {
		t.Fatalf("%d cases, want %d", len(cases), specSuites[suite])
	}
	return cases
}

// TestSpec runs the suites of the specification with data as they have it:
// decoded JSON.
func TestSpec(t *testing.T) {
	for suite := range specSuites {
		t.Run(suite, func(t *testing.T) {
			for _, c := range readSuite(t, suite) {
				t.Run(c.Name, func(t *testing.T) {
					tpl, err := Compile[any]("case", c.Template, Set{Partials: c.Partials})
					if err != nil {
						t.Fatal(err)
					}
					if got := rendered(t, tpl, c.Data); got != c.Expected {
						t.Errorf("got %q, want %q", got, c.Expected)
					}
				})
			}
		})
	}
}

// TestSpecLambdas has the cases of the optional suite, written for a lambda
// that is given a render function. Two are not supported: the result of a
// function in a variable tag is data, and so never parsed.
func TestSpecLambdas(t *testing.T) {
	calls := 0
	echo := func(format string) mustache.LambdaFunc {
		return func(text string, render mustache.RenderFunc) (string, error) {
			return render(strings.ReplaceAll(format, "$", text))
		}
	}
	tests := []struct {
		name, template string
		data           map[string]any
		want           string
	}{
		{"Interpolation", "Hello, {{lambda}}!",
			map[string]any{"lambda": func() string { return "world" }}, "Hello, world!"},
		{"Interpolation - Expansion (not)", "Hello, {{lambda}}!",
			map[string]any{"planet": "world", "lambda": func() string { return "{{planet}}" }},
			"Hello, {{planet}}!"},
		{"Interpolation - Alternate Delimiters (not)", "{{= | | =}}\nHello, (|&lambda|)!",
			map[string]any{
				"planet": "world", "lambda": func() string { return "|planet| => {{planet}}" },
			}, "Hello, (|planet| => {{planet}})!"},
		{"Interpolation - Multiple Calls", "{{lambda}} == {{{lambda}}} == {{lambda}}",
			map[string]any{"lambda": func() int { calls++; return calls }}, "1 == 2 == 3"},
		{"Escaping", "<{{lambda}}{{{lambda}}}",
			map[string]any{"lambda": func() string { return ">" }}, "<&gt;>"},
		{"Section", "<{{#lambda}}{{x}}{{/lambda}}>",
			map[string]any{"x": "Error!",
				"lambda": func(text string, _ func(string) (string, error)) (string, error) {
					return map[bool]string{true: "yes", false: "no"}[text == "{{x}}"], nil
				}}, "<yes>"},
		{"Section - Expansion", "<{{#lambda}}-{{/lambda}}>",
			map[string]any{"planet": "Earth", "lambda": echo("${{planet}}$")}, "<-Earth->"},
		{"Section - Alternate Delimiters", "{{= | | =}}<|#lambda|-|/lambda|>",
			map[string]any{"planet": "Earth", "lambda": echo("${{planet}} => |planet|$")},
			"<-{{planet}} => Earth->"},
		{"Section - Multiple Calls", "{{#lambda}}FILE{{/lambda}} != {{#lambda}}LINE{{/lambda}}",
			map[string]any{"lambda": echo("__$__")}, "__FILE__ != __LINE__"},
		{"Inverted Section", "<{{^lambda}}{{static}}{{/lambda}}>",
			map[string]any{"static": "static", "lambda": echo("$")}, "<>"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			tpl, err := Compile[map[string]any]("case", c.template, Set{})
			if err != nil {
				t.Fatal(err)
			}
			if got := rendered(t, tpl, c.data); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func rendered[T any](t testing.TB, tpl *Template[T], data T) string {
	t.Helper()
	var b strings.Builder
	if err := tpl.Render(&b, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
