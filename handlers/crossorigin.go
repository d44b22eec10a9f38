package handlers

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// CrossOriginConfig says which pages may send what changes something. The zero value trusts those
// of the same origin alone.
type CrossOriginConfig struct {
	// Origins are other origins whose pages may, as browsers send them: "https://app.example.com",
	// with the port if it is not the scheme's.
	Origins []string

	// Deny answers what is refused; nil: 403.
	Deny lwan.Handler
}

var (
	errCrossOrigin = &lwan.Error{
		Status: lwan.StatusForbidden, Message: "the request comes from a page of another origin",
	}
	errOldBrowser = &lwan.Error{
		Status: lwan.StatusForbidden,
		Message: "the request comes from a page of another origin, or the browser is too old to " +
			"tell",
	}
)

// CrossOrigin protects against requests that a page of another origin makes with the user's cookies
// (CSRF), without tokens, by the rules of net/http.CrossOriginProtection: GET, HEAD and OPTIONS
// pass, so they must change nothing; Sec-Fetch-Site must be same-origin or none (the user has typed
// the address), and where a browser sends none its Origin must be that of the request's Host; what
// has neither field comes from no browser, and passes. The rest is refused, unless its Origin is
// one of Origins.
//
// Browsers send Sec-Fetch-Site to https and localhost only, so a site without TLS relies on Origin,
// and the scheme is not compared there: use HSTS. What other machines post, as webhooks do, has
// neither field; what pages of any origin may post goes into a group without this middleware.
func CrossOrigin(c CrossOriginConfig) (lwan.Middleware, error) {
	p := &crossOrigin{trusted: map[string]bool{}, deny: c.Deny}
	for _, origin := range c.Origins {
		if err := checkOrigin(origin); err != nil {
			return nil, fmt.Errorf("CrossOriginConfig.Origins: %q: %w", origin, err)
		}
		p.trusted[origin] = true
	}
	return p.middleware, nil
}

// checkOrigin says why no browser sends that origin.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	switch {
	case err != nil:
		return err
	case u.Scheme == "" || u.Host == "":
		return errors.New("an origin has a scheme and a host")
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil ||
		strings.ContainsAny(origin, "?#"):
		return errors.New("an origin has a scheme, a host and perhaps a port, and nothing else")
	case serializedOrigin(origin) != origin:
		return fmt.Errorf("browsers write %s", serializedOrigin(origin))
	}
	return nil
}

// crossOrigin is a CrossOriginConfig that was checked.
type crossOrigin struct {
	trusted map[string]bool
	deny    lwan.Handler
}

func (p *crossOrigin) middleware(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if err := p.check(req); err != nil {
			if p.deny != nil {
				return p.deny(req, resp)
			}
			return resp.Fail(err)
		}
		return next(req, resp)
	}
}

// check says why a request is refused.
func (p *crossOrigin) check(req *lwan.Request) error {
	switch req.Method() {
	case "GET", "HEAD", "OPTIONS":
		return nil
	}
	var err error
	req.Borrow(func() { err = p.judge(req) })
	return err
}

func (p *crossOrigin) judge(req *lwan.Request) error {
	origin := req.HeaderBytes("Origin")
	switch string(req.HeaderBytes("Sec-Fetch-Site")) {
	case "":
		if len(origin) == 0 || p.trusted[string(origin)] || ofHost(string(origin), req.Host()) {
			return nil
		}
		return errOldBrowser
	case "same-origin", "none":
		return nil
	}
	if p.trusted[string(origin)] {
		return nil
	}
	return errCrossOrigin
}

// ofHost reports whether an origin is one of that host and port.
func ofHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host == host
}
