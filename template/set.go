package template

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"
)

// Set is where templates come from and how they are rendered. The zero value
// has no partials and escapes for HTML. A Set is copied by Compile and Load;
// what it refers to must not be changed while its templates are in use, except
// the files of a Set that says Reload.
type Set struct {
	// FS has templates and partials as files: an embed.FS, os.DirFS, or the FS
	// of an os.Root where links must not lead out of the directory.
	FS fs.FS

	// Ext is added to a name to make that of its file; empty is ".mustache".
	Ext string

	// Partials has templates and partials by name. They go before files.
	Partials map[string]string

	// Layout names the template around each page. It says {{> content}} where
	// the page goes, and is checked against the page's type too. Empty is none.
	Layout string

	// Formats has functions by name that print values: {{Born | date}} calls the one
	// of the name "date". See "Formats"; English has some. Nil is none.
	Formats map[string]any

	// Text is for output that is not HTML: nothing is escaped, in partials
	// neither, and pages are text/plain.
	Text bool

	// Reload looks before each rendering whether a file has changed, and if so
	// compiles the template again. It reads all files of the template to find
	// out, which is for development. While what is there does not compile, the
	// last good state is rendered.
	Reload bool

	// ReloadError is told, once for each change, of what Reload could not
	// compile or read. Nil writes it to slog.Default. It is called by Render,
	// in whatever goroutine that is, one call at a time for a template.
	ReloadError func(error)
}

// unit reads a template. What went wrong is kept in it: Reload compares that
// too.
func (s *Set) unit(name string) *unit {
	source, err := s.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &unit{name: name, missing: true}
	}
	return &unit{name: name, source: source, failure: err}
}

func (s *Set) read(name string) (string, error) {
	if source, ok := s.Partials[name]; ok {
		return source, nil
	}
	if s.FS == nil {
		return "", fs.ErrNotExist
	}
	file := name + s.ext()
	if !fs.ValidPath(file) {
		return "", fmt.Errorf("%q is no path inside the set", name)
	}
	b, err := fs.ReadFile(s.FS, file)
	return string(b), err
}

func (s *Set) ext() string {
	if s.Ext == "" {
		return ".mustache"
	}
	return s.Ext
}

// available gives names for a suggestion: those of the map, and the files in
// the directory where the name was looked for.
func (s *Set) available(name string) []string {
	names := slices.Sorted(maps.Keys(s.Partials))
	if s.FS == nil {
		return names
	}
	dir := path.Dir(name)
	// A directory that cannot be read has nothing to suggest.
	entries, _ := fs.ReadDir(s.FS, dir)
	for _, e := range entries {
		if base, ok := strings.CutSuffix(e.Name(), s.ext()); ok && !e.IsDir() {
			names = append(names, path.Join(dir, base))
		}
	}
	return names
}

func (s *Set) reloadFailed(err error) {
	if s.ReloadError != nil {
		s.ReloadError(err)
		return
	}
	slog.Error("template not reloaded", "error", err)
}
