package template

import (
	"bytes"
	"embed"
	"errors"
	"flag"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

//go:embed testdata/pages
var pages embed.FS

var update = flag.Bool("update", false, "write the golden files")

type archive struct {
	Title   string
	Flash   string
	Parents []crumb
	Folders []*folder
	Entries []listingEntry
	Total   int64
}

type crumb struct{ Name, Href string }

type folder struct {
	Name    string
	Folders []*folder
}

func sampleArchive() archive {
	return archive{
		Title: "Files & <folders>", Flash: `saved "a"`,
		Parents: []crumb{{"home", "/"}, {"pub", "/pub/"}},
		Folders: []*folder{{"2024", []*folder{{"q1", nil}, {"q2", nil}}}, {"2025", nil}},
		Entries: newListing(3).Entries, Total: 3063,
	}
}

// TestGolden renders a site of several files, from an embed.FS and from disk:
//
//	go test -run Golden -update ./template
func TestGolden(t *testing.T) {
	embedded, err := fs.Sub(pages, "testdata/pages")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"archive", "empty"} {
		data := sampleArchive()
		if name == "empty" {
			data = archive{Title: "Nothing"}
		}
		golden := filepath.Join("testdata", "golden", name+".html")
		for kind, files := range map[string]fs.FS{
			"embed": embedded, "disk": os.DirFS("testdata/pages"),
		} {
			tpl, err := Load[archive](Set{FS: files, Ext: ".html", Layout: "layout"}, "archive")
			if err != nil {
				t.Fatal(err)
			}
			got := rendered(t, tpl, data)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s from %s: got\n%s", name, kind, got)
			}
		}
	}
}

func TestLoad(t *testing.T) {
	files := fstest.MapFS{
		"home.mustache": {Data: []byte("{{Title}}")}, "dir.mustache": {Mode: fs.ModeDir},
	}
	got := rendered(t, Must(Load[forest](Set{FS: files}, "home")), forest{Title: "T"})
	if got != "T" {
		t.Errorf("got %q", got)
	}
	_, err := Load[forest](Set{FS: files}, "hoem")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `did you mean "home"?`) {
		t.Errorf("missing: %v", err)
	}
	if _, err := Load[forest](Set{}, "home"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no files: %v", err)
	}
	if _, err := Load[map[string]any](Set{FS: files}, "hoem"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing and untyped: %v", err)
	}
	if _, err := Load[forest](Set{FS: files}, "dir"); err == nil {
		t.Error("a directory is a template")
	}
	if _, err := Load[forest](Set{FS: files}, "../home"); err == nil ||
		!strings.Contains(err.Error(), "no path inside the set") {
		t.Errorf("outside: %v", err)
	}
}

// failingFS cannot read one of its files.
type failingFS struct {
	fstest.MapFS
	name string
	err  error
}

func (f failingFS) Open(name string) (fs.File, error) {
	if name == f.name && f.err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
	}
	return f.MapFS.Open(name)
}

