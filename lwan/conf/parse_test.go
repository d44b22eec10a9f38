package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dump writes a tree in a form that shows all that counts.
func dump(list []*node) string {
	var b strings.Builder
	for _, n := range list {
		switch n.kind {
		case setting:
			fmt.Fprintf(&b, "%s=%q;", n.name, n.value)
		case comment:
			continue
		case section:
			fmt.Fprintf(&b, "%s(%s)", n.name, n.arg)
		case branch:
			fmt.Fprintf(&b, "if(%s)", oneLine(n.raw.tokens))
		case otherwise:
			fmt.Fprintf(&b, "else(%s)", oneLine(n.raw.tokens))
		}
		if n.kind != setting {
			fmt.Fprintf(&b, "{%s}", dump(n.body))
		}
	}
	return b.String()
}

// noGlob finds no files.
func noGlob(string) ([]string, error) { return nil, nil }

func parseText(text string, files map[string]string) ([]*node, *report) {
	r := &report{}
	env := func(name string) (string, bool) { return "env " + name, strings.HasPrefix(name, "E") }
	read := func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, os.ErrNotExist
	}
	tree := parseFile(&source{name: "x.conf", text: text}, newVariables(nil, env),
		&includes{read: read, glob: noGlob, open: []string{"x.conf"}}, r)
	return tree, r
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"\ufeffa = b", `a="b";`},
		{"a = b", `a="b";`},
		{"a=b", `a="b";`},
		{"keep alive timeout = 15s # c", `keep_alive_timeout="15s";`},
		{"a = b  c\t d  \r\nb =\n", `a="b c d";b="";`},
		{"a = b#c #d", `a="b#c";`},
		{"a = # c\nb = c", `a="";b="c";`},
		{`a = " b  c "`, `a=" b  c ";`},
		{`a = "b" "c"`, `a="\"b\" \"c\"";`},
		{`a = "b`, `a="\"b";`},
		{`a = "b\"c\d"`, `a="b\"c\\d";`},
		{`a = "${E}"`, `a="env E";`},
		{"a = x${N:y}z", `a="xyz";`},
		{"a = '''b\n ${E} } \"'''", `a="b\n ${E} } \"";`},
		{`a = """b'''"""`, `a="b'''";`},
		{"s", "s(){}"},
		{"s a  b # c", "s(a b){}"},
		{"s a/b#c {\n}", "s(a/b#c){}"},
		{`s "a b" { c = d }`, `s(a b){c="d";}`},
		{"s { c = d } t {\n}", `s(){c="d";}t(){}`},
		{"s { t /a {\n} }", `s(){t(/a){}}`},
		{"s { t /a }", "s(){t(/a){}}"},
		{"s {\n # c\n c = d\n}\n", `s(){c="d";}`},
		{"constants { a = 1\nEb = 2 }\nc = ${a}${Eb}${Ec}",
			`constants(){a="1";Eb="2";}c="12env Ec";`},
		{"if host == a { s }", "if(host == a){s(){}}"},
		{"if host == a\n{\n}\nelse if path under /x {\n}\nelse {\n}",
			"if(host == a){}else(path under /x){}else(){}"},
		{"if (host==a or not cookie c) and\n header X =~ \"a b\" {\n}",
			`if((host == a or not cookie c) and header X =~ "a b"){}`},
		{"if = x\nelse = y\n", `if="x";else="y";`},
		{"include b.conf\na = ${x}", `constants(){x="1";}b="2";a="1";`},
		{"s {\n include b.conf\n}", `s(){constants(){x="1";}b="2";}`},
	} {
		tree, r := parseText(tt.text, map[string]string{"b.conf": "constants { x = 1 }\nb = 2\n"})
		if err := r.sorted().Err(); err != nil {
			t.Errorf("%q: %v", tt.text, err)
		} else if got := dump(tree); got != tt.want {
			t.Errorf("%q:\n%s, want\n%s", tt.text, got, tt.want)
		}
	}
}

// doubling is constants of which each is two of the one before.
func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d = \"${a%d}${a%d}\"\n", i+1, i, i)
	}
	return b.String()
}

