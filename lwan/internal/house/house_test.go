package house

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The rules of the house: what lies where, who imports whom, how long a file may be, and what
// README.md says of it. The files themselves are read: a result that the go command keeps is then
// good for these files and no others.

// TestMain goes to the top of the module, from where all paths count.
func TestMain(m *testing.M) {
	if err := os.Chdir("../../.."); err != nil {
		panic(err)
	}
	if _, err := os.Stat("go.mod"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// source is a file of Go.
type source struct {
	path string // with slashes, from the top of the module
	text []byte
	file *ast.File
	set  *token.FileSet
}

func (s *source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// sources reads every file of Go below a folder.
func sources(t *testing.T, root string) (all []*source) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch base := filepath.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (base[0] == '.' || base == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(base, ".go"):
			return nil
		}
		s := &source{path: filepath.ToSlash(name), set: token.NewFileSet()}
		if s.text, err = os.ReadFile(name); err != nil {
			return err
		}
		s.file, err = parser.ParseFile(s.set, name, s.text,
			parser.ParseComments|parser.SkipObjectResolution)
		all = append(all, s)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d files below %s: %v", len(all), root, err)
	}
	return all
}

// TestTopLevel keeps the top of the module as small as it is.
func TestTopLevel(t *testing.T) {
	folders := []string{"lwan", "router", "handlers", "template", "cache", "examples", "benchmarks"}
	files := []string{"go.mod", "go.sum", "README.md", "LICENSE", "CHANGELOG.md"}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case name[0] == '.':
		case e.IsDir() && !slices.Contains(folders, name):
			t.Errorf("there is no place for a folder %s at the top", name)
		case !e.IsDir() && !slices.Contains(files, name):
			t.Errorf("there is no place for a file %s at the top", name)
		}
	}
}

const module = "github.com/golwan/golwan"

// mayImport lists what of this module the files of a folder may import; "." is the folder itself
// and what is below it. The longest folder counts. Examples and benchmarks may import what they
// like.
var mayImport = map[string][]string{
	"router":                   {"."},
	"cache":                    {"."},
	"template":                 {"."},
	"lwan/internal/message":    {"."},
	"lwan/internal/http1":      {"lwan/internal/message"},
	"lwan/internal/h2frame":    {"lwan/internal/message"},
	"lwan/internal/wsframe":    {"."},
	"lwan/internal/transport":  {"lwan/internal/message"},
	"lwan/internal/logring":    {"."},
	"lwan/internal/goid":       {"."},
	"lwan/internal/tlslayer":   {"."},
	"lwan/internal/ws":         {"lwan/internal/transport", "lwan/internal/wsframe"},
	"lwan/internal/relay":      {"lwan/internal/transport"},
	"lwan/internal/unixsocket": {"."},
	"lwan/internal/proxyhead":  {"."},
	"lwan/internal/loop":       {"lwan/internal/transport", "lwan/internal/goid"},
	"lwan/internal/conn": {
		"lwan/internal/transport", "lwan/internal/loop", "lwan/internal/logring",
		"lwan/internal/unixsocket", "lwan/internal/proxyhead",
	},
	"lwan/internal/faults": {
		"lwan/internal/transport", "lwan/internal/conn", "lwan/internal/loop",
	},
	"lwan/internal/seams":   {"lwan/internal/conn", "lwan/internal/loop"},
	"lwan/internal/netstat": {},
	"lwan/internal/remains": {},
	"lwan/internal/h1": {
		"lwan/internal/transport", "lwan/internal/message", "lwan/internal/conn",
		"lwan/internal/loop", "lwan/internal/http1", "lwan/internal/remains",
	},
	"lwan/internal/h2": {
		"lwan/internal/transport", "lwan/internal/message", "lwan/internal/conn",
		"lwan/internal/loop", "lwan/internal/h2frame", "lwan/internal/remains",
	},
	"lwan/internal/nethttp": {
		"lwan/internal/transport", "lwan/internal/message", "lwan/internal/goid",
	},
	"lwan": {
		"lwan/internal/message", "lwan/internal/http1", "lwan/internal/wsframe",
		"lwan/internal/transport", "lwan/internal/loop", "lwan/internal/conn",
		"lwan/internal/h1", "lwan/internal/h2", "lwan/internal/h2frame", "lwan/internal/nethttp",
		"lwan/internal/seams", "lwan/internal/remains", "lwan/internal/logring",
		"lwan/internal/goid", "lwan/internal/unixsocket", "lwan/internal/proxyhead",
		"lwan/internal/tlslayer", "lwan/internal/ws", "lwan/internal/relay", "router", "template",
	},
	"lwan/lwantest": {"lwan", "lwan/internal/wsframe"},
	"lwan/buffer":   {},
	"lwan/conf": {
		"lwan", "router", "handlers", "handlers/files", "handlers/gateway", "handlers/webdav",
		"template",
	},
	"lwan/cmd": {"lwan/conf"},
	// modules of their own, which import other modules, too
	"lwan/natsbroker": {"lwan"},
	"lwan/http3":      {"lwan"},
	"handlers":        {"lwan", "lwan/buffer", "cache", "template", "router"},
}

