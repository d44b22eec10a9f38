package template

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/big"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

type account struct {
	Name    string
	Tagged  string `mustache:"tagged"`
	Hidden  string `mustache:"-"`
	private string //lint:ignore U1000 a template must not see it
	Owner   *person
	Meta    map[string]string
	Extra   any
	Items   []item
	Pairs   map[int]string
	Opened  time.Time
	Shape   shapely
	Stream  iter.Seq[item]
	Ch      chan int
	Fn      func() (string, error)
	Bad     func(int) string
	Lambda  func(string, func(string) (string, error)) (string, error)
}

type person struct {
	First, Last string
	Boss        *person
}

func (p person) Full() string            { return p.First + " " + p.Last }
func (p *person) Initial() string        { return p.First[:1] }
func (p person) Check() (string, error)  { return "", errors.New("not checked") }
func (p person) Greet(who string) string { return "hi " + who }
func (p person) Reset()                  {}
func (p person) Two() (int, int)         { return 1, 2 }
func (p person) Three() (a, b, c int)    { return }

type item struct {
	Label string
	Price float64
}

type shapely interface{ Area() int }

type square int

func (s square) Area() int { return int(s * s) }

// outer has two embedded structs, as pages have that share a layout.
type outer struct {
	inner
	*Optional
	Title string
}

type inner struct{ Title, Flash string }

type Optional struct{ Note string }

// shadowing has a field that hides two deeper ones of the same template name.
type shadowing struct {
	Deep1
	Deep2
	Own string `mustache:"x"`
}

type (
	Deep1 struct {
		One string `mustache:"x"`
	}
	Deep2 struct {
		Two string `mustache:"x"`
	}
)

type ambiguous struct {
	A string `mustache:"x"`
	B string `mustache:"x"`
}

func TestTagsAreCheckedAgainstTheType(t *testing.T) {
	tests := []struct{ source, want string }{
		{"{{Nmae}}", `{{Nmae}}: no "Nmae" in template.account; did you mean "Name"?`},
		{"{{name}}", `{{name}}: no "name" in template.account; did you mean "Name"?`},
		{"{{Completely}}", `{{Completely}}: no "Completely" in template.account`},
		{"{{Tagged}}", `{{Tagged}}: Tagged of template.account is called "tagged" by its tag`},
		{"{{Hidden}}", `{{Hidden}}: Hidden of template.account is hidden by its tag mustache:"-"`},
		{"{{private}}", `{{private}}: private of template.account is not exported`},
		{"{{Owner.Frist}}",
			`{{Owner.Frist}}: no "Frist" in template.person; did you mean "First"?`},
		{"{{Owner.Boss.Boss.last}}",
			`{{Owner.Boss.Boss.last}}: no "last" in template.person; did you mean "Last"?`},
		{"{{Owner.Greet}}", `{{Owner.Greet}}: Greet of template.person takes arguments`},
		{"{{Owner.Reset}}", `{{Owner.Reset}}: Reset of template.person returns nothing`},
		{"{{Owner.Two}}",
			`{{Owner.Two}}: Two of template.person has a second result that is no error`},
		{"{{Owner.Three}}", `{{Owner.Three}}: Three of template.person returns too much`},
		{"{{#Owner}}{{Fist}}{{/Owner}}",
			`{{Fist}}: no "Fist" in template.person, template.account; did you mean "First"?`},
		{"{{#Items}}{{Lable}}{{/Items}}",
			`{{Lable}}: no "Lable" in template.item, template.account; did you mean "Label"?`},
		{"{{#Stream}}{{Lable}}{{/Stream}}",
			`{{Lable}}: no "Lable" in template.item, template.account; did you mean "Label"?`},
		{"{{^Itms}}{{/Itms}}", `{{^Itms}}: no "Itms" in template.account; did you mean "Items"?`},
		{"{{Name.x}}", `{{Name.x}}: no "x" in string`},
		{"{{Meta.a.b}}", `{{Meta.a.b}}: no "b" in string`},
		{"{{Shape.Aera}}", `{{Shape.Aera}}: no "Aera" in template.shapely; did you mean "Area"?`},
		{"{{Pairs.a}}", `{{Pairs.a}}: no "a" in map[int]string`},
		{"{{Owner}}",
			`{{Owner}}: a template.person cannot be printed: name a part of it, use a section, or give it a String method`},
		{"{{Items}}",
			`{{Items}}: a []template.item cannot be printed: name a part of it, use a section, or give it a String method`},
		{"{{Meta}}",
			`{{Meta}}: a map[string]string cannot be printed: name a part of it, use a section, or give it a String method`},
		{"{{Stream}}",
			`{{Stream}}: a iter.Seq[github.com/golwan/golwan/template.item] cannot be printed: name a part of it, use a section, or give it a String method`},
		{"{{Lambda}}", `{{Lambda}}: a lambda belongs in a section`},
		{"{{#Ch}}{{/Ch}}", `{{#Ch}}: a chan int cannot be a section`},
		{"{{^Ch}}{{/Ch}}", `{{^Ch}}: a chan int cannot be a section`},
		{"{{#Bad}}{{/Bad}}", `{{#Bad}}: a func(int) string cannot be used: it takes arguments`},
		{"{{>p}}", `{{>p}}: no such template: file does not exist`},
		{"{{^Stream}}{{/Stream}}",
			`{{^Stream}}: a sequence is known to be empty only after {{#Stream}}, in the same section`},
	}
	for _, c := range tests {
		_, err := Compile[account]("page", "\n"+c.source, Set{})
		if err == nil {
			t.Errorf("%s compiles", c.source)
			continue
		}
		if got, want := err.Error(), "template: page:2: "+c.want; got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.source, got, want)
		}
	}
}

