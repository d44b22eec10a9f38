package conf

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
)

var update = flag.Bool("update", false, "write the golden files anew")

// luaModule stands for a module that golwan has not yet and that the golden file names.
var luaModule = lwan.Module[struct{ Script string }]{
	Name: "lua", Open: func(*lwan.Scope, struct{ Script string }) error { return nil },
}

// noEnv is an environment without variables.
func noEnv(string) (string, bool) { return "", false }

// TestGoldenErrors: each bad file gives exactly the messages beside it.
func TestGoldenErrors(t *testing.T) {
	names, err := filepath.Glob("testdata/*bad.conf")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	reg := Standard()
	reg.Modules = append(reg.Modules, luaModule)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = LoadText(filepath.Base(name), string(text), reg, Options{Getenv: noEnv})
		if err == nil {
			t.Errorf("%s: nothing is wrong", name)
			continue
		}
		golden := strings.TrimSuffix(name, ".conf") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(err.Error()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, readErr := os.ReadFile(golden)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err.Error() != string(want) {
			t.Errorf("%s:\n%s", name, firstDifference(err.Error(), string(want)))
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return "got:\n" + strings.Join(g[max(i-3, 0):min(i+4, len(g))], "\n") +
				"\nwant:\n" + strings.Join(w[max(i-3, 0):min(i+4, len(w))], "\n")
		}
	}
	return "it ends too early"
}
