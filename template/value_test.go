package template

import (
	"errors"
	"html"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
)

type named string

type stamp struct{ zero bool }

func (s stamp) IsZero() bool { return s.zero }

type shout struct{ s string }

func (s *shout) String() string { return s.s + "!" }

type failure struct{}

func (failure) Error() string  { return "error" }
func (failure) String() string { return "string" }

type endless func() endless

func (endless) self() endless {
	var f endless
	f = func() endless { return f }
	return f
}

// values are printed the same whether the compiler knows their type or not.
func TestVariables(t *testing.T) {
	s, n := "text", 7
	ps := &s
	tests := []struct {
		name  string
		value any
		want  string
	}{
		{"nil", nil, ""},
		{"nil pointer", (*string)(nil), ""},
		{"nil slice of bytes", []byte(nil), ""},
		{"nil error", error(nil), ""},
		{"nil pointer with a method", (*shout)(nil), ""},
		{"nil map", map[string]string(nil), ""},
		{"nil function", (func() string)(nil), ""},
		{"string", "a<b", "a&lt;b"},
		{"named string", named("a&b"), "a&amp;b"},
		{"empty string", "", ""},
		{"pointer", &s, "text"},
		{"pointer to pointer", &ps, "text"},
		{"bytes", []byte("<i>"), "&lt;i&gt;"},
		{"int", -12, "-12"},
		{"pointer to int", &n, "7"},
		{"int8", int8(math.MinInt8), "-128"},
		{"uint64", uint64(math.MaxUint64), "18446744073709551615"},
		{"uintptr", uintptr(5), "5"},
		{"rune", 'x', "120"},
		{"true", true, "true"},
		{"false", false, "false"},
		{"float", 1.5, "1.5"},
		{"float without fraction", 85.0, "85"},
		{"large float", 123456789.0, "123456789"},
		{"larger float", 1e21, "1e+21"},
		{"small float", 1e-7, "1e-07"},
		{"zero float", 0.0, "0"},
		{"float32", float32(0.1), "0.1"},
		{"not a number", math.NaN(), "NaN"},
		{"infinity", math.Inf(-1), "-Inf"},
		{"complex", complex(1, 2), "(1+2i)"},
		{"stringer", netip.MustParseAddr("::1"), "::1"},
		{"stringer of the pointer", shout{"a"}, "a!"},
		{"pointer to stringer", &shout{"a<"}, "a&lt;!"},
		{"duration", 90 * time.Second, "1m30s"},
		{"error", errors.New("a&b"), "a&amp;b"},
		{"error before stringer", failure{}, "error"},
		{"function", func() string { return "f" }, "f"},
		{"function that returns a function", func() func() int { return func() int { return 3 } },
			"3"},
		{"function that returns nil", func() *string { return nil }, ""},
		{"function that returns itself", endless(nil).self(), ""},
		{"function of two results", func() (string, error) { return "f", nil }, "f"},
	}
	for _, c := range tests {
		untyped := Must(Compile[any]("page", "{{.}}", Set{}))
		if got := rendered(t, untyped, c.value); got != c.want {
			t.Errorf("untyped %s: got %q, want %q", c.name, got, c.want)
		}
		field := Must(Compile[struct{ V any }]("page", "{{V}}", Set{}))
		if got := rendered(t, field, struct{ V any }{c.value}); got != c.want {
			t.Errorf("field of type any, %s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTypedVariables(t *testing.T) {
	type page struct {
		S     string
		N     named
		B     []byte
		I     int32
		U     uint16
		F     float32
		C     complex64
		T     bool
		P     **int
		Err   error
		Shout shout
		PS    *shout
		Fn    func() (int, error)
		When  time.Time
	}
	n := 4
	pn := &n
	const source = "{{S}},{{N}},{{B}},{{I}},{{U}},{{F}},{{C}},{{T}},{{P}},{{Err}},{{Shout}}," +
		"{{PS}},{{Fn}},{{{S}}},{{&B}},{{When.Year}}"
	tpl := Must(Compile[page]("page", source, Set{}))
	full := page{
		S: "<", N: "&", B: []byte(">"), I: -1, U: 2, F: 2.5, C: 1i, T: true, P: &pn,
		Err: errors.New("e"), Shout: shout{"s"}, PS: &shout{"p"},
		Fn: func() (int, error) { return 9, nil }, When: time.Unix(0, 0).UTC(),
	}
	got, want := rendered(t, tpl, full), "&lt;,&amp;,&gt;,-1,2,2.5,(0+1i),true,4,e,s!,p!,9,<,>,1970"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := rendered(t, tpl, page{}), ",,,0,0,0,(0+0i),false,,,!,,,,,1"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestUntypedValuesThatCannotBePrinted: an error says so instead of Go syntax
// in a page, with <nil> perhaps among it.
func TestUntypedValuesThatCannotBePrinted(t *testing.T) {
	lambda := func(string, func(string) (string, error)) (string, error) { return "", nil }
	for _, v := range []any{
		map[string]any{"a": nil}, []any{1}, struct{ A int }{1},
		make(chan int), lambda, func(int) {},
	} {
		err := Must(Compile[any]("page", "\n{{.}}", Set{})).Render(new(strings.Builder), v)
		var e *Error
		if !errors.As(err, &e) || e.Line != 2 || e.Tag != "{{.}}" {
			t.Errorf("%T: got %v", v, err)
		}
	}
}

func TestUntypedValuesThatAreNoSections(t *testing.T) {
	for _, v := range []any{make(chan int), func(int) {}, func(int) string { return "" }} {
		err := Must(Compile[any]("page", "\n{{#.}}x{{/.}}", Set{})).Render(new(strings.Builder), v)
		var e *Error
		if !errors.As(err, &e) || e.Line != 2 || e.Tag != "{{#.}}" {
			t.Errorf("%T: got %v", v, err)
		}
	}
}

func TestSections(t *testing.T) {
	s := "x"
	full := []any{
		true, 1, -1, 0.5, uint8(1), "x", " ", &s, []byte("x"), []int{0}, [1]int{}, struct{}{},
		struct{ A int }{}, map[string]int{}, map[string]int{"a": 1}, map[int]int{}, time.Unix(0, 0),
		stamp{}, &stamp{}, 'x', 1i, func() bool { return true }, netip.Addr{}, [2]byte{},
	}
	empty := []any{
		nil, false, 0, 0.0, uint8(0), "", (*string)(nil), []byte{}, []int{}, []int(nil), [0]int{},
		map[string]int(nil), time.Time{}, stamp{true}, &stamp{true}, 0i, (func() bool)(nil),
		func() bool { return false }, new(bool), (chan int)(nil),
	}
	check := func(v any, want string) {
		t.Helper()
		tpl := Must(Compile[map[string]any]("page", "{{#v}}+{{/v}}{{^v}}-{{/v}}", Set{}))
		got := rendered(t, tpl, map[string]any{"v": v})
		if strings.TrimRight(got, "+") == "" && got != "" {
			got = "+" // a list has one for each element
		}
		if got != want {
			t.Errorf("%T(%v): got %q, want %q", v, v, got, want)
		}
	}
	for _, v := range full {
		check(v, "+")
	}
	for _, v := range empty {
		check(v, "-")
	}
}

func TestTypedSections(t *testing.T) {
	type page struct {
		T     bool
		S     string
		B     []byte
		I     int
		P     *item
		V     item
		L     []*item
		M     map[string]string
		When  time.Time
		Outer string
		Nums  []int
		Deep  [][]string
		Fn    func() []item
	}
	const source = "{{#T}}T{{.}}{{/T}}{{^T}}-{{/T}} {{#S}}{{.}}{{/S}}{{^S}}-{{/S}} " +
		"{{#B}}{{.}}{{/B}}{{^B}}-{{/B}} {{#I}}{{.}}{{Outer}}{{/I}}{{^I}}-{{/I}} " +
		"{{#P}}{{Label}}{{Outer}}{{/P}}{{^P}}-{{/P}} {{#V}}v{{Label}}{{/V}}{{^V}}-{{/V}} " +
		"{{#L}}[{{Label}}]{{/L}}{{^L}}-{{/L}} {{#M}}{{k}}{{Outer}}{{/M}}{{^M}}-{{/M}} " +
		"{{#When}}{{Year}}{{/When}}{{^When}}-{{/When}} {{#Nums}}{{.}}{{/Nums}} " +
		"{{#Deep}}({{#.}}{{.}}{{Outer}}{{/.}}){{/Deep}} {{#Fn}}{{Label}}{{/Fn}}{{^Fn}}-{{/Fn}}"
	tpl := Must(Compile[page]("page", source, Set{}))
	full := page{
		T: true, S: "s", B: []byte("b"), I: 3, P: &item{Label: "p"}, V: item{Label: "l"},
		L: []*item{{Label: "1"}, nil, {Label: "2"}}, M: map[string]string{"k": "m"},
		When: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Outer: "^", Nums: []int{1, 0, 2},
		Deep: [][]string{{"a", "b"}, {}, {"c"}}, Fn: func() []item { return []item{{Label: "f"}} },
	}
	got, want := rendered(t, tpl, full), "Ttrue s b 3^ p^ vl [1][][2] m^ 2020 102 (a^b^)()(c^) f"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := rendered(t, tpl, page{}), "- - - - - v - - -   -"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestEscaping compares with the standard library, which differs in the name
// of one entity only, and checks that a browser reads back what was meant.
func TestEscaping(t *testing.T) {
	for _, s := range []string{
		"", "plain", `<a href="x" title='y'>&amp;</a>`, "é<ü", "\xff<\xfe",
		strings.Repeat("'", 100),
	} {
		got := string(appendEscaped(nil, s))
		if want := strings.ReplaceAll(html.EscapeString(s), "&#34;", "&quot;"); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
		if back := html.UnescapeString(got); back != s {
			t.Errorf("%q comes back as %q", s, back)
		}
	}
	if got := string(appendEscaped(nil, "a\x00b")); got != "a\uFFFDb" {
		t.Errorf("NUL: got %q", got)
	}
}

// TestAttributes: text in quotes of either kind cannot end the attribute.
func TestAttributes(t *testing.T) {
	tpl := Must(Compile[string]("page", `<a x="{{.}}" y='{{.}}'>{{.}}</a>`, Set{}))
	got := rendered(t, tpl, `"'><script>&`)
	const v = "&quot;&#39;&gt;&lt;script&gt;&amp;"
	if want := `<a x="` + v + `" y='` + v + `'>` + v + `</a>`; got != want {
		t.Errorf("got %s", got)
	}
}

func TestUserTextIsNeverParsed(t *testing.T) {
	const evil = "{{secret}}{{#secret}}x{{/secret}}{{{secret}}}{{>p}}{{=| |=}}"
	data := map[string]any{
		"secret": "LEAK", "text": evil, "fn": func() string { return evil }, "list": []string{evil},
	}
	set := Set{Text: true, Partials: map[string]string{"p": "LEAK", "q": "{{text}}"}}
	tpl := Must(Compile[map[string]any]("page",
		"{{text}}{{{text}}}{{fn}}{{#list}}{{.}}{{/list}}{{#text}}{{.}}{{/text}}{{>q}}", set))
	if got := rendered(t, tpl, data); got != strings.Repeat(evil, 6) {
		t.Errorf("got %q", got)
	}
}
