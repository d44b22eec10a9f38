package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/golwan/golwan/handlers/gateway/internal/proxyprotocol"
	"github.com/golwan/golwan/lwan"
)

// ProxyConfig of a Proxy.
type ProxyConfig struct {
	Common

	// Path takes the place of the mount's prefix: "" removes it, "/v1" replaces it.
	Path     string
	KeepPath bool // leave the prefix where it is

	// EncodedSlash passes paths on in which a slash is encoded, "%2F". Else they are answered with
	// 404: many backends take it for a slash, and find "/admin/x" in "/admin%2Fx", which no prefix
	// of a route protects here. A dot segment beside one, as in "/x%2F..%2Fadmin", is 404 always.
	EncodedSlash bool

	// Host that is sent: "" is the client's, "$backend" the backend's address.
	Host      string
	Forwarded Forwarded // ForwardedX

	// MapPath maps paths in Location, Content-Location, Refresh and Set-Cookie's Path, beyond
	// Path's own mapping; the longest prefix first.
	MapPath map[string]string
	// MapHost maps Location's host, port included, and Set-Cookie's Domain.
	MapHost map[string]string

	// Upgrade lists protocols that may be switched to: "websocket"; "*": all but other versions of
	// HTTP, in which requests pass by the routes of this server, and TLS. A WebSocket of HTTP/2
	// (RFC 8441) is asked for over HTTP/1.1, with a key of this server's.
	Upgrade []string

	// ProxyProtocol is 1 or 2: a head of the PROXY protocol is sent first on each connection, which
	// then serves one request.
	ProxyProtocol int

	Early bool // pass 103 (Early Hints) on
}

// Proxy passes requests on to HTTP/1.1 servers: srv.Mount("/app",
// gateway.Proxy.With(gateway.ProxyConfig{Common: gateway.Common{To: group}})). It answers all
// methods below its prefix, those of the backends' own (PURGE) included.
var Proxy = lwan.Module[ProxyConfig]{Name: "proxy", Open: openProxy}

func openProxy(s *lwan.Scope, c ProxyConfig) error {
	if c.ProxyProtocol < 0 || c.ProxyProtocol > 2 {
		return fmt.Errorf("there is no version %d of the PROXY protocol", c.ProxyProtocol)
	}
	if len(c.Upgrade) > 0 && c.To != nil && c.To.Conns.TLS != nil {
		return errors.New("ProxyConfig.Upgrade: no encrypted connection can be switched")
	}
	paths, err := c.prefixes(s.Prefix())
	if err != nil {
		return err
	}
	h := &httpProxy{ProxyConfig: c, paths: paths}
	h.Forwarded = orDefault(h.Forwarded, ForwardedX)
	g, err := c.Common.open(s, h, newMapping(paths, c.MapPath, c.MapHost))
	if err != nil {
		return err
	}
	g.early, g.upgrade, g.slashes = c.Early, c.Upgrade, c.EncodedSlash
	s.Handle("* /", g.serve)
	return nil
}

// prefixes finds out what becomes of the mount's prefix.
func (c *ProxyConfig) prefixes(mounted string) (p prefixes, err error) {
	if i := strings.IndexByte(mounted, '/'); i >= 0 {
		p.here = strings.TrimSuffix(mounted[i:], "/")
	}
	if strings.ContainsRune(p.here, '{') && (c.Path != "" || !c.KeepPath) {
		return p, errors.New("a prefix with parameters can only be kept: set KeepPath")
	}
	switch {
	case c.KeepPath && c.Path != "":
		return p, errors.New("ProxyConfig.Path and KeepPath exclude each other")
	case c.KeepPath:
		return prefixes{}, nil
	case c.Path != "" && c.Path[0] != '/':
		return p, fmt.Errorf("ProxyConfig.Path %q does not begin with a slash", c.Path)
	}
	p.there = strings.TrimSuffix(c.Path, "/")
	return p, nil
}

// httpProxy speaks HTTP/1.1 with backends.
type httpProxy struct {
	ProxyConfig
	paths prefixes
}

// compose writes the head of the request. Its framing is our own: nothing that the client has sent
// can make the backend find another end of it.
func (h *httpProxy) compose(x *passage) error {
	b, req := x.out, x.req
	if h.ProxyProtocol > 0 {
		b = h.appendPreface(b, x)
	}
	b = append(append(b, x.try.method...), ' ')
	b = h.paths.appendPath(b, req.PathBytes())
	b = req.AppendRoutedQuery(b)
	if x.host == "" {
		x.host = req.Host()
	}
	x.asked = h.host(x)
	b = append(append(b, " HTTP/1.1\r\nHost: "...), x.asked...)
	b = append(b, "\r\n"...)
	b = h.appendFields(b, x)
	switch {
	case x.held || x.length > 0:
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, max(x.length, int64(len(x.content))), 10), "\r\n"...)
	case x.length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case hasContent(x.try.method): // it says that there is none (RFC 9110 section 8.6)
		b = append(b, "Content-Length: 0\r\n"...)
	}
	b = x.appendConnection(b)
	x.out = append(b, "\r\n"...)
	return nil
}

