package template

import (
	"strings"
	"testing"
)

func TestSuggest(t *testing.T) {
	known := []string{"Title", "Total", "Entries", "URL", "Href", "ID", "Überschrift"}
	tests := []struct{ name, want string }{
		{"title", "Title"}, {"Titel", "Title"}, {"Tite", "Title"}, {"Tittle", "Title"},
		{"Tytle", "Title"}, {"url", "URL"}, {"Entry", ""}, {"Entrys", "Entries"}, {"id", "ID"},
		{"x", ""}, {"IX", ""}, {"Hrefs", "Href"}, {"Überschrfit", "Überschrift"},
		{"Completely", ""}, {"", ""}, {strings.Repeat("Title", 20), ""},
	}
	for _, c := range tests {
		want := ""
		if c.want != "" {
			want = `; did you mean "` + c.want + `"?`
		}
		if got := suggest(c.name, known); got != want {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"ab", "ba", 1},
		{"kitten", "sitting", 3}, {"abcd", "acbd", 1}, {"a", "b", 1}}
	for _, c := range tests {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("%s, %s: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
