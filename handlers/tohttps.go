package handlers

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// ToHTTPS answers every request with a redirect to the same target at https: 308 (RFC 9110 section
// 15.4.9), so that a POST stays one. port is that of the encrypted endpoint as clients see it; 0:
// that of the server's first one. 443 is left out. Hosts that are not in hosts, without a port
// there, get 421, so that nobody is redirected to where a stranger's Host field points; none given:
// any host. Requests that came encrypted, by a trusted proxy's word too, go to next.
//
//	{Addr: ":80", Routes: handlers.PortEighty(443, "example.com")}
func ToHTTPS(port int, hosts ...string) lwan.Middleware {
	known := map[string]bool{}
	for _, h := range hosts {
		known[hostName(h)] = true
	}
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			target, ok := behindHost(req.Target())
			if req.Scheme() == "https" || !ok {
				return next(req, resp)
			}
			host := hostName(req.Host())
			if len(known) > 0 && !known[host] {
				return lwan.StatusMisdirectedRequest
			}
			if host == "" { // HTTP/1.0 may leave it out
				return lwan.StatusBadRequest
			}
			at := port
			if at == 0 {
				at = encryptedPort(req.Server())
			}
			if at != 443 {
				host += ":" + strconv.Itoa(at)
			}
			return resp.Redirect(lwan.StatusPermanentRedirect, "https://"+host+target)
		}
	}
}

// encryptedPort is where the server's first encrypted endpoint listens; 443 if there is none.
func encryptedPort(srv *lwan.Server) int {
	addrs := srv.Addrs()
	for i, end := range srv.Endpoints {
		if i < len(addrs) && (end.TLS != nil || end.Certs != nil) {
			if at, ok := addrs[i].(*net.TCPAddr); ok {
				return at.Port
			}
		}
	}
	return 443
}

// hostName is a host without its port, in lower case.
func hostName(authority string) string {
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		authority = authority[:i]
	}
	return strings.ToLower(authority)
}

// behindHost is what a target has behind the host, which it may name (RFC 9112 section 3.2.2);
// ok is false for that of OPTIONS * and of CONNECT, which have none.
func behindHost(target string) (rest string, ok bool) {
	if strings.HasPrefix(target, "/") {
		return target, true
	}
	_, behind, ok := strings.Cut(target, "://")
	if !ok {
		return "", false
	}
	i := strings.IndexAny(behind, "/?")
	switch {
	case i < 0:
		return "/", true
	case behind[i] == '?':
		return "/" + behind[i:], true
	}
	return behind[i:], true
}

// PortEighty is a table of routes with nothing but ToHTTPS in it.
func PortEighty(port int, hosts ...string) *lwan.Routes {
	r := &lwan.Routes{}
	r.Use(ToHTTPS(port, hosts...))
	return r
}

// HSTSConfig is for HSTS.
type HSTSConfig struct {
	MaxAge            time.Duration // how long browsers remember: 1 year; negative: they forget
	IncludeSubdomains bool
	Preload           bool // see https://hstspreload.org: hard to take back
}

// HSTS adds Strict-Transport-Security to answers that go out encrypted, by a trusted proxy's word
// too (RFC 6797 section 7.2: never in the clear): browsers that have seen it come to this host, at
// any port, with https only. An answer that has the field already keeps its own.
func HSTS(cfg HSTSConfig) lwan.Middleware {
	const field, year = "Strict-Transport-Security", 365 * 24 * time.Hour
	if cfg.MaxAge == 0 {
		cfg.MaxAge = year
	}
	seconds := int64(max(cfg.MaxAge, 0) / time.Second)
	value := "max-age=" + strconv.FormatInt(seconds, 10)
	if cfg.IncludeSubdomains {
		value += "; includeSubDomains"
	}
	if cfg.Preload {
		value += "; preload"
	}
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
