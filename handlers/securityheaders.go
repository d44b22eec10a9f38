package handlers

import (
	"fmt"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// SecurityHeadersConfig has the values of fields that tell browsers what a page may do. "" is the
// default, and "off" leaves a field out.
type SecurityHeadersConfig struct {
	// ContentSecurityPolicy (W3C CSP 3) is by default what a page needs that loads everything from
	// its own site, and has neither scripts nor styles inside of it: "default-src 'self';
	// base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'".
	ContentSecurityPolicy string

	FrameOptions   string // X-Frame-Options, for browsers without CSP: DENY
	ContentType    string // X-Content-Type-Options: nosniff
	ReferrerPolicy string // strict-origin-when-cross-origin

	// OpenerPolicy is Cross-Origin-Opener-Policy: same-origin. Sign-in in a window of another
	// origin needs same-origin-allow-popups.
	OpenerPolicy string

	// ResourcePolicy is Cross-Origin-Resource-Policy: same-origin. What other sites embed, as
	// pictures and fonts, needs cross-origin.
	ResourcePolicy string

	PermissionsPolicy string // off; "camera=(), geolocation=()" for one
}

const defaultCSP = "default-src 'self'; base-uri 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; object-src 'none'"

// SecurityHeaders adds these fields to each answer, error pages included. An answer that has one of
// them already keeps its own: a page that needs another policy sets it. The error page of a server
// without Server.ErrorPage has a style inside of it, which the default policy does not let it use:
// it looks plain then. HSTS is middleware of its own. The error names a value with a line break.
func SecurityHeaders(c SecurityHeadersConfig) (lwan.Middleware, error) {
	var fields []securityField
	for _, f := range []struct{ name, value, otherwise string }{
		{"Content-Security-Policy", c.ContentSecurityPolicy, defaultCSP},
		{"X-Frame-Options", c.FrameOptions, "DENY"},
		{"X-Content-Type-Options", c.ContentType, "nosniff"},
		{"Referrer-Policy", c.ReferrerPolicy, "strict-origin-when-cross-origin"},
		{"Cross-Origin-Opener-Policy", c.OpenerPolicy, "same-origin"},
		{"Cross-Origin-Resource-Policy", c.ResourcePolicy, "same-origin"},
		{"Permissions-Policy", c.PermissionsPolicy, "off"},
	} {
		value := f.value
		if value == "" {
			value = f.otherwise
		}
		if value == "off" {
			continue
		}
		if strings.ContainsAny(value, "\r\n\x00") {
			return nil, fmt.Errorf("SecurityHeadersConfig: %s has a line break or a NUL", f.name)
		}
		fields = append(fields, securityField{f.name, value})
	}
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.BeforeHead(func(lwan.Status) { // a Reset does not drop them
				for _, f := range fields {
					if resp.Header(f.name) == "" {
						resp.SetHeader(f.name, f.value)
					}
				}
			})
			return next(req, resp)
		}
	}, nil
}

type securityField struct{ name, value string }