func (f failingFS) ReadFile(name string) ([]byte, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

func TestUnreadableFiles(t *testing.T) {
	files := failingFS{fstest.MapFS{
		"page.mustache": {Data: []byte("{{>part}}")}, "part.mustache": {Data: []byte("x")},
	}, "part.mustache", fs.ErrPermission}
	_, err := Load[map[string]any](Set{FS: files}, "page")
	if !errors.Is(err, fs.ErrPermission) ||
		!strings.HasPrefix(err.Error(), "template: page:1: {{>part}}: ") {
		t.Errorf("partial: %v", err)
	}
	files.name = "page.mustache"
	if _, err := Load[map[string]any](Set{FS: files}, "page"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("page: %v", err)
	}
}

// site is a set in memory whose files change. Only one goroutine uses it.
type site struct {
	files  failingFS
	failed []string
}

func newSite() *site {
	return &site{files: failingFS{MapFS: fstest.MapFS{}}}
}

func (s *site) Open(name string) (fs.File, error) { return s.files.Open(name) }

func (s *site) set(name, content string) {
	s.files.MapFS[name+".mustache"] = &fstest.MapFile{Data: []byte(content)}
}

func (s *site) reload() Set {
	return Set{
		FS: s, Reload: true,
		ReloadError: func(err error) { s.failed = append(s.failed, err.Error()) },
	}
}

func TestReload(t *testing.T) {
	s := newSite()
	s.set("page", "1 {{>part}}")
	s.set("part", "a")
	tpl := Must(Load[forest](s.reload(), "page"))
	steps := []struct {
		what   string
		change func()
		want   string
		failed string // what is reported, once
	}{
		{"nothing", func() {}, "1 a", ""},
		{"the page", func() { s.set("page", "2 {{>part}}") }, "2 a", ""},
		{"a partial", func() { s.set("part", "b") }, "2 b", ""},
		{"a wrong tag", func() { s.set("part", "{{Tilte}}") }, "2 b",
			`template: part:1: {{Tilte}}: no "Tilte" in template.forest; did you mean "Title"?`},
		{"still wrong", func() {}, "2 b", ""},
		{"wrong in another way", func() { s.set("part", "{{#Title}}") }, "2 b",
			"template: part:1: {{#Title}}: the section is never closed"},
		{"right again", func() { s.set("part", "c{{Title}}") }, "2 cT", ""},
		{"a partial that is not there yet", func() { s.set("page", "3 {{>new}}") }, "2 cT",
			"template: page:1: {{>new}}: no such template: file does not exist"},
		{"it comes", func() { s.set("new", "n") }, "3 n", ""},
		{"it is changed", func() { s.set("new", "m") }, "3 m", ""},
		{"it cannot be read",
			func() { s.files.name, s.files.err = "new.mustache", fs.ErrPermission }, "3 m",
			"template: page:1: {{>new}}: open new.mustache: permission denied"},
		{"it still cannot", func() {}, "3 m", ""},
		{"it can", func() { s.files.err = nil; s.set("new", "o") }, "3 o", ""},
		{"the page is gone", func() { delete(s.files.MapFS, "page.mustache") }, "3 o",
			`template: "page": no such template: file does not exist`},
		{"it is back", func() { s.set("page", "4") }, "4", ""},
	}
	for _, c := range steps {
		c.change()
		s.failed = nil
		if got := rendered(t, tpl, forest{Title: "T"}); got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
		var want []string
		if c.failed != "" {
			want = []string{c.failed}
		}
		if !slices.Equal(s.failed, want) {
			t.Errorf("%s: reported %q, want %q", c.what, s.failed, want)
		}
	}
}

func TestReloadOfCompiledSource(t *testing.T) {
	s := newSite()
	s.set("frame", "<{{> content}}>")
	set := s.reload()
	set.Layout = "frame"
	tpl := Must(Compile[string]("page", "{{.}}", set))
	if got := rendered(t, tpl, "x"); got != "<x>" {
		t.Errorf("got %q", got)
	}
	s.set("frame", "({{> content}})")
	if got := rendered(t, tpl, "x"); got != "(x)" || s.failed != nil {
		t.Errorf("got %q, reported %v", got, s.failed)
	}
}

// TestReloadMissingPartials: an untyped template renders a partial that is not
// there as nothing, until it is.
func TestReloadMissingPartials(t *testing.T) {
	s := newSite()
	tpl := Must(Compile[any]("page", "[{{>part}}]", s.reload()))
	if got := rendered(t, tpl, nil); got != "[]" {
		t.Errorf("got %q", got)
	}
	s.set("part", "x")
	if got := rendered(t, tpl, nil); got != "[x]" {
		t.Errorf("got %q", got)
	}
}

func TestWithoutReload(t *testing.T) {
	s := newSite()
	s.set("page", "1")
	tpl := Must(Load[string](Set{FS: s}, "page"))
	s.set("page", "2")
	if got := rendered(t, tpl, ""); got != "1" {
		t.Errorf("got %q", got)
	}
}

func TestReloadErrorsAreLogged(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	s := newSite()
	s.set("page", "1")
	set := s.reload()
	set.ReloadError = nil
	tpl := Must(Load[string](set, "page"))
	s.set("page", "{{")
	if got := rendered(t, tpl, ""); got != "1" {
		t.Errorf("got %q", got)
	}
	if !strings.Contains(log.String(), "level=ERROR") ||
		!strings.Contains(log.String(), "page:1: {{: the tag is never closed") {
		t.Errorf("logged %q", log.String())
	}
}

// TestReloadFromDisk changes a file while several goroutines render: each sees
// one state or the other, and the first rendering after the change the new.
func TestReloadFromDisk(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		tmp := filepath.Join(dir, "tmp")
		if err := os.WriteFile(tmp, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(dir, "page.mustache")); err != nil {
			t.Fatal(err)
		}
	}
	write("old {{.}}")
	tpl := Must(Load[string](Set{FS: os.DirFS(dir), Reload: true}, "page"))
	done := make(chan error)
	for range 4 {
		go func() {
			for range 50 {
				var b strings.Builder
				err := tpl.Render(&b, "x")
				if err != nil || b.String() != "old x" && b.String() != "new x" {
					done <- errors.Join(errors.New(b.String()), err)
					return
				}
			}
			done <- nil
		}()
	}
	write("new {{.}}")
	if got := rendered(t, tpl, "x"); got != "new x" {
		t.Errorf("after the change: %q", got)
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
