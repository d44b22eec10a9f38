package handlers

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// RewriteRule is what becomes of requests whose path fits. One of Match and Lua is set.
type RewriteRule struct {
	// Match is looked for in the path, decoded and cleaned, with a NUL for a slash that was sent
	// encoded. Go's expressions take time in proportion to the path.
	Match *regexp.Regexp
	Lua   *LuaPattern // in place of Match

	// To is a path, and perhaps a query, in the syntax of URIs, in which $1 to $9 (of Lua, %1 to
	// %9) are what the groups have found, and $0 (%0) is all of it: encoded, so that nothing of it
	// is a separator, but for slashes in the path. $$ (%%) is the sign itself.
	To string
	// Redirect is the status by which the client is sent there: 301, 302, 303, 307 or 308; then To
	// may be an absolute URL, and the query is To's. 0: the request is answered as if To had been
	// asked for, see lwan.Request.Reroute; without "?" in To it keeps its query.
	Redirect lwan.Status
	// When says which requests the rule is for. It runs on the loop, and must not wait. nil: all.
	When func(req *lwan.Request) bool
}

// Rewriter rewrites requests by the first of its rules that fits: before their routes are searched,
// if both of its methods are given to a table,
//
//	srv.Rewrite(rw.Target)
//	srv.Use(rw.Redirects)
//
// or all that a route gets: that is what Rewrite is for. Make it with NewRewriter. Where nobody may
// go, nobody gets by being rewritten: what protects a route protects it from that, too. A Lua
// pattern that takes too long is answered with 500.
type Rewriter struct {
	rules []RewriteRule
	to    lwan.Key[redirection]
}

type redirection struct {
	status lwan.Status
	to     string
}

// NewRewriter checks the rules.
func NewRewriter(rules ...RewriteRule) (*Rewriter, error) {
	var errs []error
	for i := range rules {
		if err := rules[i].check(); err != nil {
			errs = append(errs, fmt.Errorf("rule %d: %w", i+1, err))
		}
	}
	return &Rewriter{rules: rules, to: lwan.NewKey[redirection]("redirection")},
		errors.Join(errs...)
}

// absolute has its whole host in it: what a client sends cannot become a part of it.
var absolute = regexp.MustCompile(`^https?://[^/?$%]+([/?]|$)`)

func (r *RewriteRule) check() error {
	isPath := strings.HasPrefix(r.To, "/") && !strings.HasPrefix(r.To, "//")
	switch {
	case (r.Match == nil) == (r.Lua == nil):
		return errors.New("there is neither an expression nor a pattern, or both")
	case r.To == "" || strings.ContainsFunc(r.To, isNoTarget):
		return fmt.Errorf("%q is no target", r.To)
	case r.Redirect == 0 && !isPath:
		return fmt.Errorf("%q is no path", r.To)
	case r.Redirect != 0 && !redirects(r.Redirect):
		return fmt.Errorf("%d is no redirect", int(r.Redirect))
	case r.Redirect != 0 && !isPath && !absolute.MatchString(r.To):
		return fmt.Errorf("%q is neither a path nor an http or https URL with a host", r.To)
	}
	return nil
}

// isNoTarget reports whether no target has a character in it.
func isNoTarget(c rune) bool { return c <= ' ' || c == '#' }

func redirects(st lwan.Status) bool {
	switch st {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// find is where in the path the rule's pattern is found, and the groups; nil: nowhere.
func (r *RewriteRule) find(path []byte) ([]int, error) {
	if r.Lua != nil {
		return r.Lua.Find(path)
	}
	return r.Match.FindSubmatchIndex(path), nil
}

// choose finds the first rule that fits a path, and what it makes of it; "": none does.
func (w *Rewriter) choose(req *lwan.Request, path []byte) (to string, st lwan.Status, err error) {
	for i := range w.rules {
		r := &w.rules[i]
		found, err := r.find(path)
		switch {
		case err != nil:
			return "", 0, err
		case found != nil && (r.When == nil || r.When(req)):
			return r.expand(path, found), r.Redirect, nil
		}
	}
	return "", 0, nil
}

// Target is for lwan.Routes.Rewrite.
func (w *Rewriter) Target(req *lwan.Request) (target string, err error) {
	to, st, err := w.choose(req, req.PathBytes())
	if err != nil || st == 0 {
		return to, err
	}
	w.to.Set(req, redirection{st, to})
	return "", nil
}

// Redirects is middleware that answers what Target has found to be redirected, whatever its route.
func (w *Rewriter) Redirects(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if to, ok := w.to.Get(req); ok {
			return resp.Redirect(to.status, to.to)
		}
		return next(req, resp)
	}
}

// serve answers what a rule fits by what it says, and all else with 404.
func (w *Rewriter) serve(req *lwan.Request, resp *lwan.Response) lwan.Status {
	var to string
	var st lwan.Status
	var err error
	req.Borrow(func() { to, st, err = w.choose(req, req.RestBytes()) })
	switch {
	case err != nil:
		return resp.Fail(err)
	case to == "":
		return lwan.StatusNotFound
	case st != 0:
		return resp.Redirect(st, to)
	}
	return req.Reroute(resp, to)
}

// Rewrite is a module that answers all below its prefix by rules for what is left of the path, as
// Lwan's does: srv.Mount("/old", handlers.Rewrite.With(rules)). What no rule fits is not found. A
// request can be rewritten ten times, then it fails with lwan.ErrRerouted.
var Rewrite = lwan.Module[[]RewriteRule]{Name: "rewrite",
	Open: func(s *lwan.Scope, rules []RewriteRule) error {
		w, err := NewRewriter(rules...)
		if err != nil {
			return err
		}
		s.Handle("", w.serve)
		s.Handle("/", w.serve)
		return nil
	}}

// expand puts what was found in the path into the rule's target.
func (r *RewriteRule) expand(path []byte, found []int) string {
	sign := byte('$')
	if r.Lua != nil {
		sign = '%'
	}
	var b strings.Builder
	inQuery := false
	for i := 0; i < len(r.To); i++ {
		c := r.To[i]
		if c == sign && i+1 < len(r.To) && r.To[i+1] == sign {
			i++ // a sign by itself
			b.WriteByte(c)
			continue
		}
		if c != sign || i+1 == len(r.To) || !isDigit(r.To[i+1]) {
			inQuery = inQuery || c == '?'
			b.WriteByte(c)
			continue
		}
		i++
		if n := 2 * int(r.To[i]-'0'); n+1 < len(found) && found[n] >= 0 {
			b.WriteString(encodePart(string(path[found[n]:found[n+1]]), inQuery))
		}
	}
	to := b.String()
	if r.To[0] == '/' { // nothing of the path becomes a host
		to = "/" + strings.TrimLeft(to, "/")
	}
	return to
}

// encodePart encodes a part of a path for a target. A NUL is a slash that was sent encoded.
func encodePart(part string, inQuery bool) string {
	if inQuery {
		return url.QueryEscape(strings.ReplaceAll(part, "\x00", "/"))
	}
	part = (&url.URL{Path: "/" + part}).EscapedPath()[1:]
	return strings.ReplaceAll(part, "%00", "%2F")
}
