package router

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// maker makes patterns and requests up. Its words are few, so that they meet, and share their low
// three bits, so that they collide in the trie.
type maker struct{ *rand.Rand }

func (m maker) pick(words ...string) string { return words[m.IntN(len(words))] }

// word is a literal as a pattern or a request may write it. Never "%2F" alone: see differences.
func (m maker) word() string {
	if m.IntN(8) == 0 {
		return m.pick("a%2Fb", "%61", "i%2fq", "%C3%A9", "q%20i", "a;b", "quite-a-long-segment",
			"quite-a-long-segmenT")
	}
	return m.pick("a", "i", "q", "aa", "ai", "ia", "b", "ab", "aia", "aiq")
}

func (m maker) method() string {
	return m.pick("", "", "", "GET", "GET", "HEAD", "POST", "PUT", "BREW", "BREWS", "CONNECT")
}

func (m maker) pattern() string {
	var b strings.Builder
	if method := m.method(); method != "" {
		b.WriteString(method + m.pick(" ", "\t "))
	}
	b.WriteString(m.pick("", "", "", "", "h", "i.h", "127.0.0.1"))
	for i := range m.IntN(5) {
		if m.IntN(2) == 0 {
			b.WriteString("/{" + string(rune('x'-i)) + "}")
		} else {
			b.WriteString("/" + m.word())
		}
	}
	end := m.pick("", "", "/", "/{$}", "/{rest...}")
	if end != "" || !strings.Contains(b.String(), "/") {
		b.WriteString(strings.Replace("/"+end, "//", "/", 1))
	}
	return b.String()
}

// request is one that the pattern matches, or would but for a small change.
func (m maker) request(pattern string) probe {
	p, err := parse(pattern, "")
	if err != nil {
		panic(err)
	}
	q := probe{method: p.method, host: p.host + m.pick("", "", ":80", ":")}
	if q.method == "" || m.IntN(4) == 0 {
		q.method = m.pick("GET", "HEAD", "POST", "PUT", "BREW", "BREWS", "OPTIONS", "CONNECT",
			"get")
	}
	if q.host == "" || m.IntN(6) == 0 {
		q.host = m.pick("h", "i.h:8080", "other", "127.0.0.1", "h:")
	}
	_, path, _ := strings.Cut(pattern, "/")
	var b strings.Builder
	for s := range strings.SplitSeq(path, "/") {
		b.WriteString("/" + m.segment(s))
	}
	q.raw = m.damage(b.String())
	return q
}

// segment fills a pattern's segment in.
func (m maker) segment(s string) string {
	switch {
	case s == "{$}" || s == "":
		return ""
	case strings.HasSuffix(s, "...}"):
		return m.pick("", m.word(), m.word()+"/", m.word()+"/"+m.word())
	case s[0] == '{' || m.IntN(12) == 0:
		return m.word()
	}
	return s
}

func (m maker) damage(path string) string {
	switch m.IntN(10) {
	case 0:
		return path + "/"
	case 1:
		return "/" + strings.Trim(path, "/")
	case 2:
		return path + "/" + m.word()
	case 3:
		return path + m.pick("a", "i")
	case 4:
		return path[:1+m.IntN(len(path))]
	case 5:
		return strings.Replace(path, "/", m.pick("//", "/./", "/x/../", "/../"), 1+m.IntN(2))
	}
	return path
}

// usable cuts a percent sign off that damage has left without its digits.
func usable(raw string) string {
	for _, tail := range []string{"%", "%2", "%C", "%6", "%C3%", "%C3%A"} {
		raw = strings.TrimSuffix(raw, tail)
	}
	return raw
}

// sameAnswer compares two answers, but for the Location fields in which ServeMux differs: see
// differences.
func sameAnswer(q probe, ours, theirs answer) bool {
	for _, a := range []*answer{&ours, &theirs} {
		if strings.Contains(q.raw, "%") || q.method == "CONNECT" {
			a.location = ""
		}
		a.location = decodePath(a.location)
	}
	return ours == theirs
}

// TestLikeServeMux builds random tables and sends them random requests. Both must refuse the same
// patterns, and answer every request alike.
func TestLikeServeMux(t *testing.T) {
	t.Parallel()
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	seen := map[int]int{}
	for seed := range uint64(rounds) {
		m := maker{rand.New(rand.NewPCG(seed, 1))}
		o, patterns := newOracle(), []string(nil)
		for range 1 + m.IntN(24) {
			p := m.pattern()
			complaint := o.add(p)
			if ok := builds(append(patterns, p)...); ok != (complaint == "") {
				t.Fatalf("seed %d: %q after %q: accepted: %v; ServeMux: %q",
					seed, p, patterns, ok, complaint)
			}
			if complaint == "" {
				patterns = append(patterns, p)
			}
		}
		table := tableOf(t, patterns...)
		for range 60 {
			q := m.request(patterns[m.IntN(len(patterns))])
			q.raw = usable(q.raw)
			if q.method == "CONNECT" && strings.Contains(q.raw, "//") {
				continue // see differences
			}
			ours, theirs := serve(table, q), o.serve(t, q)
			if !sameAnswer(q, ours, theirs) {
				t.Fatalf("seed %d: %q\n%+v\n ours:   %+v\n theirs: %+v",
					seed, patterns, q, ours, theirs)
			}
			seen[ours.status]++
		}
	}
	// A generator that no longer reaches an outcome would compare nothing.
	for _, status := range []int{200, 307, 404, 405} {
		if seen[status] < rounds {
			t.Errorf("only %d answers with status %d: %v", seen[status], status, seen)
		}
	}
	t.Logf("answers by status: %v", seen)
}
