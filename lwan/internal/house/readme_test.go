package house

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readme reads README.md.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// docs is the text of README.md and of the pages of lwan/docs, by path.
func docs(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("lwan/docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all := map[string]string{}
	for _, name := range append(files, "README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.ToSlash(name)] = string(text)
	}
	return all
}

// page is one of lwan/docs.
func page(t *testing.T, name string) string {
	t.Helper()
	text, ok := docs(t)["lwan/docs/"+name]
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	return text
}

// TestReadmeIsShort: what is longer belongs to lwan/docs.
func TestReadmeIsShort(t *testing.T) {
	if n := strings.Count(readme(t), "\n"); n >= 200 {
		t.Errorf("README.md has %d lines", n)
	}
}

// TestDocsCode finds all code of lwan/docs in files that are compiled.
func TestDocsCode(t *testing.T) {
	var code []string
	for _, s := range sources(t, ".") {
		code = append(code, string(s.text))
	}
	for name, text := range docs(t) {
		if name == "README.md" {
			continue
		}
		for _, b := range codeBlock.FindAllStringSubmatch(text, -1) {
			if !slices.ContainsFunc(code, func(s string) bool {
				return strings.Contains(s, b[1])
			}) {
				t.Errorf("%s: this is in no file:\n%s", name, b[1])
			}
		}
	}
}

var codeBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestReadmeCode finds all code of README.md in the examples: the first block is hello without its
// flags, each of the others is a piece of an example as it stands.
func TestReadmeCode(t *testing.T) {
	files, err := filepath.Glob("examples/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var programs []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, string(text))
	}
	blocks := codeBlock.FindAllStringSubmatch(readme(t), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d blocks of code", len(blocks))
	}
	for _, b := range blocks[1:] {
		if !slices.ContainsFunc(programs, func(text string) bool {
			return strings.Contains(text, b[1])
		}) {
			t.Errorf("this is not in an example:\n%s", b[1])
		}
	}
	isHello(t, blocks[0][1])
}

// isHello holds the program of README.md to examples/hello: all its lines are there, in their
// order.
func isHello(t *testing.T, program string) {
	text, err := os.ReadFile("examples/hello/main.go")
	if err != nil {
		t.Fatal(err)
	}
	hello := strings.Split(strings.Replace(string(text), "Addr: *addr, Loops: *loops",
		`Addr: ":8080"`, 1), "\n")
	at := 0
	for line := range strings.Lines(program) {
		line = strings.TrimSuffix(line, "\n")
		n := slices.Index(hello[at:], line)
		if n < 0 {
			t.Errorf("examples/hello/main.go does not have, or not here: %s", line)
			continue
		}
		at += n + 1
	}
	if n := strings.Count(program, "\n"); n > 20 {
		t.Errorf("the first program of README.md has %d lines", n)
	}
}

var (
	link     = regexp.MustCompile(`\]\(([^)]*)\)`)
	codeSpan = regexp.MustCompile("`[^`\n]*`")
)

// TestReadmeLinks follows the links to files and headings.
func TestReadmeLinks(t *testing.T) {
	for name, text := range docs(t) {
		prose := codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(text, ""), "")
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			if heading, ok := strings.CutPrefix(m[1], "#"); ok {
				if !strings.Contains(strings.ReplaceAll(strings.ToLower(text), " ", "-"),
					"\n##-"+heading+"\n") {
					t.Errorf("%s: no heading for %s", name, m[1])
				}
				continue
			}
			if _, err := os.Stat(path.Join(path.Dir(name), m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	text := readme(t)
	for _, command := range []string{"go run ./examples/hello", "go test ./..."} {
		if !strings.Contains(text, "\n    "+command+"\n") {
			t.Errorf("the command %q is missing", command)
		}
	}
}

var (
	item   = regexp.MustCompile(`(?m)^\d+\. (?:.*\n   )*.*`)
	quoted = regexp.MustCompile("`([A-Za-z0-9_]+)`")
)

// TestReadingTheSource checks that each step of a request's way is where source.md says.
func TestReadingTheSource(t *testing.T) {
	steps := item.FindAllString(page(t, "source.md"), -1)
	if len(steps) < 10 {
		t.Fatalf("%d steps", len(steps))
	}
	for _, step := range steps {
		names := map[string]bool{}
		for _, m := range link.FindAllStringSubmatch(step, -1) {
			for _, s := range sources(t, path.Join("lwan/docs", m[1])) {
				for _, name := range declared(s.file) {
					names[name] = true
				}
			}
		}
		wanted := quoted.FindAllStringSubmatch(step, -1)
		if len(wanted) == 0 {
			t.Errorf("names nothing: %s", step)
		}
		for _, m := range wanted {
			if !names[m[1]] {
				t.Errorf("%s is not declared in the files of: %s", m[1], step)
			}
		}
	}
}

// declared lists the names of functions, methods, types, variables and constants of a file.
func declared(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names = append(names, d.Name.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, spec.Name.Name)
				case *ast.ValueSpec:
					for _, id := range spec.Names {
						names = append(names, id.Name)
					}
				}
			}
		}
	}
	return names
}

