package handlers

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLuaPatterns: what Lua 5.1 finds, as its manual has it.
func TestLuaPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		found         []int
	}{
		{"foo/(%d+)(%a)(%d+)", "x/foo/12a3", []int{2, 10, 6, 8, 8, 9, 9, 10}},
		{"^/", "/a", []int{0, 1}},
		{"^a", "ba", nil},
		{"a$", "ba", []int{1, 2}},
		{"a$b", "a$b", []int{0, 3}},
		{"", "x", []int{0, 0}},
		{"a*", "baa", []int{0, 0}},
		{"a+", "baa", []int{1, 3}},
		{"a-b", "caab", []int{1, 4}},
		{"x?y", "yxy", []int{0, 1}},
		{"(a*(.)%w(%s*))", "THE (quick) fox", []int{0, 2, 0, 2, 0, 1, 2, 2}},
		{"%((%a+)%)", "THE (quick) fox", []int{4, 11, 5, 10}},
		{"()ll()", "hello", []int{2, 4, -1, -1, -1, -1}},
		{"(.)%1", "hello", []int{2, 4, 2, 3}},
		{"%b()", "f(a(b)c)d)", []int{1, 8}},
		{"%b()", "f(a", nil},
		{"%f[%a]%a+", "12 the", []int{3, 6}},
		{"%f[%z]", "ab", []int{2, 2}},
		{"[]]", "a]", []int{1, 2}},
		{"[^]]", "]a", []int{1, 2}},
		{"[a-c]+", "xabcd", []int{1, 4}},
		{"[%a_-]+", "1a_-", []int{1, 4}},
		{"[%-x]", "-", []int{0, 1}},
		{"%.", "a.b", []int{1, 2}},
		{"[^%d]", "1a", []int{1, 2}},
		{"%S+", "  ab ", []int{2, 4}},
		{"%x%x", "zfF", []int{1, 3}},
		{"%u%l%p%c", "aB", nil},
		{"%u%l%p%c", "xQr!\n", []int{1, 5}},
	} {
		p, err := ParseLuaPattern(tt.pattern)
		if err != nil {
			t.Error(err)
			continue
		}
		if found, err := p.Find([]byte(tt.text)); err != nil || !slices.Equal(found, tt.found) {
			t.Errorf("%s in %q: %v, %v, want %v", tt.pattern, tt.text, found, err, tt.found)
		}
	}
	for _, pattern := range []string{
		"%", "a%", "[", "[a", "[^]", "[%]", "(", "(()", ")", "%b", "%bx", "%f", "%fa", "%f[", "%1",
		"(%1)", "()%1", "%0", strings.Repeat("()", 33),
	} {
		if p, err := ParseLuaPattern(pattern); err == nil {
			t.Errorf("%q is taken: %v", pattern, p)
		}
	}
}

// TestLuaPatternSteps: what would take for ever ends.
func TestLuaPatternSteps(t *testing.T) {
	for _, pattern := range []string{
		strings.Repeat("a*", 20) + "b", strings.Repeat("a-", 20) + "b",
		strings.Repeat("a*a?", 20) + "b", "(.-)(.-)(.-)(.-)(.-)x",
	} {
		p, err := ParseLuaPattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Find(bytes.Repeat([]byte("a"), 4000)); !errors.Is(err, ErrPatternSteps) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

// asRegexp writes a pattern of items that both languages have, in both.
func asRegexp(r *rand.Rand) (lua, re string) {
	items := [][2]string{
		{"a", "a"}, {"b", "b"}, {".", "(?s:.)"}, {"%d", "[0-9]"}, {"%a", "[A-Za-z]"},
		{"[ab]", "[ab]"},
		{"[^a]", "[^a]"}, {"%.", `\.`}, {"[%w_]", "[0-9A-Za-z_]"}, {"%D", "[^0-9]"},
	}
	repeats := [][2]string{{"", ""}, {"", ""}, {"*", "*"}, {"+", "+"}, {"-", "*?"}, {"?", "?"}}
	depth := 0
	for range 1 + r.IntN(7) {
		switch r.IntN(8) {
		case 0:
			lua, re, depth = lua+"(", re+"(", depth+1
		case 1:
			if depth > 0 && !strings.HasSuffix(lua, "(") {
				lua, re, depth = lua+")", re+")", depth-1
			}
		default:
			item, repeat := items[r.IntN(len(items))], repeats[r.IntN(len(repeats))]
			lua, re = lua+item[0]+repeat[0], re+item[1]+repeat[1]
		}
	}
	if depth > 0 { // "()" would be a place, in Lua alone
		lua, re = lua+"a", re+"a"
	}
	lua, re = lua+strings.Repeat(")", depth), re+strings.Repeat(")", depth)
	if r.IntN(4) == 0 {
		lua, re = "^"+lua, "^"+re
	}
	if r.IntN(4) == 0 {
		lua, re = lua+"$", re+"$"
	}
	return lua, re
}

// TestLuaPatternTwin: patterns that Go's expressions have too find the same.
func TestLuaPatternTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		lua, re := asRegexp(r)
		text := make([]byte, r.IntN(8))
		for i := range text {
			text[i] = "ab.1_"[r.IntN(5)]
		}
		p, err := ParseLuaPattern(lua)
		if err != nil {
			t.Fatal(err)
		}
		found, err := p.Find(text)
		if want := regexp.MustCompile(re).FindSubmatchIndex(text); err != nil ||
			!slices.Equal(found, want) {
			t.Fatalf("%s in %q: %v, %v; %s finds %v", lua, text, found, err, re, want)
		}
	}
}

// FuzzLuaPattern: no pattern that is taken panics or takes long, and what it finds is in the text.
func FuzzLuaPattern(f *testing.F) {
	for _, s := range []string{"(a*)%1", "%b()", "%f[%a]", "[^%]]", "^()a-$", "[a-]", "[%a-z]"} {
		f.Add(s, "a(b)c")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		p, err := ParseLuaPattern(pattern)
		if err != nil {
			return
		}
		found, err := p.Find([]byte(text))
		if err != nil && !errors.Is(err, ErrPatternSteps) {
			t.Fatal(err)
		}
		for i := 0; i < len(found); i += 2 {
			if from, to := found[i], found[i+1]; from > to || to > len(text) || from < -1 {
				t.Fatalf("%q in %q: %v", pattern, text, found)
			}
		}
	})
}
