package lwan

import (
	"strings"

	"github.com/golwan/golwan/lwan/internal/message"
)

// What other routers write for a wildcard is a literal in the syntax of net/http.ServeMux, and
// quietly matches nothing that a client sends; so does a method in lower case. Neither is an error,
// since a resource may have such a name, and a method too. So it is said when the server starts.

// meant guesses what a pattern was to be; "" if it is nothing that would be written otherwise
// elsewhere.
func meant(pattern string) string {
	p := splitPattern(pattern)
	guess := p
	switch upper := strings.ToUpper(p.method); {
	case p.method == "" && message.Registered([]byte(p.host)): // "GET/items" names a host
		guess.method, guess.host = p.host, ""
	case message.Registered([]byte(upper)):
		guess.method = upper
	}
	path, _, _ := strings.Cut(p.path, "?") // a query is no part of what is matched
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = meantSegment(s, i == len(segments)-1)
	}
	if guess.path = strings.Join(segments, "/"); guess == p {
		return ""
	}
	return guess.String()
}

// patternParts is "[method ][host]/path".
type patternParts struct{ method, host, path string }

func splitPattern(pattern string) (p patternParts) {
	rest := pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		p.method, rest = pattern[:i], strings.TrimLeft(pattern[i:], " \t")
	}
	slash := max(strings.IndexByte(rest, '/'), 0)
	p.host, p.path = rest[:slash], rest[slash:]
	return p
}

func (p patternParts) String() string {
	if p.method == "" {
		return p.host + p.path
	}
	return p.method + " " + p.host + p.path
}

// meantSegment makes a wildcard of what is one elsewhere: ":id", "<id>", "<int:id>", "*" and
// "*rest".
func meantSegment(s string, last bool) string {
	switch {
	case len(s) > 1 && s[0] == ':':
		return wildcard(s[1:], "", s)
	case len(s) > 2 && s[0] == '<' && s[len(s)-1] == '>':
		return wildcard(s[strings.LastIndexAny(s, "<:")+1:], "", s)
	case s == "*" || s == "**":
		return wildcard("path", dotsIf(last), s)
	case len(s) > 1 && s[0] == '*':
		return wildcard(s[1:], dotsIf(last), s)
	}
	return s
}

// dotsIf are those of a wildcard that takes the rest of the path, which only the last one can.
func dotsIf(last bool) string {
	if last {
		return "..."
	}
	return ""
}

// wildcard names one by the identifier that text begins with; otherwise if there is none.
func wildcard(text, dots, otherwise string) string {
	n := 0
	for n < len(text) && (text[n] == '_' || text[n]|0x20-'a' < 26 || n > 0 && text[n]-'0' < 10) {
		n++
	}
	if n == 0 {
		return otherwise
	}
	return "{" + text[:n] + dots + "}"
}

// hint warns of entries that are hardly meant as they are written.
func (c *core) hint(e *entry) {
	if guess := meant(e.pattern); guess != "" {
		c.log.Warn("lwan: a pattern has a literal where other routers have a wildcard or a "+
			"method; did you mean the other one?",
			"pattern", e.pattern, "meant", guess, "registered", e.source)
	}
}
