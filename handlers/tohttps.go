package handlers

import (
	"bytes"
	"net"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// ToHTTPS answers requests with a redirect to the same target at https: 308 (RFC 9110 section
// 15.4.9), so that a POST stays one. port is that of the encrypted endpoint as clients see it; 0:
// that of the server's first one. 443 is left out. Hosts that are not in hosts, without a port
// there, get 421, so that nobody is redirected to where a stranger's Host field points;
// "*.example.com" is all that end with .example.com; none given: any host.
//
// Requests that came encrypted, by a trusted proxy's word too, go to next, and so do those below
// /.well-known/acme-challenge/: who issues certificates asks there over http (RFC 8555 section
// 8.3), when there may be none yet.
//
//	{Addr: ":80", Routes: handlers.PortEighty(443, "example.com")}
func ToHTTPS(port int, hosts ...string) lwan.Middleware {
	to := newEncrypted(port, hosts)
	return func(next lwan.Handler) lwan.Handler {
		redirect := to.orElse(next)
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if isChallenge(req) {
				return next(req, resp)
			}
			return redirect(req, resp)
		}
	}
}

// PortEighty is a table of routes that redirects everything, as ToHTTPS does. Challenges of ACME
// are redirected, too, which who issues certificates follows; a route that is added to the table
// answers them:
//
//	r := handlers.PortEighty(443, "example.com")
//	r.Handle("GET /.well-known/acme-challenge/{token}", answer)
func PortEighty(port int, hosts ...string) *lwan.Routes {
	r := &lwan.Routes{}
	r.Use(ToHTTPS(port, hosts...))
	r.Handle(challenges, newEncrypted(port, hosts).orElse(lwan.NotFound))
	return r
}

// encrypted is where ToHTTPS leads.
type encrypted struct {
	port  int
	known map[string]bool // hosts; empty: all
}

func newEncrypted(port int, hosts []string) *encrypted {
	to := &encrypted{port: port, known: map[string]bool{}}
	for _, h := range hosts {
		to.known[hostName(h)] = true
	}
	return to
}

// orElse redirects what has come in the clear, and leaves the rest to next.
func (to *encrypted) orElse(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		target, ok := behindHost(req.Target())
		if !ok || req.Scheme() == "https" {
			return next(req, resp)
		}
		return to.redirect(req, resp, target)
	}
}

func (to *encrypted) redirect(
	req *lwan.Request, resp *lwan.Response, target string,
) lwan.Status {
	host := hostName(req.Host())
	if len(to.known) > 0 && !to.knows(host) {
		return lwan.StatusMisdirectedRequest
	}
	if host == "" { // HTTP/1.0 may leave it out
		return lwan.StatusBadRequest
	}
	port := to.port
	if port == 0 {
		port = encryptedPort(req.Server())
	}
	if port != 443 {
		host += ":" + strconv.Itoa(port)
	}
	return resp.Redirect(lwan.StatusPermanentRedirect, "https://"+host+target)
}

// knows reports whether it is one of the hosts, or below one of those with a star.
func (to *encrypted) knows(host string) bool {
	for name := host; ; {
		if to.known[name] {
			return true
		}
		_, above, ok := strings.Cut(strings.TrimPrefix(name, "*."), ".")
		if !ok {
			return false
		}
		name = "*." + above
	}
}

// challenges is where answers to challenges of ACME are.
const challenges = "/.well-known/acme-challenge/"

// isChallenge asks for the path that the router sees, without dot segments.
func isChallenge(req *lwan.Request) (is bool) {
	req.Borrow(func() { is = bytes.HasPrefix(req.PathBytes(), []byte(challenges)) })
	return is
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
