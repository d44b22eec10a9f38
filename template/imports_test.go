package template

import (
	goparser "go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestImports: the package stands alone, on the standard library and mustache.
func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		f, err := goparser.ParseFile(token.NewFileSet(), name, nil, goparser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			own := path == "github.com/golwan/golwan/template" && strings.HasPrefix(name, "example")
			if strings.Contains(path, ".") && path != "github.com/cbroglie/mustache" && !own {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
