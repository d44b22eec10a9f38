package router

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The oracle is net/http.ServeMux: the same patterns and the same request must give the same answer
// from it and from a Table that is used as the package documentation tells a server to use it.

// probe is one request, its path as it is sent.
type probe struct{ method, host, raw string }

// answer is all that a client, or a handler, can see of routing.
type answer struct {
	status   int
	pattern  string // of the handler that ran
	allow    string
	location string
	values   string // of the named wildcards, "name=value " each, sorted by name
}

// serve answers a request by the table.
func serve(t *Table[string], q probe) answer {
	path := decodePath(q.raw)
	clean := path
	if q.method != "CONNECT" {
		clean = Clean(path)
	}
	var p Params
	v, res := t.Find(q.method, q.host, clean, &p)
	switch {
	case res.Kind == Redirect:
		return answer{status: 307, location: res.Location + "?q=1"}
	case clean != path:
		return answer{status: 307, location: Escape(clean) + "?q=1"}
	case res.Kind == NotFound:
		return answer{status: 404}
	case res.Kind == MethodNotAllowed:
		return answer{status: 405, allow: res.Allow}
	}
	values := map[string]string{}
	for i := range p.Len() {
		name, value := p.At(i)
		values[name] = value
	}
	return answer{status: 200, pattern: v, values: list(values)}
}

// decodePath does what the server's parser does with a valid path.
func decodePath(raw string) string {
	parts := strings.Split(raw, "/")
	for i, s := range parts {
		parts[i] = decodeLiteral(s)
	}
	return strings.Join(parts, "/")
}

func list(values map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&b, "%s=%q ", name, values[name])
	}
	return b.String()
}

// oracle is a ServeMux whose handlers report themselves.
type oracle struct {
	mux *http.ServeMux
	got answer
}

func newOracle() *oracle { return &oracle{mux: http.NewServeMux()} }

// add registers a pattern and returns what ServeMux panics with, "" if it does not.
func (o *oracle) add(pattern string) (complaint string) {
	defer func() {
		if r := recover(); r != nil {
			complaint = fmt.Sprint(r)
		}
	}()
	var names []string
	if p, err := parse(pattern, ""); err == nil {
		names = p.names()
	}
	o.mux.HandleFunc(pattern, func(_ http.ResponseWriter, r *http.Request) {
		values := map[string]string{}
		for _, name := range names {
			values[name] = r.PathValue(name)
		}
		o.got = answer{status: 200, pattern: r.Pattern, values: list(values)}
	})
	return ""
}

// serve answers a request by the ServeMux.
func (o *oracle) serve(tb testing.TB, q probe) answer {
	u, err := url.ParseRequestURI(q.raw)
	if err != nil {
		tb.Fatalf("the test made up a path that is no path: %v", err)
	}
	u.RawQuery = "q=1"
	if q.method == "CONNECT" {
		u.Host = q.host // where ServeMux looks for the host of a redirect
	}
	r := &http.Request{Method: q.method, Host: q.host, URL: u, ProtoMajor: 1, ProtoMinor: 1}
	w := httptest.NewRecorder()
	o.got = answer{}
	o.mux.ServeHTTP(w, r)
	if o.got.status == 200 {
		return o.got
	}
	h := w.Result().Header
	return answer{status: w.Code, allow: h.Get("Allow"), location: h.Get("Location")}
}

// tableOf builds a table whose values are the patterns themselves.
func tableOf(tb testing.TB, patterns ...string) *Table[string] {
	tb.Helper()
	t := &Table[string]{}
	for i, p := range patterns {
		t.Add(p, p, fmt.Sprintf("test.go:%d", i+1))
	}
	if err := t.Build(); err != nil {
		tb.Fatal(err)
	}
	return t
}

// oracleOf is the same for the oracle.
func oracleOf(tb testing.TB, patterns ...string) *oracle {
	tb.Helper()
	o := newOracle()
	for _, p := range patterns {
		if complaint := o.add(p); complaint != "" {
			tb.Fatal(complaint)
		}
	}
	return o
}

// builds reports whether a table of the patterns has nothing to complain about.
func builds(patterns ...string) bool {
	var t Table[string]
	for _, p := range patterns {
		t.Add(p, p, "")
	}
	return t.Build() == nil
}
