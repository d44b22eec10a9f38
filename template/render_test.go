package template

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"
	"weak"
)

var errBroken = errors.New("broken pipe")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) - 1, nil }

func TestWriteErrors(t *testing.T) {
	for _, size := range []int{1, flushAt - 1, flushAt, flushAt + 1, 10 * flushAt} {
		for _, source := range []string{
			"{{.}}", "{{{.}}}", "{{#.}}{{.}}{{/.}}", strings.Repeat("x", size),
		} {
			tpl := Must(Compile[string]("page", source, Set{}))
			if err := tpl.Render(brokenWriter{}, strings.Repeat("<", size)); err != errBroken {
				t.Errorf("%.10s of %d: %v", source, size, err)
			}
			err := tpl.Render(shortWriter{}, strings.Repeat("<", size))
			if err != io.ErrShortWrite {
				t.Errorf("%.10s of %d, short: %v", source, size, err)
			}
		}
	}
}

// TestWriteErrorsInIndentedText: an indented partial goes to the writer in
// pieces too.
func TestWriteErrorsInIndentedText(t *testing.T) {
	long := strings.Repeat(strings.Repeat("x", 100)+"\n", flushAt/50)
	tpl := Must(Compile[string]("page", "  {{>p}}\n", Set{Partials: map[string]string{"p": long}}))
	if err := tpl.Render(brokenWriter{}, ""); err != errBroken {
		t.Errorf("got %v", err)
	}
	want := strings.ReplaceAll("\n"+long, "\nx", "\n  x")[1:]
	if got := rendered(t, tpl, ""); got != want {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
}

// TestLongOutput: text and values of any length come out whole, and the buffer
// stays small.
func TestLongOutput(t *testing.T) {
	for _, size := range []int{0, 1, flushAt - 1, flushAt, flushAt + 1, 3*flushAt + 7} {
		long := strings.Repeat("a<", size/2) + strings.Repeat("é", size%2)
		tpl := Must(Compile[string]("page", long+"{{.}}{{{.}}}", Set{
			Partials: map[string]string{},
		}))
		got := rendered(t, tpl, long)
		if want := long + strings.ReplaceAll(long, "<", "&lt;") + long; got != want {
			t.Errorf("size %d: %d bytes, want %d", size, len(got), len(want))
		}
		var w recorder
		if err := tpl.Render(&w, long); err != nil || w.largest > 2*flushAt {
			t.Errorf("size %d: a piece of %d bytes, %v", size, w.largest, err)
		}
	}
}

func TestSmallPagesAreOneWrite(t *testing.T) {
	var w recorder
	err := Must(Compile[listing]("page", listingMustache, Set{})).Render(&w, newListing(20))
	if err != nil || w.writes != 1 {
		t.Errorf("%d writes, %v", w.writes, err)
	}
	w = recorder{}
	if err := Must(Compile[string]("page", "", Set{})).Render(&w, ""); err != nil || w.writes != 0 {
		t.Errorf("an empty page: %d writes, %v", w.writes, err)
	}
}

type faulty struct {
	Fields struct{ Ok string }
	List   []faulty
}

var errFault = errors.New("no such row")

func (faulty) Fail() (string, error)       { return "partial", errFault }
func (faulty) FailList() ([]string, error) { return []string{"x"}, errFault }
func (faulty) Panic() string               { panic("boom") }
func (faulty) PanicError() string          { panic(errFault) }
func (faulty) Index() string               { return []string{}[len("x")] }
func (faulty) Seq() func(func(string) bool) {
	return func(func(string) bool) { panic("in a sequence") }
}
func (faulty) Late() func(func(string) bool) {
	return func(y func(string) bool) { y("a"); panic("late") }
}
func (faulty) Text() panicText { return panicText{} }
func (faulty) Fn() func() (string, error) {
	return func() (string, error) { return "", errFault }
}
func (faulty) Zero() panicZero                            { return panicZero{} }
func (faulty) Self() faulty                               { return faulty{} }
func (faulty) Lambda(string, render) (string, error)      { return "", errFault }
func (faulty) LambdaPanic(string, render) (string, error) { panic("in a lambda") }

func (faulty) FailSelf() (faulty, error) {
	return faulty{}, errFault
}
func (faulty) FailSeq() (iter.Seq[int], error)                           { return nil, errFault }
func (faulty) FailLambda() (func(string, render) (string, error), error) { return nil, errFault }

type render = func(string) (string, error)

type panicText struct{}

func (panicText) String() string { panic("in String") }

type panicZero struct{}

func (panicZero) IsZero() bool { panic("in IsZero") }

// TestErrorsOfTheData: whatever the data does, Render returns an error that
// names the tag, and has written nothing.
func TestErrorsOfTheData(t *testing.T) {
	tests := []struct{ source, tag, want string }{
		{"{{Fail}}", "{{Fail}}", "no such row"},
		{"{{#Fail}}x{{/Fail}}", "{{#Fail}}", "no such row"},
		{"{{^Fail}}x{{/Fail}}", "{{^Fail}}", "no such row"},
		{"{{#FailList}}x{{/FailList}}", "{{#FailList}}", "no such row"},
		{"{{Self.Self.Fail}}", "{{Self.Self.Fail}}", "no such row"},
		{"{{Fn}}", "{{Fn}}", "no such row"},
		{"{{FailSelf.Fields.Ok}}", "{{FailSelf.Fields.Ok}}", "no such row"},
		{"{{#FailSeq}}x{{/FailSeq}}", "{{#FailSeq}}", "no such row"},
		{"{{#FailLambda}}x{{/FailLambda}}", "{{#FailLambda}}", "no such row"},
		{"{{#Lambda}}x{{/Lambda}}", "{{#Lambda}}", "no such row"},
		{"{{Panic}}", "{{Panic}}", "panic: boom"},
		{"{{#Self}}{{Panic}}{{/Self}}", "{{Panic}}", "panic: boom"},
		{"{{PanicError}}", "{{PanicError}}", "panic: no such row"},
		{"{{Index}}", "{{Index}}", "panic: runtime error: index out of range [1] with length 0"},
		{"{{#Seq}}x{{/Seq}}", "{{#Seq}}", "panic: in a sequence"},
		{"{{#Late}}{{Fields.Ok}}{{/Late}}", "{{#Late}}", "panic: late"},
		{"{{Text}}", "{{Text}}", "panic: in String"},
		{"{{#Zero}}x{{/Zero}}", "{{#Zero}}", "panic: in IsZero"},
		{"{{^Zero}}x{{/Zero}}", "{{^Zero}}", "panic: in IsZero"},
		{"{{#LambdaPanic}}x{{/LambdaPanic}}", "{{#LambdaPanic}}", "panic: in a lambda"},
	}
	for _, c := range tests {
		typed := Must(Compile[faulty]("page", "before\n"+c.source, Set{}))
		untyped := Must(Compile[any]("page", "before\n"+c.source, Set{}))
		for kind, run := range map[string]func(io.Writer) error{
			"typed":   func(w io.Writer) error { return typed.Render(w, faulty{}) },
			"untyped": func(w io.Writer) error { return untyped.Render(w, faulty{}) },
		} {
			var b strings.Builder
			err := run(&b)
			if want := "page:2: " + c.tag + ": " + c.want; err == nil || err.Error() != want {
				t.Errorf("%s, %s: got %v, want %s", kind, c.source, err, want)
			}
			if b.Len() > 0 {
				t.Errorf("%s, %s: wrote %q", kind, c.source, b.String())
			}
			if strings.Contains(c.want, "no such row") && !errors.Is(err, errFault) {
				t.Errorf("%s, %s: the cause is lost", kind, c.source)
			}
			var p *PanicError
			if panics := strings.HasPrefix(c.want, "panic"); errors.As(err, &p) != panics {
				t.Errorf("%s, %s: panic error %v", kind, c.source, p)
			}
		}
	}
}

func TestPanicsKeepTheirStack(t *testing.T) {
	err := Must(Compile[faulty]("page", "{{Panic}}", Set{})).Render(io.Discard, faulty{})
	var p *PanicError
	if !errors.As(err, &p) || !strings.Contains(string(p.Stack), "faulty.Panic") {
		t.Errorf("got %v", err)
	}
}

type panicWriter struct{}

func (panicWriter) Write([]byte) (int, error) { panic("writer") }

// TestPanicsOfTheWriter go on: they belong to the code that gave the writer.
func TestPanicsOfTheWriter(t *testing.T) {
	tpl := Must(Compile[string]("page", "{{.}}", Set{}))
	func() {
		defer func() {
			if v := recover(); v != "writer" {
				t.Errorf("recovered %v", v)
			}
		}()
		_ = tpl.Render(panicWriter{}, "x")
		t.Error("no panic")
	}()
	if got := rendered(t, tpl, "after"); got != "after" {
		t.Errorf("after a panic: %q", got)
	}
}

// TestGoexit: a method that ends its goroutine, as t.Fatal does, ends it.
func TestGoexit(t *testing.T) {
	tpl := Must(Compile[exiting]("page", "{{#Kids}}{{Exit}}{{/Kids}}", Set{}))
	done := make(chan bool)
	go func() {
		defer close(done)
		_ = tpl.Render(io.Discard, exiting{Kids: []exiting{{}}})
		t.Error("Render returned")
	}()
	<-done
	if got := rendered(t, tpl, exiting{}); got != "" {
		t.Errorf("after it: %q", got)
	}
}

type exiting struct{ Kids []exiting }

func (exiting) Exit() string { runtime.Goexit(); return "" }

func TestZeroValues(t *testing.T) {
	var tpl Template[string]
	if err := tpl.Render(io.Discard, ""); err != errNotCompiled {
		t.Errorf("Template: %v", err)
	}
	if err := (Page{}).RenderTo(io.Discard); err != errNotCompiled {
		t.Errorf("Page: %v", err)
	}
	if got := (Page{}).ContentType(); got != "text/plain; charset=utf-8" {
		t.Errorf("Page: %q", got)
	}
}

func TestNilData(t *testing.T) {
	got := rendered(t,
		Must(Compile[*forest]("page",
			"[{{Title}}{{#Root}}x{{/Root}}{{^Root}}none{{/Root}}{{Root.Label}}]", Set{})), nil)
	if got != "[none]" {
		t.Errorf("got %q", got)
	}
	if got := rendered(t,
		Must(Compile[map[string]any]("page", "[{{a}}{{a.b}}{{^a}}none{{/a}}]", Set{})),
		nil); got != "[none]" {
		t.Errorf("got %q", got)
	}
}

// selfish types and values that point at themselves must not hang the renderer.
type selfish *selfish

func TestValuesThatPointAtThemselves(t *testing.T) {
	var p selfish
	p = &p
	got := rendered(t, Must(Compile[any]("page", "{{.}}{{a}}{{#.}}x{{/.}}", Set{})), any(p))
	if got != "" {
		t.Errorf("got %q", got)
	}
	var x any
	x = &x
	if got := rendered(t, Must(Compile[any]("page", "{{.}}{{a.b}}{{^.}}x{{/.}}", Set{})),
		x); got != "x" {
		t.Errorf("got %q", got)
	}
	if _, err := Compile[selfish]("page", "{{.}}", Set{}); err == nil {
		t.Error("a type that cannot be printed compiles")
	}
}

func TestPage(t *testing.T) {
	tpl := Must(Compile[forest]("page", "{{Title}}", Set{}))
	p := tpl.With(forest{Title: "<"})
	for range 2 {
		var b strings.Builder
		if err := p.RenderTo(&b); err != nil || b.String() != "&lt;" {
			t.Errorf("got %q, %v", b.String(), err)
		}
	}
	if got := p.ContentType(); got != "text/html; charset=utf-8" {
		t.Errorf("got %q", got)
	}
}

// TestDataIsForgotten: the pool keeps no data alive between renderings.
func TestDataIsForgotten(t *testing.T) {
	tpl := Must(Compile[*forest]("page", "{{#Root}}{{#Kids}}{{Label}}{{Title}}{{/Kids}}{{/Root}}",
		Set{}))
	for _, w := range []io.Writer{io.Discard, brokenWriter{}} {
		used := renderNewData(tpl, w)
		runtime.GC()
		if used.Value() != nil {
			t.Errorf("%T: the data is still alive", w)
		}
	}
}

//go:noinline
func renderNewData(tpl *Template[*forest], w io.Writer) weak.Pointer[forest] {
	data := &forest{
		Title: strings.Repeat("x", 10), Root: &tree{"a", []*tree{{"b", []*tree{{"c", nil}}}}},
	}
	_ = tpl.Render(w, data)
	return weak.Make(data)
}

func TestMust(t *testing.T) {
	defer func() {
		v, ok := recover().(error)
		if !ok || !strings.Contains(v.Error(), `did you mean "Title"?`) {
			t.Errorf("recovered %v", v)
		}
	}()
	Must(Compile[forest]("page", "{{Titel}}", Set{}))
}

func TestConcurrentRendering(t *testing.T) {
	set := Set{Partials: map[string]string{"node": "{{Label}}({{#Kids}}{{>node}}{{/Kids}})"}}
	tpl := Must(Compile[forest]("page",
		"{{Title}}{{#Root}}{{>node}}{{/Root}}{{#Bold}}{{Title}}{{/Bold}}", set))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				title := fmt.Sprint(g, "-", i)
				var b strings.Builder
				err := tpl.Render(&b, forest{Title: title, Root: sampleTree})
				want := title + "a(b(c())d())<b>" + title + "!</b>"
				if err != nil || b.String() != want {
					t.Errorf("got %q and %v, want %q", b.String(), err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Bold is a lambda that adds to its text, so that what it renders is compiled
// in rendering, by several goroutines at once.
func (f forest) Bold(text string, render func(string) (string, error)) (string, error) {
	inner, err := render(text + "!")
	return "<b>" + inner + "</b>", err
}