var apiName = regexp.MustCompile(`\b(lwan|req|resp|srv|Server|Response|Limits)\.([A-Z]\w*)`)

// TestReadmeNames finds everything of the API that README.md and lwan/docs name.
func TestReadmeNames(t *testing.T) {
	known := map[string]bool{}
	for _, s := range core(t) {
		for _, name := range declared(s.file) {
			known[name] = true
		}
		for name := range fields(s.file, "Server") {
			known["Server."+name] = true
		}
		for name := range fields(s.file, "Limits") {
			known["Limits."+name] = true
		}
	}
	for name, text := range docs(t) {
		for _, m := range apiName.FindAllStringSubmatch(text, -1) {
			if !known[m[2]] && !known[m[1]+"."+m[2]] {
				t.Errorf("%s: there is no %s", name, m[0])
			}
		}
	}
}

// core is the files of package lwan, without its tests.
func core(t *testing.T) []*source {
	return slices.DeleteFunc(sources(t, "lwan"), func(s *source) bool {
		return path.Dir(s.path) != "lwan" || s.isTest()
	})
}

// fields are the fields of a struct with what is said of them.
func fields(f *ast.File, structure string) map[string]string {
	found := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != structure {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					found[name.Name] = field.Doc.Text() + field.Comment.Text()
				}
			}
		}
		return false
	})
	return found
}

var limitRow = regexp.MustCompile("(?m)^\\| `(?:(Limits)\\.)?(\\w+)` \\| (.*?) \\| (\\d*).* \\|$")

// TestReadmeLimits compares the table of limits with what the fields say of themselves: default and
// status.
func TestReadmeLimits(t *testing.T) {
	said := map[string]string{}
	for _, s := range core(t) {
		for name, text := range fields(s.file, "Server") {
			said[name] = text
		}
		for name, text := range fields(s.file, "Limits") {
			said["Limits."+name] = text
		}
	}
	listed := map[string]bool{}
	for _, m := range limitRow.FindAllStringSubmatch(page(t, "limits.md"), -1) {
		name := strings.TrimPrefix(m[1]+"."+m[2], ".")
		listed[name] = true
		if text := said[name]; !strings.Contains(text, m[3]) || !strings.Contains(text, m[4]) {
			t.Errorf("%s: limits.md says %q and %q, the field %q", name, m[3], m[4], text)
		}
	}
	for name := range said {
		isLimit := strings.HasPrefix(name, "Limits.") || strings.HasPrefix(name, "Max") ||
			strings.HasSuffix(name, "Timeout")
		if isLimit && !listed[name] {
			t.Errorf("%s is not in the table of limits.md", name)
		}
	}
}
