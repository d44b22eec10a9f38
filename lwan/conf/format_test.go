package conf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFormat(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"\n\n a  =  b   c # d \n\n\n\nb=c", "a = b c # d\n\nb = c\n"},
		{"#x\n# y", "#x\n# y\n"},
		{"s   a { b = c }", "s a { b = c }\n"},
		{"s a {\n b = c }", "s a {\n    b = c\n}\n"},
		{"s { }\nt {\n}\nu", "s { }\nt { }\nu\n"},
		{"s { # c\n# d\n\n a = b\n\n } # e\n", "s { # c\n    # d\n\n    a = b\n} # e\n"},
		{"s { t / { u = 1 } }", "s { t / { u = 1 } }\n"},
		{"s { t { u = 1 } v }", "s {\n    t { u = 1 }\n    v\n}\n"},
		{"a = '''x\n  y'''  # c", "a = '''x\n  y''' # c\n"},
		{"a = \"x  y\"  #c", "a = \"x  y\" #c\n"},
		{"a = ${B}  ${C:d  e}", "a = ${B} ${C:d  e}\n"},
		{"a { b { c { d } e } }", "a {\n    b {\n        c { d }\n        e\n    }\n}\n"},
		{"a =", "a =\n"},
		{"keep alive   timeout=1", "keep alive timeout = 1\n"},
		{"if(host==a or not(cookie b)){ s }\nelse if path  =~ \"x y\" {\n}\n# c\nelse{ t }",
			"if (host == a or not (cookie b)) { s }\nelse if path =~ \"x y\" { }\n# c\nelse { t " +
				"}\n"},
		{"if host in a,b ,c and # d\n  # e\n path == /x\n{\n s\n}",
			"if host in a, b, c and # d\n        # e\n        path == /x {\n    s\n}\n"},
		{"include  x*.conf", "include x*.conf\n"},
		{"a = b\r\n\r\ns {\r\n}\r\n", "a = b\n\ns { }\n"},
	} {
		got, err := Format("x", []byte(tt.text))
		if err != nil || string(got) != tt.want {
			t.Errorf("%q:\n%q, %v, want\n%q", tt.text, got, err, tt.want)
		}
		checkFormat(t, tt.text)
	}
	if got, err := Format("x", []byte("s {")); err == nil || string(got) != "s {" {
		t.Errorf("%q, %v", got, err)
	}
}

// comments are those of a text.
func comments(t *testing.T, text string) (list []string) {
	var walk func(nodes []*node)
	walk = func(nodes []*node) {
		for _, n := range nodes {
			if n.kind == comment {
				list = append(list, n.value)
			}
			for _, tok := range n.raw.tokens {
				if tok.text[0] == '#' {
					list = append(list, tok.text)
				}
			}
			walk(n.body)
		}
	}
	walk(parseFile(&source{name: "x", text: text}, nil, nil, &report{}))
	return list
}

// checkFormat: formatting keeps the tree and the comments, and done again it changes nothing.
func checkFormat(t *testing.T, text string) {
	t.Helper()
	once, err := Format("x", []byte(text))
	if err != nil {
		return
	}
	twice, err := Format("x", once)
	if err != nil || string(twice) != string(once) {
		t.Fatalf("%q\n%q, and then\n%q, %v", text, once, twice, err)
	}
	before, r := parseText(text, nil)
	after, r2 := parseText(string(once), nil)
	if len(r.list) == 0 && (len(r2.list) > 0 || dump(before) != dump(after)) {
		t.Fatalf("%q\n%q\n%s\n%s\n%v", text, once, dump(before), dump(after), r2.list)
	}
	if a, b := comments(t, text), comments(t, string(once)); !slices.Equal(a, b) {
		t.Fatalf("comments of %q: %q, and then %q", text, a, b)
	}
}

// seeds are the files of the tests.
func seeds(f *testing.F) {
	for _, pattern := range []string{"testdata/*.conf", "testdata/examples/*.conf"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	for _, text := range []string{
		"a = '''b\n'''",
		"if not (host == a, b or cookie c) and # d\n path =~ \"x\" { s }\nelse if always { " +
			"}\nelse { t }",
		"s { t { u = ${E:x y} } }", "\"a b\" \"c\" = \"d\\\"\" # e", "a = \"b\" c",
		"a = b#c\n\n\n# d\n",
		"a { b { c { d } e } }",
	} {
		f.Add(text)
	}
}

// FuzzFormat is checkFormat for any text.
func FuzzFormat(f *testing.F) {
	seeds(f)
	f.Fuzz(checkFormat)
}

// FuzzParse: nothing panics or hangs, places are inside of the text, and what Print writes reads as
// the same.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		tree, r := parseText(text, nil)
		lines := strings.Count(text, "\n") + 1
		for _, p := range r.list {
			if p.Line < 1 || p.Line > lines || p.Col < 1 {
				t.Fatalf("place %v of %q", p.Pos, p.Text)
			}
		}
		if r.sorted().Error() == "" && len(r.list) > 0 {
			t.Fatal("problems without a text")
		}
		reg := Standard()
		reg.Modules = append(reg.Modules, luaModule)
		none := func(string) ([]byte, error) { return nil, os.ErrNotExist }
		o := Options{Getenv: noEnv, Files: none, Glob: noGlob}
		if c, err := LoadText("x", text, reg, o); (c == nil) == (err == nil) {
			t.Fatalf("%v and %v", c, err)
		}
		if len(r.list) > 0 || strings.Contains(text, "${") {
			return // what is in a default cannot always be written in another way
		}
		p := &printer{secrets: true, plain: true}
		p.list(tree, 0, false)
		again, r2 := parseText(p.String(), nil)
		if len(r2.list) > 0 || dump(tree) != dump(again) {
			t.Fatalf("%q\n%q\n%s\n%s\n%v", text, p.String(), dump(tree), dump(again), r2.list)
		}
	})
}