// testsMayImport is what tests may import besides: the package they are of, and what tests of
// handlers are written with.
var testsMayImport = []string{"lwan", "lwan/lwantest", "cache", "template", "router"}

// onlyTests are folders that have a doc.go and tests of the whole, which may import all of it.
var onlyTests = []string{"lwan/internal/soak", "lwan/internal/smuggling"}

// foreign is what may be imported from elsewhere. What only benchmarks or examples need is not
// looked at.
var foreign = []string{
	"golang.org/x/sys", "golang.org/x/net", "golang.org/x/crypto", "github.com/valyala/bytebufferpool",
	"github.com/cbroglie/mustache", "github.com/klauspost/compress",
	"github.com/andybalholm/brotli",
}

// TestImports holds the packages to the directions in which they may depend on each other.
func TestImports(t *testing.T) {
	for _, s := range sources(t, ".") {
		for _, spec := range s.file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !allowed(s, name) {
				t.Errorf("%s imports %s", s.set.Position(spec.Pos()), name)
			}
		}
	}
}

func allowed(s *source, name string) bool {
	folder := path.Dir(s.path)
	ours, isOurs := strings.CutPrefix(name, module+"/")
	switch {
	case within(folder, "benchmarks"), within(folder, "examples"):
		return true
	case !strings.Contains(strings.Split(name, "/")[0], "."):
		return true // the standard library
	case !isOurs:
		return isModule(folder) ||
			slices.ContainsFunc(foreign, func(f string) bool { return within(name, f) })
	case s.isTest() && slices.Contains(onlyTests, folder):
		return true
	case s.isTest() && folder == "lwan" &&
		(within(ours, "handlers") || ours == "lwan/internal/netstat" ||
			ours == "lwan/internal/faults"): // what tests a whole site
		return true
	case s.isTest() &&
		(ours == folder || !isBelowInternal(folder) && slices.Contains(testsMayImport, ours)):
		return true
	case within(folder, "handlers"):
		return folder != "handlers" && within(ours, folder) ||
			slices.Contains(mayImport["handlers"], ours)
	}
	rule := longestRule(folder)
	return slices.ContainsFunc(mayImport[rule], func(f string) bool {
		return f == ours || f == "." && within(ours, rule)
	})
}

// isModule reports whether a folder is a module of its own, which may need what the root does not.
func isModule(folder string) bool {
	_, err := os.Stat(path.Join(folder, "go.mod"))
	return err == nil && folder != "."
}

// isBelowInternal tells the packages that may know nothing of the others, their tests included.
func isBelowInternal(folder string) bool { return strings.Contains(folder+"/", "/internal/") }

func longestRule(folder string) (rule string) {
	for f := range mayImport {
		if within(folder, f) && len(f) > len(rule) {
			rule = f
		}
	}
	return rule
}

// within reports whether a path is another one or below it.
func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

