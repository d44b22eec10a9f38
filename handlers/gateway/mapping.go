package gateway

import (
	"cmp"
	"slices"
	"strings"
)

// mapping changes the places that an answer names, as its backend knows them, to those that clients
// know.
type mapping struct {
	prefixes
	paths []pair // beyond prefixes; the longest first
	hosts map[string]string
}

type pair struct{ from, to string }

func newMapping(p prefixes, paths, hosts map[string]string) *mapping {
	m := &mapping{prefixes: p, hosts: hosts}
	for from, to := range paths {
		m.paths = append(m.paths, pair{strings.TrimSuffix(from, "/"), strings.TrimSuffix(to, "/")})
	}
	longestFirst(m.paths)
	return m
}

func longestFirst(list []pair) {
	slices.SortFunc(list, func(a, b pair) int {
		return cmp.Or(len(b.from)-len(a.from), strings.Compare(a.from, b.from))
	})
}

// idle reports whether the mapping changes no path: most do.
func (m *mapping) idle() bool { return m.here == m.there && len(m.paths) == 0 }

// path maps a path, with what may follow it.
func (m *mapping) path(p string) string {
	for _, pair := range m.paths {
		if rest, ok := below(p, pair.from); ok {
			return rooted(pair.to, rest)
		}
	}
	if m.here != m.there {
		if rest, ok := below(p, m.there); ok {
			return rooted(m.here, rest)
		}
	}
	return p
}

// below cuts prefix from p where it ends with a segment.
func below(p, prefix string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(p, prefix)
	return rest, ok && (rest == "" || strings.IndexByte("/?#;", rest[0]) >= 0)
}

// rooted joins a prefix and what is below it, which is never empty.
func rooted(prefix, rest string) string {
	if prefix == "" && (rest == "" || rest[0] != '/') {
		return "/" + rest
	}
	return prefix + rest
}

// place is where a request was sent, and how its client has asked for it.
type place struct {
	backend string // its address, as "127.0.0.1:9000"
	asked   string // the Host that was sent to it
	host    string // the Host that the client has sent
	scheme  string // the client's
}

// location maps a URI reference: of the site itself, or of the backend, under the name that it was
// asked for or its own. What is elsewhere is left alone, as are paths that begin where the request
// was, which are right wherever they are read.
func (m *mapping) location(v string, at *place) string {
	if strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "//") {
		return m.path(v)
	}
	scheme, rest, ok := strings.Cut(v, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return v
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	host, path := rest[:end], rest[end:]
	mapped, known := m.hosts[strings.ToLower(host)]
	switch {
	case known:
		return scheme + "://" + mapped + m.absolute(path)
	case at.host == "":
		return v
	case strings.EqualFold(host, at.backend) || strings.EqualFold(host, at.asked) &&
		!strings.EqualFold(host, at.host):
		return at.scheme + "://" + at.host + m.absolute(path)
	case strings.EqualFold(host, at.host): // its scheme may be meant: a redirect to https
		return scheme + "://" + host + m.absolute(path)
	}
	return v
}

// absolute maps the path of a URI with an authority, where nothing stands for the root.
func (m *mapping) absolute(path string) string {
	if m.idle() {
		return path
	}
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	return m.path(path)
}

// refresh maps the target in a value of Refresh, as "5; url=/next".
func (m *mapping) refresh(v string, at *place) string {
	i := strings.Index(strings.ToLower(v), "url=")
	if i < 0 {
		return v
	}
	i += len("url=")
	target, quote := v[i:], ""
	if target != "" && (target[0] == '"' || target[0] == '\'') {
		quote = target[:1]
		target = strings.TrimSuffix(target[1:], quote)
	}
	return v[:i] + quote + m.location(target, at) + quote
}

// cookie maps Path and Domain of a value of Set-Cookie.
func (m *mapping) cookie(v string) string {
	if m.idle() && len(m.hosts) == 0 {
		return v
	}
	parts := strings.Split(v, ";")
	for i, part := range parts[1:] {
		name, value, ok := strings.Cut(part, "=")
		switch name := strings.TrimSpace(name); {
		case !ok:
		case strings.EqualFold(name, "Path"):
			parts[i+1] = " Path=" + m.path(strings.TrimSpace(value))
		case strings.EqualFold(name, "Domain"):
			domain := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(value), "."))
			if mapped, ok := m.hosts[domain]; ok {
				parts[i+1] = " Domain=" + mapped
			}
		}
	}
	return strings.Join(parts, ";")
}