// TestTypesThatAreChecked has what must compile: the check must not be in the
// way of what rendering can do.
func TestTypesThatAreChecked(t *testing.T) {
	sources := []string{
		"{{Name}}{{tagged}}{{Owner.First}}{{Owner.Full}}{{Owner.Initial}}{{Owner.Check}}",
		"{{Owner.Boss.Boss.Boss.Full}}", "{{Meta.anything}}",
		"{{Extra}}{{Extra.a.b.c}}{{#Extra}}{{x}}{{Name}}{{/Extra}}{{^Extra}}{{/Extra}}",
		"{{#Meta}}{{whatever}}{{/Meta}}",
		"{{Opened}}{{Opened.Year}}{{#Opened}}{{Month}}{{/Opened}}",
		"{{Shape.Area}}{{#Shape}}{{Area}}{{/Shape}}", "{{#Pairs}}{{Name}}{{/Pairs}}",
		"{{#Stream}}{{Label}}{{/Stream}}{{^Stream}}none{{/Stream}}",
		"{{Fn}}{{#Fn}}{{.}}{{/Fn}}", "{{#Lambda}}{{Name}}{{/Lambda}}{{^Lambda}}{{/Lambda}}",
		"{{#Name}}{{.}}{{Name}}{{/Name}}",
	}
	for _, s := range sources {
		if _, err := Compile[account]("page", s, Set{}); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		if _, err := Compile[*account]("page", s, Set{}); err != nil {
			t.Errorf("pointer, %s: %v", s, err)
		}
	}
}

// partly is an interface with a method that only its own package can call.
type partly interface {
	Area() int
	own()
}

func TestErrorsStayShort(t *testing.T) {
	type (
		e struct{ N int }
		d struct{ E e }
		c struct{ D d }
		b struct{ C c }
		a struct {
			B b
			P partly
		}
	)
	tests := []struct{ source, want string }{
		{"{{#B}}{{#C}}{{#D}}{{#E}}{{x}}{{/E}}{{/D}}{{/C}}{{/B}}",
			`{{x}}: no "x" in template.e, template.d, template.c, template.b, ...`},
		{"{{x" + strings.Repeat("é", 40) + "}}",
			"{{x" + strings.Repeat("é", 28) + `...: no "x` +
				strings.Repeat("é", 40) + `" in template.a`},
		{"{{\n\nx\n}}", `{{...: no "x" in template.a`},
		{"{{P.own}}", `{{P.own}}: no "own" in template.partly`},
	}
	for _, x := range tests {
		_, err := Compile[a]("page", x.source, Set{})
		if err == nil || err.Error() != "template: page:1: "+x.want {
			t.Errorf("%q: got %v", x.source, err)
		}
	}
}

func TestAllWrongTagsAreReported(t *testing.T) {
	_, err := Compile[account]("page", "{{A1}}\n{{Name}}{{B1}}\n{{#Xyz}}{{inside}}{{/Xyz}}{{>p}}",
		Set{Partials: map[string]string{"p": "\n{{D1}}"}})
	want := `template: page:1: {{A1}}: no "A1" in template.account
page:2: {{B1}}: no "B1" in template.account
page:3: {{#Xyz}}: no "Xyz" in template.account
p:2: {{D1}}: no "D1" in template.account`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	var e *Error
	if !errors.As(err, &e) || e.Name != "page" || e.Line != 1 || e.Tag != "{{A1}}" {
		t.Errorf("the first error is %#v", e)
	}
	_, err = Compile[account]("page", strings.Repeat("{{X}}\n", 1000), Set{})
	if n := strings.Count(err.Error(), "\n") + 1; n != maxErrors {
		t.Errorf("%d errors, want %d", n, maxErrors)
	}
}

