package handlers

import (
	"errors"
	"strconv"
	"time"

	"github.com/golwan/golwan/lwan"
)

// HSTSConfig is for HSTS.
type HSTSConfig struct {
	MaxAge            time.Duration // how long browsers remember: 1 year; negative: they forget
	IncludeSubdomains bool
	Preload           bool // see Check, and https://hstspreload.org: hard to take back
}

const year = 365 * 24 * time.Hour

var errPreload = errors.New("HSTSConfig.Preload needs a MaxAge of a year, and IncludeSubdomains")

// Check says whether browsers would refuse to have the policy built in: Preload asks for that, and
// needs a MaxAge of at least a year, and IncludeSubdomains.
func (c HSTSConfig) Check() error {
	c.complete()
	if c.Preload && (c.MaxAge < year || !c.IncludeSubdomains) {
		return errPreload
	}
	return nil
}

func (c *HSTSConfig) complete() {
	if c.MaxAge == 0 {
		c.MaxAge = year
	}
}

// value is the field's.
func (c *HSTSConfig) value() string {
	value := "max-age=" + strconv.FormatInt(int64(max(c.MaxAge, 0)/time.Second), 10)
	if c.IncludeSubdomains {
		value += "; includeSubDomains"
	}
	if c.Preload {
		value += "; preload"
	}
	return value
}

// HSTS adds Strict-Transport-Security to answers that go out encrypted, by a trusted proxy's word
// too (RFC 6797 section 7.2: never in the clear): browsers that have seen it come to this host, at
// any port, with https only. An answer that has the field already keeps its own. HSTS sends a
// policy that fails Check as it is.
func HSTS(cfg HSTSConfig) lwan.Middleware {
	const field = "Strict-Transport-Security"
	cfg.complete()
	value := cfg.value()
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if req.Scheme() == "https" {
				resp.BeforeHead(func(lwan.Status) { // a Reset does not drop it
					if resp.Header(field) == "" {
						resp.SetHeader(field, value)
					}
				})
			}
			return next(req, resp)
		}
	}
}
