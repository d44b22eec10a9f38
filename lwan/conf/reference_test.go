package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const referenceHead = "# What a configuration of golwan can say\n\n" +
	"This page is made from the tags of the structs that are filled, by\n" +
	"`go test ./lwan/conf -run Reference -update`. `golwan help NAME` shows the same of one\n" +
	"section. The language itself is in [doc.go](doc.go).\n\n"

// reference is the page, with those of the examples that need nothing that is not there yet.
func reference(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(referenceHead)
	if err := Reference(&b, Standard()); err != nil {
		t.Fatal(err)
	}
	b.WriteString("\n## Examples\n")
	names, err := filepath.Glob("testdata/examples/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(notYet[filepath.Base(name)]) > 0 {
			continue
		}
		shown++
		b.WriteString("\n```conf\n" + string(text) + "```\n")
	}
	if shown == 0 {
		t.Error("no example is good")
	}
	return b.String()
}

// TestReference: the page is what the tags say now.
func TestReference(t *testing.T) {
	const name = "REFERENCE.md"
	want := reference(t)
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("go test ./lwan/conf -run Reference -update writes it anew:\n%s",
			firstDifference(string(got), want))
	}
	for _, s := range optionSections() {
		if !strings.Contains(want, "\n### "+s.name+"\n") {
			t.Errorf("%s is not on the page", s.name)
		}
		for _, f := range fieldsOf(s.config) {
			if !f.arg && f.name != "*" && !strings.Contains(want, "`"+f.name+"`") {
				t.Errorf("%s.%s is not on the page", s.name, f.name)
			}
		}
	}
}