func TestEmbeddedStructs(t *testing.T) {
	tpl := Must(Compile[outer]("page",
		"{{Title}}|{{Flash}}|{{Note}}|{{#Optional}}{{Note}}!{{/Optional}}", Set{}))
	o := outer{inner: inner{"inner", "saved"}, Title: "outer"}
	if got := rendered(t, tpl, o); got != "outer|saved||" {
		t.Errorf("got %q", got)
	}
	o.Optional = &Optional{"n"}
	if got := rendered(t, tpl, o); got != "outer|saved|n|n!" {
		t.Errorf("got %q", got)
	}
	got := rendered(t, Must(Compile[shadowing]("page", "{{x}}", Set{})),
		shadowing{Deep1{"1"}, Deep2{"2"}, "own"})
	if got != "own" {
		t.Errorf("got %q", got)
	}
	_, err := Compile[ambiguous]("page", "{{x}}", Set{})
	if err == nil || !strings.Contains(err.Error(), "x of template.ambiguous names two fields") {
		t.Errorf("got %v", err)
	}
}

// TestMethods has each way that a value is found in, which decides whether a
// pointer's method can be called on it as it is.
func TestMethods(t *testing.T) {
	type page struct {
		Value   person
		Pointer *person
		Nil     *person
		List    []person
		Array   [1]person
		Map     map[string]person
		Any     any
		Shape   shapely
		PShape  shapely
		Method  func() person
		Total   *big.Int
		Big     big.Int
	}
	p := person{First: "Ada", Last: "L"}
	data := page{
		Value: p, Pointer: &p, List: []person{p}, Array: [1]person{p},
		Map: map[string]person{"a": p}, Any: p, Shape: square(3), PShape: &cube{2},
		Method: func() person { return p }, Total: big.NewInt(7), Big: *big.NewInt(8),
	}
	tests := []struct{ source, want string }{
		{"{{Value.Full}} {{Value.Initial}}", "Ada L A"},
		{"{{Pointer.Full}} {{Pointer.Initial}}", "Ada L A"},
		{"{{Nil.Full}}{{Nil.Initial}}{{#Nil}}x{{/Nil}}{{^Nil}}nil{{/Nil}}", "nil"},
		{"{{#List}}{{Full}} {{Initial}}{{/List}}", "Ada L A"},
		{"{{#Array}}{{Full}} {{Initial}}{{/Array}}", "Ada L A"},
		{"{{Map.a.Full}} {{Map.a.Initial}}{{Map.b.Full}}", "Ada L A"},
		{"{{#Map}}{{a.Full}} {{a.Initial}}{{b.Full}}{{/Map}}", "Ada L A"},
		{"{{Any.Full}} {{Any.Initial}}{{#Any}} {{First}} {{Full}}{{/Any}}", "Ada L A Ada Ada L"},
		{"{{Shape.Area}}{{#Shape}}{{Area}}{{/Shape}}", "99"},
		{"{{PShape.Area}}{{#PShape}}{{Area}}{{/PShape}}", "88"},
		{"{{Method.Full}} {{Method.Initial}}{{#Method}} {{Last}}{{/Method}}", "Ada L A L"},
		{"{{Total}} {{Big}}", "7 8"},
	}
	for _, c := range tests {
		tpl, err := Compile[page]("page", c.source, Set{})
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		if got := rendered(t, tpl, data); got != c.want {
			t.Errorf("%s: got %q, want %q", c.source, got, c.want)
		}
		dynamic := Must(Compile[any]("page", c.source, Set{}))
		if got := rendered(t, dynamic, any(data)); got != c.want {
			t.Errorf("untyped, %s: got %q, want %q", c.source, got, c.want)
		}
	}
}

type cube struct{ side int }

func (c *cube) Area() int { return c.side * c.side * c.side }

type counter struct{ n int }

func (c *counter) Next() int { c.n++; return c.n }

// TestMethodsSeeTheValueItself: a method of the pointer is given the element of
// the list, not a copy.
func TestMethodsSeeTheValueItself(t *testing.T) {
	list := []counter{{}, {10}}
	got := rendered(t, Must(Compile[[]counter]("page", "{{#.}}{{Next}} {{Next}};{{/.}}", Set{})),
		list)
	if got != "1 2;11 12;" {
		t.Errorf("got %q", got)
	}
	if list[1].n != 12 {
		t.Errorf("the element has %d", list[1].n)
	}
}

