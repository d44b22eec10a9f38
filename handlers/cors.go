package handlers

import (
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// CORSConfig says which pages of other origins may read answers (the CORS protocol of the WHATWG
// Fetch standard). The zero value allows none.
type CORSConfig struct {
	// Origins are "scheme://host" or "scheme://host:port" as browsers send them; "null", which any
	// page in a sandbox and any local file can send; or "*": all origins, without credentials.
	Origins []string

	Methods []string // that pages may use; nil: GET, HEAD, POST, PUT, PATCH, DELETE
	Headers []string // request fields that pages may set; nil: those that they ask for
	Expose  []string // response fields that pages may read, beyond those that always are

	// Credentials lets pages of the listed origins send cookies and authorization. It never applies
	// to "*": that would let every page act with the rights of the user who looks at it.
	Credentials bool

	// how long a browser may remember a preflight, in seconds; 0: its default, 5 s; negative: not
	// at all
	MaxAge time.Duration
}

// CORS lets pages of other origins read answers. It answers preflights itself, with 204; middleware
// outside of CORS sees them, middleware inside, such as authentication, does not, because a
// preflight has no credentials. All other requests go on, and their answers, errors too, tell the
// browser whether the page may read them: CORS keeps no request out.
//
// On a group it covers preflights for the paths of the group's routes, whatever methods these have.
//
// Origins are compared exactly, and configured ones brought into the form that browsers send: lower
// case, no slash at the end, no default port. There are no other patterns, since most of them match
// more than was meant.
func CORS(c CORSConfig) lwan.Middleware {
	p := newCORSPolicy(c)
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			preflight := isPreflight(req)
			// a Reset does not drop it
			resp.BeforeHead(func(lwan.Status) { p.answer(req, resp, preflight) })
			if preflight {
				return lwan.StatusNoContent
			}
			return next(req, resp)
		}
	}
}

// isPreflight reports whether a browser asks in advance (Fetch, section 3.2.2: CORS-preflight
// request).
func isPreflight(req *lwan.Request) bool {
	return req.Method() == "OPTIONS" && req.HeaderBytes("Origin") != nil &&
		req.HeaderBytes("Access-Control-Request-Method") != nil
}

// corsPolicy is a CORSConfig as the values of fields.
type corsPolicy struct {
	everybody   bool
	origins     map[string]bool
	credentials bool

	methods, expose, maxAge string
	headers                 string // "": what was asked for
}

func newCORSPolicy(c CORSConfig) *corsPolicy {
	p := &corsPolicy{
		origins: map[string]bool{}, credentials: c.Credentials,
		methods: strings.Join(c.Methods, ", "), headers: strings.Join(c.Headers, ", "),
		expose: strings.Join(c.Expose, ", "),
	}
	for _, o := range c.Origins {
		if o == "*" {
			p.everybody = true
		} else {
			p.origins[serializedOrigin(o)] = true
		}
	}
	if len(c.Methods) == 0 {
		p.methods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	}
	switch {
	case c.MaxAge > 0:
		p.maxAge = strconv.FormatInt(int64((c.MaxAge+time.Second-1)/time.Second), 10)
	case c.MaxAge < 0:
		p.maxAge = "0"
	}
	return p
}

// serializedOrigin spells an origin as browsers do (RFC 6454 section 6.2).
func serializedOrigin(o string) string {
	o = strings.ToLower(strings.TrimSuffix(o, "/"))
	switch {
	case strings.HasPrefix(o, "http://"):
		o = strings.TrimSuffix(o, ":80")
	case strings.HasPrefix(o, "https://"):
		o = strings.TrimSuffix(o, ":443")
	}
	return o
}

// answer sets the fields of an answer.
func (p *corsPolicy) answer(req *lwan.Request, resp *lwan.Response, preflight bool) {
	origin := req.HeaderBytes("Origin")
	listed := p.origins[string(origin)]
	// an answer to no origin differs too, and a cache must not hand it to one
	if len(p.origins) > 0 {
		vary(resp, "Origin")
	}
	switch {
	case listed:
		resp.SetHeader("Access-Control-Allow-Origin", string(origin))
		if p.credentials {
			resp.SetHeader("Access-Control-Allow-Credentials", "true")
		}
	case p.everybody: // with or without an Origin, so that it is the same for all
		resp.SetHeader("Access-Control-Allow-Origin", "*")
	default:
		return
	}
	if preflight {
		p.answerPreflight(req, resp)
	} else if p.expose != "" {
		resp.SetHeader("Access-Control-Expose-Headers", p.expose)
	}
}

func (p *corsPolicy) answerPreflight(req *lwan.Request, resp *lwan.Response) {
	resp.SetHeader("Access-Control-Allow-Methods", p.methods)
	headers := p.headers
	if headers == "" {
		vary(resp, "Access-Control-Request-Headers")
		headers = req.Header("Access-Control-Request-Headers")
	}
	if headers != "" {
		resp.SetHeader("Access-Control-Allow-Headers", headers)
	}
	if p.maxAge != "" {
		resp.SetHeader("Access-Control-Max-Age", p.maxAge)
	}
}
