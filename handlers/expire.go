package handlers

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// ExpireConfig says how long answers may be kept. The zero value says nothing.
type ExpireConfig struct {
	// After is from the answer on, rounded down to seconds; 0: nothing is said. Negative: an answer
	// has to be asked for anew each time ("no-cache").
	After time.Duration

	// Types are times by media type, in place of After: "text/css", or "image/*" for all of a kind.
	// The exact type counts before its kind.
	Types map[string]time.Duration

	// CacheControl is the whole value of Cache-Control, in place of all times.
	CacheControl string
}

// Expire tells caches how long they may keep answers, with Cache-Control and Expires (RFC 9111
// sections 5.2.2.1 and 5.3), where the handler has said neither: in answers of 2xx and 304.
func Expire(c ExpireConfig) lwan.Middleware {
	types := make(map[string]time.Duration, len(c.Types))
	for name, after := range c.Types {
		types[strings.ToLower(name)] = after
	}
	c.Types = types
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.BeforeHead(func(st lwan.Status) {
				if st < 300 || st == lwan.StatusNotModified {
					c.say(resp)
				}
			})
			return next(req, resp)
		}
	}
}

func (c *ExpireConfig) say(resp *lwan.Response) {
	if resp.Header("Cache-Control") != "" || resp.Header("Expires") != "" {
		return
	}
	if c.CacheControl != "" {
		resp.SetHeader("Cache-Control", c.CacheControl)
		return
	}
	switch after := c.after(resp.Header("Content-Type")); {
	case after < 0:
		resp.SetHeader("Cache-Control", "no-cache")
	case after > 0:
		seconds := int64(after / time.Second)
		resp.SetHeader("Cache-Control", "max-age="+strconv.FormatInt(seconds, 10))
		resp.SetHeader("Expires", time.Now().Add(after).UTC().Format(http.TimeFormat))
	}
}

// after is the time for a content type.
func (c *ExpireConfig) after(contentType string) time.Duration {
	if len(c.Types) == 0 || contentType == "" {
		return c.After
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return c.After
	}
	if after, ok := c.Types[media]; ok {
		return after
	}
	kind, _, _ := strings.Cut(media, "/")
	if after, ok := c.Types[kind+"/*"]; ok {
		return after
	}
	return c.After
}