// TestAllowed shows that the rules of TestImports refuse something.
func TestAllowed(t *testing.T) {
	for _, tt := range []struct {
		file, name string
		want       bool
	}{
		{"lwan/h1.go", module + "/router", true},
		{"lwan/h1.go", module + "/cache", false},
		{"lwan/h1.go", module + "/handlers", false},
		{"lwan/site_test.go", module + "/handlers/files", true},
		{"lwan/internal/soak/site_test.go", module + "/handlers/files", true},
		{"lwan/internal/soak/doc.go", module + "/lwan", false},
		{"lwan/h1_test.go", module + "/lwan/internal/netstat", true},
		{"lwan/h1.go", module + "/lwan/internal/netstat", false},
		{"router/table_test.go", module + "/handlers", false},
		{"lwan/cached_test.go", module + "/cache", true},
		{"lwan/lwantest/build.go", module + "/lwan", true},
		{"lwan/conf/server.go", module + "/handlers/files", true},
		{"lwan/conf/server.go", module + "/lwan/internal/message", false},
		{"lwan/h1.go", module + "/lwan/conf", false},
		{"handlers/accesslog.go", module + "/lwan/conf", false},
		{"lwan/cmd/golwan/main.go", module + "/lwan/conf", true},
		{"lwan/cmd/golwan/main.go", module + "/lwan", false},
		{"lwan/lwantest/build.go", module + "/lwan/internal/http1", false},
		{"lwan/internal/loop/loop.go", module + "/lwan/internal/conn", false},
		{"lwan/internal/conn/serve.go", module + "/lwan/internal/loop", true},
		{"lwan/internal/conn/serve.go", module + "/lwan/internal/http1", false},
		{"lwan/engine_linux.go", module + "/lwan/internal/faults", false},
		{"lwan/internal/http1/parse.go", module + "/lwan/internal/message", true},
		{"lwan/internal/message/head.go", module + "/lwan/internal/http1", false},
		{"lwan/internal/nethttp/call.go", module + "/lwan/internal/transport", true},
		{"lwan/internal/nethttp/call.go", module + "/lwan", false},
		{"lwan/internal/http1/parse_test.go", module + "/router", false},
		{"lwan/internal/http1/parse_test.go", module + "/lwan/internal/http1", true},
		{"lwan/internal/wsframe/reader.go", module + "/lwan/internal/http1", false},
		{"lwan/internal/wsframe/deflate.go", "github.com/klauspost/compress/flate", true},
		{"router/table.go", module + "/lwan", false},
		{"cache/cache.go", module + "/cache/internal/x", true},
		{"handlers/accesslog.go", module + "/lwan", true},
		{"handlers/accesslog.go", module + "/handlers/files", false},
		{"handlers/files/open.go", module + "/handlers", false},
		{"handlers/files/open.go", module + "/handlers/files/internal/x", true},
		{"handlers/files/open.go", module + "/cache", true},
		{"handlers/files/open.go", module + "/lwan/internal/http1", false},
		{"handlers/files/open.go", "github.com/klauspost/compress/zstd", true},
		{"template/page.go", "github.com/klauspostx/compress", false},
		{"benchmarks/main.go", "github.com/gin-gonic/gin", true},
		{"router/table.go", "net/http", true},
	} {
		if got := allowed(&source{path: tt.file}, tt.name); got != tt.want {
			t.Errorf("%s imports %s: %v, want %v", tt.file, tt.name, got, tt.want)
		}
	}
}

// maxLines is the length from which a file is two files.
const maxLines = 600

func TestFileLengths(t *testing.T) {
	for _, s := range sources(t, ".") {
		if n := bytes.Count(s.text, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, at most %d are allowed", s.path, n, maxLines)
		}
	}
}

// TestNoFatalRun finds programs, those in comments too, that fail after a clean stop: Run returns
// nil then.
func TestNoFatalRun(t *testing.T) {
	wrong := regexp.MustCompile(`Fatal\w*\((lwan\.Run|srv\.Run|srv\.ListenAndServe)\(`)
	for _, s := range sources(t, ".") {
		if at := wrong.FindIndex(s.text); at != nil {
			t.Errorf("%s: %s...): it returns nil after a clean stop", s.path, s.text[at[0]:at[1]])
		}
	}
	if at := wrong.FindString(readme(t)); at != "" {
		t.Errorf("README.md: %s...): it returns nil after a clean stop", at)
	}
}

// TestNoSleeping finds tests that sleep where they should wait for something. In a bubble of
// testing/synctest a sleep takes no time, and the last clause of a for statement may sleep between
// two looks at something. Any other sleep has to say on its line what it stands for.
func TestNoSleeping(t *testing.T) {
	all := sources(t, ".")
	bubbles := map[string]bool{}
	for _, s := range all {
		if slices.ContainsFunc(s.file.Imports, func(i *ast.ImportSpec) bool {
			return i.Path.Value == `"testing/synctest"`
		}) {
			bubbles[path.Dir(s.path)] = true
		}
	}
	for _, s := range all {
		if !s.isTest() || bubbles[path.Dir(s.path)] {
			continue
		}
		for _, at := range unexplained(s) {
			t.Errorf("%s: time.Sleep in a test, without a comment on its line that says what for",
				at)
		}
	}
}

// unexplained finds the calls of time.Sleep that have no comment on their line and do not end the
// round of a loop.
func unexplained(s *source) (places []token.Position) {
	commented := map[int]bool{}
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			commented[s.set.Position(c.Pos()).Line] = true
		}
	}
	rounds := map[ast.Node]bool{}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if loop, ok := n.(*ast.ForStmt); ok && loop.Post != nil {
			rounds[loop.Post] = true
		}
		if rounds[n] {
			return false
		}
		if call, ok := n.(*ast.SelectorExpr); ok && call.Sel.Name == "Sleep" {
			at := s.set.Position(call.Pos())
			if pkg, ok := call.X.(*ast.Ident); ok && pkg.Name == "time" && !commented[at.Line] {
				places = append(places, at)
			}
		}
		return true
	})
	return places
}
