package template

import (
	"errors"
	"strings"
	"testing"

	"github.com/cbroglie/mustache"
)

func TestSyntaxErrors(t *testing.T) {
	tests := []struct {
		source string
		want   string // of the error, after the name
		code   mustache.ErrorCode
	}{
		{"a\n{{", "2: {{: the tag is never closed", mustache.ErrUnmatchedOpenTag},
		{"{{x", "1: {{x: the tag is never closed", mustache.ErrUnmatchedOpenTag},
		{"{{{x}}", "1: {{{x}}: the tag is never closed", mustache.ErrUnmatchedOpenTag},
		{"{{ {x}}", "1: {{ {x}}: one brace of three is missing", mustache.ErrUnmatchedOpenTag},
		{"{{=<% %>}}", "1: {{=<% %>}}: the tag is never closed", mustache.ErrUnmatchedOpenTag},
		{"{{=", "1: {{=: the tag is never closed", mustache.ErrUnmatchedOpenTag},
		{"{{ }}", "1: {{ }}: the tag is empty", mustache.ErrEmptyTag},
		{"{{#}}{{/}}", "1: {{#}}: the tag has no name", mustache.ErrEmptyTag},
		{"{{> }}", "1: {{> }}: the tag has no name", mustache.ErrEmptyTag},
		{"{{{}}}", "1: {{{}}}: the tag has no name", mustache.ErrEmptyTag},
		{"{{a b}}", "1: {{a b}}: a name has no blanks", mustache.ErrInvalidMetaTag},
		{"{{a..b}}", `1: {{a..b}}: "a..b" has an empty part`, mustache.ErrInvalidMetaTag},
		{"{{.a}}", `1: {{.a}}: ".a" has an empty part`, mustache.ErrInvalidMetaTag},
		{"{{=<%=}}",
			"1: {{=<%=}}: two delimiters, apart by a blank, belong between the equals signs",
			mustache.ErrInvalidMetaTag},
		{"{{=a b c=}}",
			"1: {{=a b c=}}: two delimiters, apart by a blank, belong between the equals signs",
			mustache.ErrInvalidMetaTag},
		{"{{ = a b}}",
			"1: {{ = a b}}: two delimiters, apart by a blank, belong between the equals signs",
			mustache.ErrInvalidMetaTag},
		{"{{<a}}{{/a}}", "1: {{<a}}: inheritance is not supported: use a partial or Set.Layout",
			mustache.ErrInvalidMetaTag},
		{"{{$a}}{{/a}}", "1: {{$a}}: inheritance is not supported: use a partial or Set.Layout",
			mustache.ErrInvalidMetaTag},
		{"{{>*a}}", "1: {{>*a}}: names of partials that come from the data are not supported",
			mustache.ErrInvalidMetaTag},
		{"\n\n{{#a}}\nb\n", "3: {{#a}}: the section is never closed",
			mustache.ErrSectionNoClosingTag},
		{"\n{{/a}}", "2: {{/a}}: there is no open section to close", mustache.ErrUnmatchedCloseTag},
		{"{{#a}}\n{{#b}}\n{{/a}}\n{{/b}}", "3: {{/a}}: {{#b}} of line 2 is still open",
			mustache.ErrInterleavedClosingTag},
		{"{{!\n\n}}\n{{/a}}", "4: {{/a}}: there is no open section to close",
			mustache.ErrUnmatchedCloseTag},
		{strings.Repeat("{{#a}}\n", maxNesting+1),
			"201: {{#a}}: more than 200 sections inside each other", mustache.ErrNestingTooDeep},
	}
	for _, c := range tests {
		_, err := Compile[any]("page", c.source, Set{})
		if err == nil {
			t.Errorf("%.40q compiles", c.source)
			continue
		}
		if got := err.Error(); got != "template: page:"+c.want {
			t.Errorf("%.40q: %s\nwant page:%s", c.source, got, c.want)
		}
		var p mustache.ParseError
		if !errors.As(err, &p) || p.Code != c.code {
			t.Errorf("%.40q: %#v, want code %s", c.source, p, c.code)
		}
	}
}

func TestNestingAtTheLimit(t *testing.T) {
	source := strings.Repeat("{{^a}}", maxNesting) + "x" + strings.Repeat("{{/a}}", maxNesting)
	tpl, err := Compile[any]("page", source, Set{})
	if err != nil {
		t.Fatal(err)
	}
	if got := rendered(t, tpl, nil); got != "x" {
		t.Errorf("got %q", got)
	}
}

// TestSource has what the suites of the specification leave open.
func TestSource(t *testing.T) {
	data := map[string]any{"a": "A", "s": true, "l": []any{1, 2}}
	tests := []struct{ name, source, want string }{
		{"several tags on a line are not standalone", "{{#s}}{{/s}}\nx", "\nx"},
		{"a comment before a section is not blank", "{{! a }} {{#s}}\nx{{/s}}", " \nx"},
		{"delimiters apart by tabs and lines", "{{=<%\t\n %>=}}<%a%>", "A"},
		{"delimiters change back", "{{=| |=}}|a||={{ }}=|{{a}}", "AA"},
		{"delimiters of equals signs", "{{== ==}}=a=", "A"},
		{"three braces with other delimiters", "{{=<% %>=}}<%{a}%>{{{a}}}", "A{{{a}}}"},
		{"blanks before the sigil", "{{ #s }}{{ & a }}{{ ! c }}{{ /s }}", "A"},
		{"a tag over two lines", "{{\na\n}}", "A"},
		{"a list on one line", "{{#l}}{{.}},{{/l}}", "1,2,"},
		{"text without a line end", "x", "x"},
		{"nothing", "", ""},
		{"braces in text", "{ { a } } }}", "{ { a } } }}"},
		{"closing name with blanks", "{{#s}}x{{/ s }}", "x"},
		{"standalone at both ends", "  {{#s}}  \n{{/s}}  ", ""},
		{"characters beyond ASCII", "é{{a}}é {{=« »=}}«a»", "éAé A"},
	}
	for _, c := range tests {
		tpl, err := Compile[map[string]any]("page", c.source, Set{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := rendered(t, tpl, data); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
