package router

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// model is a table in its plainest form: it tries every pattern on every request.
type model []*pattern

// admits reports whether the path part of p matches, and what its wildcards and its tail take.
func (p *pattern) admits(path string) (ok bool, values []string, rest string) {
	for i, s := range p.segments {
		if !strings.HasPrefix(path, "/") {
			return false, nil, ""
		}
		if s.kind == tail {
			if s.text != "" {
				values = append(values, path[1:])
			}
			return true, values, path[1:]
		}
		segment, after := path[1:], ""
		if j := strings.IndexByte(segment, '/'); j >= 0 {
			segment, after = segment[:j], segment[j:]
		}
		empty := segment == "" && after == ""
		switch {
		case s.kind == slashEnd:
			return empty && i == len(p.segments)-1, values, ""
		case s.kind == wildcard && empty, s.kind == literal && segment != s.text:
			return false, nil, ""
		case s.kind == wildcard:
			values = append(values, segment)
		}
		path = after
	}
	return path == "", values, ""
}

func (p *pattern) admitsMethod(method string) bool {
	return p.method == "" || p.method == method || p.method == "GET" && method == "HEAD"
}

// best is the most specific of the patterns that match, nil if none does.
func (m model) best(method, host, path string) *pattern {
	var best *pattern
	for _, p := range m {
		ok, _, _ := p.admits(path)
		if !ok || !p.admitsMethod(method) || p.host != "" && p.host != host {
			continue
		}
		if best == nil || best.host == "" && p.host != "" ||
			best.host == p.host && p.compare(best) == narrower {
			best = p
		}
	}
	return best
}

// exact: nothing was taken by a tail.
func exact(p *pattern, path string) bool {
	if p == nil {
		return false
	}
	_, _, rest := p.admits(path)
	return rest == ""
}

func (m model) allow(host, path string) string {
	var set methodSet
	for _, p := range m {
		ok, _, _ := p.admits(path)
		if !ok && !strings.HasSuffix(path, "/") {
			ok, _, _ = p.admits(path + "/")
		}
		if ok && (p.host == "" || p.host == host) {
			set.add(p.method)
		}
	}
	return set.String()
}

// find is what Find must say.
func (m model) find(method, host, path string) (kind Kind, p *pattern, allow string) {
	p = m.best(method, host, path)
	if !exact(p, path) && !strings.HasSuffix(path, "/") {
		if q := m.best(method, host, path+"/"); exact(q, path+"/") {
			return Redirect, q, ""
		}
	}
	if p != nil {
		return Found, p, ""
	}
	if allow = m.allow(host, path); allow != "" {
		return MethodNotAllowed, nil, allow
	}
	return NotFound, nil, ""
}

// byteMaker makes patterns and paths of any bytes, with long common beginnings and many wildcards.
type byteMaker struct{ *rand.Rand }

// text is a segment: few different ones, of bytes of which many share their low three bits;
// EncodedSlash is one.
func (m byteMaker) text() string {
	b := []byte("1234567890123456789012345678901234567890"[:m.IntN(3)*m.IntN(20)])
	for range 1 + m.IntN(2) {
		b = append(b, "\x00\x08\x80\xffaiqAZ({%?"[m.IntN(13)])
	}
	return string(b)
}

func (m byteMaker) pattern() string {
	var b strings.Builder
	b.WriteString([]string{"", "", "GET ", "POST ", "HEAD ", "BREW "}[m.IntN(6)])
	b.WriteString([]string{"", "", "h"}[m.IntN(3)])
	names := 0
	for range m.IntN(4) * (1 + m.IntN(4)) {
		if m.IntN(3) > 0 {
			b.WriteString("/{n" + string(rune('a'+names)) + "}")
			names++
		} else {
			b.WriteString("/" + strings.ReplaceAll(url.PathEscape(m.text()), "%00", "%2F"))
		}
	}
	b.WriteString([]string{"/", "/{$}", "/{rest...}", "/z"}[m.IntN(4)])
	return b.String()
}

// path suits the pattern, or would but for a small change.
func (m byteMaker) path(p *pattern) string {
	var b strings.Builder
	for _, s := range p.segments {
		b.WriteByte('/')
		switch {
		case s.kind == literal && m.IntN(10) > 0:
			b.WriteString(s.text)
		case s.kind == tail && m.IntN(2) == 0, s.kind == slashEnd:
		default:
			b.WriteString(m.text())
		}
	}
	path := b.String()
	switch m.IntN(6) {
	case 0:
		return path[:1+m.IntN(len(path))]
	case 1:
		return path + "/"
	}
	return path
}

