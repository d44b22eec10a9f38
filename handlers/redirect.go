package handlers

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/router"
)

// RedirectConfig says where to.
type RedirectConfig struct {
	// To is put before what is left of the path behind the mount's prefix: with
	// "https://example.com/new/", mounted at /old, /old/a?b=c goes to
	// https://example.com/new/a?b=c. It is an http or https URL, or a path; a slash is put between
	// the two if there is none. The prefix itself, /old, goes to To as it is.
	To string

	// Fixed goes to To as it is from everywhere, whatever is left of the path.
	Fixed bool

	// DropQuery leaves the request's query out. To may have one of its own then, and a fragment, if
	// it is Fixed.
	DropQuery bool

	// Code is 301, 302, 303, 307 or 308 (RFC 9110 section 15.4). 0 is 307: unlike the permanent
	// ones it can be taken back, as browsers do not keep it, and unlike 302 it keeps the method.
	Code lwan.Status
}

// Redirect sends its prefix and everything below elsewhere, query included.
//
//	srv.Mount("/old", handlers.Redirect.With(handlers.RedirectConfig{To: "/new/", Code: 308}))
var Redirect = lwan.Module[RedirectConfig]{Name: "redirect", Open: openRedirect}

func openRedirect(s *lwan.Scope, c RedirectConfig) error {
	if c.Code == 0 {
		c.Code = lwan.StatusTemporaryRedirect
	}
	switch c.Code {
	case 301, 302, 303, 307, 308:
	default:
		return fmt.Errorf("RedirectConfig.Code: %d is no redirect; use 301, 302, 303, 307 or 308",
			c.Code)
	}
	if err := checkTarget(c.To, c.Fixed && c.DropQuery); err != nil {
		return fmt.Errorf("RedirectConfig.To: %q: %w", c.To, err)
	}
	to := c.To
	if !strings.HasSuffix(to, "/") {
		to += "/" // else /old/.evil.org would turn https://example.com into another host
	}
	query := queryOf
	if c.DropQuery {
		query = func(*lwan.Request) string { return "" }
	}
	exact := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Redirect(c.Code, c.To+query(req))
	}
	s.Handle("", exact)
	if c.Fixed {
		s.Handle("/", exact)
		return nil
	}
	s.Handle("/", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		target := to
		req.Borrow(func() { target += router.Escape(string(req.RestBytes())) })
		return resp.Redirect(c.Code, target+query(req))
	})
	return nil
}

// queryOf is the request's query as it was sent, with its question mark; "" without one.
func queryOf(req *lwan.Request) string {
	if _, query, ok := strings.Cut(req.Target(), "?"); ok {
		return "?" + query
	}
	return ""
}

func checkTarget(to string, whole bool) error {
	u, err := url.Parse(to)
	switch {
	case to == "":
		return errors.New("is empty")
	case err != nil:
		return err
	case !whole && (u.RawQuery != "" || u.ForceQuery || u.Fragment != ""):
		return errors.New("must end with a path: the query is the request's")
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		return nil
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		return nil
	}
	return errors.New("is no http or https URL, and no path that begins with a slash")
}