// hasContent reports whether requests with that method usually have content.
func hasContent(method string) bool {
	switch method {
	case "POST", "PUT", "PATCH":
		return true
	}
	return false
}

// host is the Host that is sent.
func (h *httpProxy) host(x *passage) string {
	switch h.Host {
	case "":
		if x.host != "" {
			return x.host
		}
	case "$backend":
	default:
		return h.Host
	}
	if strings.HasPrefix(x.pick.name, "unix:") || strings.HasPrefix(x.pick.name, "@") {
		return "localhost"
	}
	return x.pick.name
}

// appendFields appends the fields of the request that are for the backend, too, and those that tell
// of its client.
func (h *httpProxy) appendFields(b []byte, x *passage) []byte {
	req := x.req
	connection := ""
	if v := req.HeaderBytes("Connection"); len(v) > 0 && !plainConnection(string(v)) {
		connection = strings.Join(req.HeaderAll("Connection"), ",")
	}
	for name, value := range req.HeaderLines() {
		switch {
		case ofHop(name), h.Forwarded&ForwardedKeep == 0 && ofForwarding(name),
			connection != "" && listed(connection, name):
			continue
		}
		b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
	}
	if x.takesTrailers() {
		b = append(b, "TE: trailers\r\n"...)
	}
	if h.Forwarded&(ForwardedX|ForwardedRFC|ForwardedReal) != 0 {
		way := wayOf(req, x.host)
		b = way.appendTo(b, h.Forwarded)
	}
	return b
}

// wayOf is the way that a request came.
func wayOf(req *lwan.Request, host string) hop {
	peer, trusted := req.PeerAddr()
	way := hop{peer: unmapped(peer), host: host, scheme: req.Scheme()}
	way.client = way.peer
	if trusted {
		way.client = unmapped(req.RemoteAddr())
		way.xFor = strings.Join(req.HeaderAll("X-Forwarded-For"), ", ")
		way.xHost = req.Header("X-Forwarded-Host")
		way.forwarded = strings.Join(req.HeaderAll("Forwarded"), ", ")
	}
	return way
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// takesTrailers reports whether the client takes trailers, and they have a way to it.
func (x *passage) takesTrailers() bool {
	te := x.req.Header("TE")
	return te != "" && listed(te, []byte("trailers")) && x.req.Proto() != "HTTP/1.0"
}

// appendConnection appends what is for the backend alone.
func (x *passage) appendConnection(b []byte) []byte {
	named := ""
	if to := x.switchTo(); to != "" {
		b = append(append(append(b, "Upgrade: "...), to...), "\r\n"...)
		named = "Upgrade"
		if x.key = x.newKey(); x.key != "" {
			b = append(append(append(b, "Sec-WebSocket-Key: "...), x.key...), "\r\n"...)
		}
	}
	if x.takesTrailers() {
		if named != "" {
			named += ", "
		}
		named += "TE"
	}
	if named == "" {
		return b
	}
	return append(append(append(b, "Connection: "...), named...), "\r\n"...)
}

// appendPreface appends a head of the PROXY protocol.
func (h *httpProxy) appendPreface(b []byte, x *passage) []byte {
	client := x.req.RemoteAddr()
	server := netip.AddrPort{}
	if a, err := netip.ParseAddrPort(x.conn.RemoteAddr().String()); err == nil {
		server = a
	}
	if h.ProxyProtocol == 1 {
		return proxyprotocol.AppendV1(b, client, server)
	}
	return proxyprotocol.AppendV2(b, client, server)
}

func (h *httpProxy) stream(x *passage) error {
	x.conn.SendTimeout = x.g.Timeouts.Send
	n, err := x.conn.SendBody(x.req, x.length < 0)
	return x.streamed(n, err)
}

func (h *httpProxy) answers(x *passage) (io.Reader, lwan.ReplyKind) {
	return x.conn, lwan.ReplyHTTP
}

func (h *httpProxy) keep(x *passage) bool { return x.reply.Reusable && h.ProxyProtocol == 0 }

func (h *httpProxy) buffered(*passage) bool { return false }