func TestParseMistakes(t *testing.T) {
	files := map[string]string{"self.conf": "include self.conf", "bad.conf": "\n }"}
	for _, tt := range []struct{ text, want string }{
		{"}", "x.conf:1:1: this } closes nothing"},
		{"= x", "x.conf:1:1: a key is missing before the ="},
		{"{ }", "x.conf:1:1: the name of a section is missing before the {"},
		{"s {", "x.conf:1:1: this section is not closed"},
		{"a = '''b", "x.conf:1:5: this ''' is not closed"},
		{"a = '''b''' c", "x.conf:1:13: nothing but a comment"},
		{"a = b{", "x.conf:1:6: a { inside a value"},
		{"ä = ${", "x.conf:1:5: this ${ is not closed"},
		{"a = ${}", `x.conf:1:5: "" is no name of a variable`},
		{"a = ${b-c}", `"b-c" is no name of a variable`},
		{"a = ${b}", `"b" is neither a constant nor an environment variable`},
		{"a\x00b", "x.conf:1:2: a NUL byte"},
		{"else { }", "this else has no if before it"},
		{"if host == a { }\nelse { }\nelse { }", "x.conf:3:1: this else has no if"},
		{"if host == a { }\na = b\nelse { }", "x.conf:3:1: this else has no if"},
		{"if host == a { }\nelse x", "x.conf:2:6: a { or an if is missing"},
		{"if { }", "a condition is missing"},
		{"if host a { }", `x.conf:1:9: an operator is missing behind "host"`},
		{"if host == { }", "a value to compare with is missing"},
		{"if (host == a { }", "x.conf:1:4: this ( is not closed"},
		{"if remote == ${NONE} { }", `"NONE" is neither a constant nor`},
		{"if header == a { }", "the name of the header is missing"},
		{"if path =~ a, b { }", "a regular expression has no list"},
		{"if remote =^ 10 { }", "addresses can be compared with"},
		{"if remote in 10.0.0.1/8 { }", "10.0.0.1/8 has bits behind its mask: write 10.0.0.0/8"},
		{"if path under x { }", `"x" is no path`},
		{"if host under /x { }", "only a path can be under"},
		{"if host == a s", "x.conf:1:14: a { is missing behind the condition"},
		{strings.Repeat("s {\n", 70), "nested more than 64 deep"},
		{"if " + strings.Repeat("not ", 70) + "host == a { }", "nested more than 64 deep"},
		{"a = " + strings.Repeat("x", maxValue+1), "longer than 1 MiB"},
		{"constants {\n a0 = aaaaaaaa\n" + doubling(40) + "}",
			"what variables stand for is longer"},
		{"include none.conf", "x.conf:1:9: file does not exist"},
		{"include", "an include has one file"},
		{"include a { }", "an include has one file"},
		{"include self.conf", "self.conf:1:9: self.conf includes itself"},
		{"include x.conf", "x.conf:1:9: x.conf includes itself"},
		{"include bad.conf", "bad.conf:2:2: this } closes nothing"},
	} {
		_, r := parseText(tt.text, files)
		err := r.sorted().Err()
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.40q: %v, want %s", tt.text, err, tt.want)
		} else if n := len(r.list); n > 1 && !strings.Contains(tt.want, "deep") {
			t.Errorf("%.40q: %d problems:\n%v", tt.text, n, err)
		}
	}
}

// TestIncludeFiles reads from a directory, in the order of names.
func TestIncludeFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"main.conf": "include sites/*.conf\ninclude none/*.conf\n", "sites/2.conf": "b = 2",
		"sites/1.conf": "a = 1",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := &report{}
	name := filepath.Join(dir, "main.conf")
	text, err := readFile(name)
	if err != nil {
		t.Fatal(err)
	}
	tree := parseFile(&source{name: name, text: string(text)}, newVariables(nil, noEnv),
		(&Options{}).filesOf(name), r)
	if got := dump(tree); got != `a="1";b="2";` || r.sorted().Err() != nil {
		t.Errorf("%s, %v", got, r.list)
	}
}

// TestLargeFile: a megabyte of anything is read in a time that grows with its length alone. The
// bound is generous, since the machine may be busy: what is quadratic takes minutes.
func TestLargeFile(t *testing.T) {
	for _, piece := range []string{
		"a = b\n", "s {\n}\n", "${", "\"", "\"a\" ", "a = ${A:", "'''\n", "if (",
		"if host == a { }\n", "#", " ", "}",
		"a = \"x\" y\n", "if not ", "=", "{",
	} {
		start := time.Now()
		parseText(strings.Repeat(piece, (1<<20)/len(piece)), nil)
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("a megabyte of %q took %v", piece, took)
		}
	}
}

func TestProblems(t *testing.T) {
	_, r := parseText(strings.Repeat("}\n", 60), nil)
	text := r.sorted().Error()
	if n := strings.Count(text, "closes nothing"); n != maxShown ||
		!strings.HasSuffix(text, "and 10 more\n") {
		t.Errorf("%d problems are shown, and at the end %q", n, text[len(text)-20:])
	}
	warning := Problems{{Text: "w", Warning: true}}
	if warning.Err() != nil || !strings.Contains(warning.Error(), "warning: w") {
		t.Errorf("a warning is %v", warning.Error())
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"threads", "path", "expires", "site"}
	for word, want := range map[string]string{
		"thread": "threads", "pth": "path", "exipres": "expires", "stie": "site",
		"threadings": "threads",
		"x":          "", "completely": "", strings.Repeat("x", 100): "",
	} {
		got := suggest(word, known)
		if want != "" {
			want = fmt.Sprintf("did you mean %q?", want)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]string{
		"15": "15s", "1M 1w": "888h0m0s", "250ms": "250ms", "1h30m": "1h30m0s", "2d": "48h0m0s",
		"1y": "8760h0m0s",
		"":   "!", "x": "!", "5q": "!", "-1": "!", "999999999999y": "!", "200y 200y": "!",
		"1 s": "!",
	} {
		d, err := parseTime(text)
		got := d.String()
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("time %q: %s, %v, want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"512": "512", "64k": "64k", "10M": "10M", "1G": "1G", "1024": "1k", "0": "0", "1 k": "1k",
		"": "!", "k": "!", "-1": "!", "1T": "!", "99999999999G": "!",
	} {
		s, err := parseSize(text)
		got := s.String()
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("size %q: %s, %v, want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]bool{"true": true, "On": true, "yes": true, "1": true,
		"7": true, "off": false, "0": false} {
		if got, err := parseBool(text); err != nil || got != want {
			t.Errorf("bool %q: %v, %v", text, got, err)
		}
	}
}
