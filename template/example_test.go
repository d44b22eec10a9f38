package template_test

import (
	"fmt"
	"io"
	"iter"
	"os"
	"testing/fstest"
	"time"

	"github.com/golwan/golwan/template"
)

type Layout struct{ Title, Flash string }

type Guestbook struct {
	Layout
	Entries []Entry
}

type Entry struct{ Name, Text string }

// Initial is used as {{Initial}}.
func (e Entry) Initial() string { return e.Name[:1] }

var files = fstest.MapFS{
	"layout.mustache": {Data: []byte("<title>{{Title}}</title>\n{{> content}}\n")},
	"guestbook.mustache": {
		Data: []byte("{{#Entries}}\n{{>entry}}\n{{/Entries}}\n" +
			"{{^Entries}}\n<p>Be the first!\n{{/Entries}}\n"),
	},
	"entry.mustache": {Data: []byte("<p>({{Initial}}) {{Name}}: {{Text}}\n")},
}

// The files may as well be an embed.FS, or os.DirFS with Reload.
func Example() {
	set := template.Set{FS: files, Layout: "layout"}
	guestbook := template.Must(template.Load[Guestbook](set, "guestbook"))

	page := guestbook.With(Guestbook{
		Layout:  Layout{Title: "Guestbook"},
		Entries: []Entry{{"Ada", "1 < 2"}, {"Bob", `"hi"`}},
	})
	fmt.Println(page.ContentType())
	if err := page.RenderTo(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// text/html; charset=utf-8
	// <title>Guestbook</title>
	// <p>(A) Ada: 1 &lt; 2
	// <p>(B) Bob: &quot;hi&quot;
}

func ExampleCompile() {
	hello := template.Must(template.Compile[Entry]("hello", "Hello, {{Name}}!\n", template.Set{}))
	if err := hello.Render(os.Stdout, Entry{Name: "world"}); err != nil {
		fmt.Println(err)
	}

	_, err := template.Compile[Entry]("hello", "Hello,\n{{Nmae}}!\n", template.Set{})
	fmt.Println(err)
	// Output:
	// Hello, world!
	// template: hello:2: {{Nmae}}: no "Nmae" in template_test.Entry; did you mean "Name"?
}

// Rows are rendered as they are read, and none is kept. An error ends the page.
func Example_sequence() {
	type Report struct {
		Rows iter.Seq2[Entry, error]
	}
	report := template.Must(template.Compile[Report]("report",
		"{{#Rows}}\n{{Name}},{{Text}}\n{{/Rows}}\n{{^Rows}}\nnothing\n{{/Rows}}\n",
		template.Set{Text: true}))

	rows := func(yield func(Entry, error) bool) {
		if yield(Entry{"a", "1"}, nil) {
			yield(Entry{}, io.ErrUnexpectedEOF)
		}
	}
	fmt.Println(report.Render(os.Stdout, Report{Rows: rows}))
	fmt.Println(report.Render(os.Stdout, Report{}))
	// Output:
	// report:1: {{#Rows}}: unexpected EOF
	// nothing
	// <nil>
}

type Article struct{ Title string }

// Strong is used as {{#Strong}}text{{/Strong}}.
func (Article) Strong(text string, render func(string) (string, error)) (string, error) {
	s, err := render(text)
	return "<strong>" + s + "</strong>", err
}

func Example_lambda() {
	article := template.Must(template.Compile[Article]("article",
		"{{#Strong}}about {{Title}}{{/Strong}}\n", template.Set{}))
	if err := article.Render(os.Stdout, Article{Title: "1 < 2"}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// <strong>about 1 &lt; 2</strong>
}

// Page is what the server's Render takes.
var _ interface {
	ContentType() string
	RenderTo(w io.Writer) error
} = template.Page{}

func ExampleEnglish() {
	type page struct {
		Born  time.Time
		Count int
		Price float64
		Size  int64
	}
	set := template.Set{Formats: template.English()}
	t := template.Must(template.Compile[page]("page",
		"{{Born | date}}, {{Born | date 2006-01-02}}, {{Count | plural entry entries}}, "+
			"{{Price | number 2}}, {{Size | bytes}}\n", set))
	err := t.Render(os.Stdout, page{
		time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC), 1, 1234567.5, 1_500_000,
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: 10 December 1815, 1815-12-10, 1 entry, 1,234,567.50, 1.5 MB
}
