package lwan

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestCookie(t *testing.T) {
	tests := []struct{ fields, name, want string }{
		{"Cookie: a=1; b=2", "b", "2"},
		{"Cookie: a=1; b=2", "B", ""},
		{"Cookie: a=1;b=2", "b", "2"},
		{"Cookie: a=1; a=2", "a", "1"},
		{"Cookie: a=1\ncookie: b=2", "b", "2"}, // more than one field
		{"Cookie: a=x=y", "a", "x=y"},
		{"Cookie: a=\"quoted\"", "a", "quoted"},
		{"Cookie: a=\"", "a", ""},
		{"Cookie: a=\"x", "a", ""},       // a quote inside: ignored
		{"Cookie: a=\"x; a=y", "a", "y"}, // and the next one counts
		{"Cookie: a=x y,z", "a", "x y,z"},
		{"Cookie: a=x\\y; b=2", "a", ""},
		{"Cookie: a b=1; c=2", "a b", ""},
		{"Cookie:  a = 1", "a", " 1"}, // the name is trimmed, the value is not
		{"Cookie: a; b=2", "a", ""},
		{"Cookie: ; ;; b=2", "b", "2"},
		{"X-Cookie: a=1", "a", ""},
	}
	for _, tt := range tests {
		req, _ := memoryRequest(t, "GET / HTTP/1.1\nHost: h\n"+tt.fields, nil)
		if got := req.Cookie(tt.name); got != tt.want {
			t.Errorf("%s: Cookie(%q) = %q, want %q", tt.fields, tt.name, got, tt.want)
		}
	}
}

func TestCookieLimit(t *testing.T) {
	many := strings.Repeat("a=1; ", defaultCookies-1)
	for cookies, want := range map[string]string{
		"Cookie: " + many + "last=x":              "x",
		"Cookie: " + many + "a=1; last=x":         "",
		"Cookie: " + many + "a=1\nCookie: last=x": "", // over all fields
	} {
		req, _ := memoryRequest(t, "GET / HTTP/1.1\nHost: h\n"+cookies, nil)
		if got := req.Cookie("last"); got != want {
			t.Errorf("...%s: %q, want %q", cookies[8+len(many):], got, want)
		}
	}
}

func TestCookieAllocations(t *testing.T) {
	req, _ := memoryRequest(t,
		"GET / HTTP/1.1\nHost: h\nCookie: theme=dark; session=0123456789abcdef; q=\"x y\"", nil)
	for name, want := range map[string]float64{"absent": 0, "session": 1, "q": 1} {
		got := testing.AllocsPerRun(100, func() {
			req.cookies.reset()
			req.Cookie(name)
		})
		if got != want {
			t.Errorf("Cookie(%q) allocates %v times, want %v", name, got, want)
		}
	}
}

func FuzzCookie(f *testing.F) {
	for _, seed := range []string{
		"a=1; b=2", "a=\"x\"; a=y", " a = 1 ;; b", "a=\"; b=\"\"", "a=\x7f; b=é", "a\tb=1;c=\t2\t",
		"=x; a", "a=1\nb=2\n a=3",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, ";")+strings.Count(text, "\n") >= defaultCookies {
			return // we stop; net/http goes on
		}
		lines := strings.Split(text, "\n")
		var want, got []string
		for _, c := range (&http.Request{Header: http.Header{"Cookie": lines}}).Cookies() {
			want = append(want, fmt.Sprintf("%q=%q", c.Name, c.Value))
		}
		var p pairs
		for left, i := defaultCookies, 0; i < len(lines); i++ {
			left = p.addCookies([]byte(lines[i]), left)
		}
		for _, c := range p.list {
			got = append(got, fmt.Sprintf("%q=%q", c.name, c.value))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q: %s, net/http: %s", text, got, want)
		}
	})
}
