package template

import (
	"fmt"
	htmltemplate "html/template"
	"io"
	"iter"
	"slices"
	"testing"

	"github.com/cbroglie/mustache"
)

// The comparison is a directory listing of 1,000 entries, the page that a file
// server renders most. Compare as ratios within one run:
//
//	go test -run xxx -bench Render -count 5 ./template
type listing struct {
	Title   string
	Entries []listingEntry
}

type listingEntry struct {
	Name, Href, Modified string
	Size                 int64
}

const listingMustache = `<!doctype html>
<title>{{Title}}</title>
<h1>{{Title}}</h1>
<table>
{{#Entries}}
<tr><td><a href="{{Href}}">{{Name}}</a></td><td>{{Size}}</td><td>{{Modified}}</td></tr>
{{/Entries}}
</table>
`

const listingHTML = `<!doctype html>
<title>{{.Title}}</title>
<h1>{{.Title}}</h1>
<table>
{{range .Entries}}<tr><td><a href="{{.Href}}">{{.Name}}</a></td><td>{{.Size}}</td><td>{{.Modified}}</td></tr>
{{end}}</table>
`

func newListing(n int) listing {
	l := listing{Title: "Index of /pub"}
	for i := range n {
		name := fmt.Sprintf("report-%04d & notes.txt", i)
		l.Entries = append(l.Entries, listingEntry{
			Name: name, Href: fmt.Sprintf("/pub/report-%04d%%20notes.txt", i),
			Modified: "2025-03-01 12:30", Size: int64(i) * 1021,
		})
	}
	return l
}

func BenchmarkRender(b *testing.B) {
	data := newListing(1000)
	b.Run("golwan", func(b *testing.B) {
		tpl := Must(Compile[listing]("listing", listingMustache, Set{}))
		b.ReportAllocs()
		for b.Loop() {
			if err := tpl.Render(io.Discard, data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("golwan-map", func(b *testing.B) {
		tpl := Must(Compile[map[string]any]("listing", listingMustache, Set{}))
		m := listingMap(data)
		b.ReportAllocs()
		for b.Loop() {
			if err := tpl.Render(io.Discard, m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("golwan-sequence", func(b *testing.B) {
		type streamed struct {
			Title   string
			Entries iter.Seq[listingEntry]
		}
		tpl := Must(Compile[streamed]("listing", listingMustache, Set{}))
		b.ReportAllocs()
		for b.Loop() {
			err := tpl.Render(io.Discard, streamed{data.Title, slices.Values(data.Entries)})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cbroglie", func(b *testing.B) {
		tpl, err := mustache.ParseString(listingMustache)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := tpl.FRender(io.Discard, data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("html-template", func(b *testing.B) {
		tpl := htmltemplate.Must(htmltemplate.New("listing").Parse(listingHTML))
		b.ReportAllocs()
		for b.Loop() {
			if err := tpl.Execute(io.Discard, data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func listingMap(l listing) map[string]any {
	var entries []any
	for _, e := range l.Entries {
		entries = append(entries, map[string]any{
			"Name": e.Name, "Href": e.Href, "Modified": e.Modified, "Size": e.Size,
		})
	}
	return map[string]any{"Title": l.Title, "Entries": entries}
}

func BenchmarkRenderSmall(b *testing.B) {
	tpl := Must(Compile[listing]("listing", listingMustache, Set{}))
	data := newListing(3)
	b.ReportAllocs()
	for b.Loop() {
		if err := tpl.Render(io.Discard, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile[listing]("listing", listingMustache, Set{}); err != nil {
			b.Fatal(err)
		}
	}
}