// TestLikeModel compares Find with the model over paths of any bytes.
func TestLikeModel(t *testing.T) {
	t.Parallel()
	others := 0
	for seed := range uint64(1500) {
		m := byteMaker{rand.New(rand.NewPCG(seed, 2))}
		var texts []string
		var plain model
		for range 2 + m.IntN(30) {
			if p := m.pattern(); builds(append(texts, p)...) {
				texts = append(texts, p)
				parsed, err := parse(p, "")
				if err != nil {
					t.Fatal(err)
				}
				plain = append(plain, parsed)
			}
		}
		table := tableOf(t, texts...)
		var params Params
		for range 60 {
			method := []string{"GET", "HEAD", "POST", "BREW", "PUT", "TEA"}[m.IntN(6)]
			host := []string{"h", "other"}[m.IntN(2)]
			path := m.path(plain[m.IntN(len(plain))])
			v, res := table.Find(method, host, path, &params)
			kind, p, allow := plain.find(method, host, path)
			if res.Kind != kind || res.Allow != allow ||
				p != nil && (res.Pattern != p.text || v != p.text) {
				t.Fatalf("seed %d: %q\n%s %s %q: %v %+v; want %v %+v %q",
					seed, texts, method, host, path, v, res, kind, p, allow)
			}
			if kind == Found {
				compareParams(t, &params, p, path)
				others += compareOtherwise(t, table, plain, method, host, path, p, &params)
				compareParams(t, &params, p, path)
			} else if params.Len() != 0 || params.Rest() != "" {
				t.Fatalf("parameters of %v: %d, %q", kind, params.Len(), params.Rest())
			}
		}
	}
	if others < 100 {
		t.Errorf("only %d routes had others before them", others)
	}
}

// moreSpecific lists the patterns that match a path and come before p.
func (m model) moreSpecific(host, path string, p *pattern) (list model) {
	for _, q := range m {
		ok, _, _ := q.admits(path)
		if ok &&
			(q.host == p.host && q.compare(p) == narrower ||
				q.host == host && p.host == "" && q.host != "") {
			list = append(list, q)
		}
	}
	return list
}

// compareOtherwise compares Otherwise, and returns 1 if it had something to say. Paths that a slash
// would lead to other patterns are left out: their methods may be in the list.
func compareOtherwise(t *testing.T, table *Table[string], m model, method, host, path string,
	p *pattern, found *Params) int {
	t.Helper()
	slashed := func(q *pattern) bool { ok, _, _ := q.admits(path + "/"); return ok }
	if p.method != "" || !strings.HasSuffix(path, "/") && slices.ContainsFunc(m, slashed) {
		return 0
	}
	want := Result{Kind: NotFound}
	if list := m.moreSpecific(host, path, p); len(list) > 0 {
		want = Result{Kind: MethodNotAllowed, Allow: list.allow(host, path)}
	}
	v, got := table.Otherwise(method, host, path, found)
	if got.Kind != want.Kind || got.Allow != want.Allow || v != got.Pattern {
		t.Fatalf("otherwise than %s, for %s %q %q: %q %+v, want %+v",
			p.text, method, host, path, v, got, want)
	}
	if want.Kind == NotFound {
		return 0
	}
	if q, err := parse(got.Pattern, ""); err != nil ||
		len(model{q}.moreSpecific(host, path, p)) == 0 {
		t.Fatalf("otherwise than %s, for %q: %s speaks", p.text, path, got.Pattern)
	}
	return 1
}

func compareParams(t *testing.T, params *Params, p *pattern, path string) {
	t.Helper()
	_, values, rest := p.admits(path)
	names := p.names()
	if params.Len() != len(names) || params.RawRest() != rest ||
		params.Rest() != strings.ReplaceAll(rest, "\x00", "/") {
		t.Fatalf("%q on %q: %d names, rest %q; want %q, %q",
			p.text, path, params.Len(), params.Rest(), names, rest)
	}
	for i, name := range names {
		want := strings.ReplaceAll(values[i], "\x00", "/")
		n, v := params.At(i)
		if n != name || v != want || params.Get(name) != want {
			t.Fatalf("%q on %q: %s = %q, Get %q; want %q",
				p.text, path, n, v, params.Get(name), want)
		}
	}
}
