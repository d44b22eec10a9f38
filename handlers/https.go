package handlers

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/golwan/golwan/lwan"
)

// HTTPSConfig says how clients are brought to https. The zero value redirects, and says nothing of
// the time to come.
type HTTPSConfig struct {
	NoRedirect bool // answer requests over http, too

	// HSTS is how long browsers shall use https alone, in seconds (RFC 6797 section 6.1.1); 0:
	// nothing is said. Negative: they shall forget what they were told.
	HSTS              time.Duration
	IncludeSubdomains bool // for all hosts below this one, too
	Preload           bool // browsers may have it built in: needs a year, and IncludeSubdomains
}

// preloadAge is the least that lists of browsers take.
const preloadAge = 365 * 24 * time.Hour

// HTTPS redirects requests over http to https with 308, which keeps the method, and tells browsers
// over https to come that way at once (Strict-Transport-Security, which means nothing over http:
// RFC 6797 section 7.2). Request.Scheme says which it is: a proxy in front that speaks TLS has to
// be trusted. Paths below /.well-known/acme-challenge/ are answered over http, since certificates
// are made there (RFC 8555 section 8.3).
func HTTPS(c HTTPSConfig) (lwan.Middleware, error) {
	if c.Preload && (c.HSTS < preloadAge || !c.IncludeSubdomains) {
		return nil, errors.New("HTTPSConfig.Preload needs an HSTS of a year, and IncludeSubdomains")
	}
	policy := c.policy()
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if req.Scheme() == "https" {
				if policy != "" {
					resp.BeforeHead(func(lwan.Status) {
						resp.SetHeader("Strict-Transport-Security", policy)
					})
				}
				return next(req, resp)
			}
			if c.NoRedirect || isChallenge(req) {
				return next(req, resp)
			}
			return redirectToHTTPS(req, resp)
		}
	}, nil
}

// policy is the value of Strict-Transport-Security; "": none.
func (c *HTTPSConfig) policy() string {
	if c.HSTS == 0 {
		return ""
	}
	policy := "max-age=" + strconv.FormatInt(max(int64(c.HSTS/time.Second), 0), 10)
	if c.IncludeSubdomains {
		policy += "; includeSubDomains"
	}
	if c.Preload {
		policy += "; preload"
	}
	return policy
}

var challenges = []byte("/.well-known/acme-challenge/")

func isChallenge(req *lwan.Request) (is bool) {
	req.Borrow(func() { is = bytes.HasPrefix(req.PathBytes(), challenges) })
	return is
}

func redirectToHTTPS(req *lwan.Request, resp *lwan.Response) lwan.Status {
	var host string
	req.Borrow(func() { host = string(req.HostBytes()) })
	if host == "" { // HTTP/1.0 needs none
		return lwan.StatusBadRequest
	}
	return resp.Redirect(lwan.StatusPermanentRedirect, "https://"+host+pathAndQuery(req))
}

// pathAndQuery is the target without the scheme and host of its absolute form (RFC 9112 section
// 3.2.2).
func pathAndQuery(req *lwan.Request) string {
	target := []byte(req.Target())
	if len(target) > 0 && target[0] != '/' {
		_, rest, ok := bytes.Cut(target, []byte("://"))
		slash := bytes.IndexByte(rest, '/')
		if !ok || slash < 0 {
			return "/"
		}
		target = rest[slash:]
	}
	return string(target)
}