// TestMapsWithMethods: a method goes before a key, for keys may come from users.
func TestMapsWithMethods(t *testing.T) {
	type page struct{ Header labels }
	data := page{labels{"Sum": "key", "b": "2"}}
	tpl := Must(Compile[page]("page",
		"{{Header.Sum}} {{Header.b}} {{#Header}}{{Sum}} {{b}}{{/Header}}", Set{}))
	if got := rendered(t, tpl, data); got != "2 2 2 2" {
		t.Errorf("got %q", got)
	}
	accept := Must(Compile[http.Header]("page", "{{#Accept}}{{.}};{{/Accept}}{{#None}}x{{/None}}",
		Set{}))
	if got := rendered(t, accept, http.Header{"Accept": {"a", "b"}}); got != "a;b;" {
		t.Errorf("got %q", got)
	}
}

type labels map[string]string

func (l labels) Sum() int { return len(l) }

// TestNamesThatAMapMayHide: a name that the type has may be there in a map
// nearer the top, with a value of any other type.
func TestNamesThatAMapMayHide(t *testing.T) {
	type page struct {
		Bag    map[string]any
		When   time.Time
		Items  []item
		Stream iter.Seq[item]
	}
	const source = "{{#Bag}}{{When}};{{#Items}}{{.}}{{Label}};{{/Items}}{{#Stream}}{{Label}};" +
		"{{/Stream}}{{^Items}}-{{/Items}}{{/Bag}}"
	tpl := Must(Compile[page]("page", source, Set{}))
	data := page{Items: []item{{Label: "a"}}, Stream: items("b"), When: time.Unix(0, 0).UTC()}
	data.Bag = map[string]any{"When": "now", "Items": true, "Stream": []string{"x", "y"}}
	if got := rendered(t, tpl, data); got != "now;true;;;" {
		t.Errorf("hidden: got %q", got)
	}
	data.Bag = map[string]any{"Items": false}
	if got := rendered(t, tpl, data); got != "1970-01-01 00:00:00 +0000 UTC;b;-" {
		t.Errorf("not hidden: got %q", got)
	}
}

// typed makes a struct of decoded JSON, so that the specification's suites
// test the compiled lookups too.
func typed(v any) reflect.Value {
	switch v := v.(type) {
	case map[string]any:
		var fields []reflect.StructField
		var values []reflect.Value
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if !strings.ContainsAny(name, ". ") {
				f := typed(v[name])
				tag := reflect.StructTag(fmt.Sprintf("mustache:%q", name))
				fields = append(fields, reflect.StructField{
					Name: fmt.Sprintf("F%d", len(fields)), Type: f.Type(), Tag: tag,
				})
				values = append(values, f)
			}
		}
		s := reflect.New(reflect.StructOf(fields)).Elem()
		for i, x := range values {
			s.Field(i).Set(x)
		}
		return s
	case []any:
		return typedList(v)
	case nil:
		return reflect.Zero(reflect.TypeFor[*string]())
	}
	return reflect.ValueOf(v)
}

// typedList has elements of one type where they are alike.
func typedList(v []any) reflect.Value {
	t := reflect.TypeFor[any]()
	for i, x := range v {
		if u := typed(x).Type(); i == 0 || u == t {
			t = u
		} else {
			t = reflect.TypeFor[any]()
		}
	}
	list := reflect.MakeSlice(reflect.SliceOf(t), 0, len(v))
	for _, x := range v {
		list = reflect.Append(list, typed(x))
	}
	return list
}

// TestSpecTyped runs the suites with structs. The cases about names that are
// not there must not compile.
func TestSpecTyped(t *testing.T) {
	missing := []string{"Miss", "Broken Chain", "Context Precedence", "never single keys",
		"Failed Lookup", "inverted/Context", "inverted/List"}
	for suite := range specSuites {
		for _, c := range readSuite(t, suite) {
			t.Run(suite+"/"+c.Name, func(t *testing.T) {
				data := typed(c.Data)
				p, err := compilePage(Set{Partials: c.Partials},
					&unit{name: "case", source: c.Template}, data.Type())
				for _, m := range missing {
					if strings.Contains(suite+"/"+c.Name, m) {
						if err == nil {
							t.Error("compiles although a name is missing")
						}
						return
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				var b strings.Builder
				if err := new(state).run(p, &b, data); err != nil || b.String() != c.Expected {
					t.Errorf("got %q and %v, want %q", b.String(), err, c.Expected)
				}
			})
		}
	}
}
