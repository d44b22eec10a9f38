package conf

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// notYet is what the examples name that golwan does not have yet. It may only get shorter.
var notYet = map[string][]string{
	"6-everything.conf": {
		`there is no module "lua"`,
	},
}

// TestExampleFiles: each example is as Format has it, and all that is wrong with it is what is not
// there yet.
func TestExampleFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/examples/*.conf")
	if err != nil || len(names) != 6 {
		t.Fatalf("%d examples: %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Format(name, text); err != nil {
			t.Error(err)
		}
		checkFormat(t, string(text))
		_, err = LoadText(name, string(text), Standard(), Options{Getenv: noEnv})
		var found []string
		problems, _ := err.(Problems)
		for _, p := range problems {
			if !p.Warning {
				found = append(found, p.Text)
			}
		}
		slices.Sort(found)
		found = slices.Compact(found)
		if want := notYet[filepath.Base(name)]; !slices.Equal(found, want) {
			t.Errorf("%s: %q,\nwant %q", name, found, want)
		}
	}
}

var confBlock = regexp.MustCompile("(?s)```conf\n(.*?)```")

// TestReadmeConfiguration: what README.md shows is good, and as Format has it.
func TestReadmeConfiguration(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := confBlock.FindAllStringSubmatch(string(text), -1)
	if len(blocks) == 0 {
		t.Fatal("there is none")
	}
	for _, b := range blocks {
		if _, err := LoadText("README.md", b[1], Standard(), Options{Getenv: noEnv}); err != nil {
			t.Error(err)
		}
		if got, err := Format("README.md", []byte(b[1])); err != nil || string(got) != b[1] {
			t.Errorf("%v\n%s", err, firstDifference(string(got), b[1]))
		}
	}
}
