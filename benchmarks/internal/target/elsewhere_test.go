package target

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestCommandsOfOthersFindWhatTheyRun looks for each of the tests and benchmarks in its package.
func TestCommandsOfOthersFindWhatTheyRun(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range Others() {
		files, err := filepath.Glob(filepath.Join("../../..", o.Package, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(text, []byte("\nfunc "+o.Func+"("))
		}
		if !found || o.Name == "" || seen[o.Command()] {
			t.Errorf("%s: %s", o.Name, o.Command())
		}
		seen[o.Command()] = true
	}
}
