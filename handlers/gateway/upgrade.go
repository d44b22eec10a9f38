package gateway

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// errUnasked is an answer that switches to a protocol that was not asked for, or is not allowed.
var errUnasked = fmt.Errorf("%w: it switches protocols unasked", lwan.ErrBadReply)

// switchTo is the protocol that the client asks for and that may be switched to; "" if there is
// none. A request with content is not switched: who reads what would not be certain.
func (x *passage) switchTo() string {
	if len(x.g.upgrade) == 0 || x.length != 0 || x.req.Proto() == "HTTP/1.0" {
		return ""
	}
	wanted := x.req.Upgrade()
	if wanted == "" {
		return ""
	}
	for _, allowed := range x.g.upgrade {
		if allowed == "*" && !otherHTTP(wanted) || strings.EqualFold(allowed, wanted) {
			return wanted
		}
	}
	return ""
}

// newKey is what a WebSocket over HTTP/1 is asked for with (RFC 6455 section 4.1) in the place of a
// client of HTTP/2, which has none (RFC 8441 section 5); "" if the client has its own.
func (x *passage) newKey() string {
	if x.req.Header("Sec-WebSocket-Key") != "" || x.req.Proto() != "HTTP/2.0" {
		return ""
	}
	var b [16]byte
	rand.Read(b[:]) // it never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

// acceptOf is how a backend shows that it has understood.
func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// otherHTTP reports whether a protocol is one in which more requests follow, or in which they are
// hidden: they would pass by this server's routes.
func otherHTTP(protocol string) bool {
	name, _, _ := strings.Cut(protocol, "/")
	return strings.EqualFold(name, "h2c") || strings.EqualFold(name, "HTTP") ||
		strings.EqualFold(name, "TLS") || strings.Contains(protocol, ",")
}

// switched joins client and backend after a 101: from then on bytes go both ways, and no handler is
// held.
func (x *passage) switched() lwan.Status {
	asked := x.switchTo()
	if asked == "" || !strings.EqualFold(x.reply.Header("Upgrade"), asked) ||
		x.key != "" && x.reply.Header("Sec-WebSocket-Accept") != acceptOf(x.key) {
		x.blame(broken)
		return x.resp.Fail(x.g.pool.failure(x.pick.member, errUnasked))
	}
	x.fields()
	x.resp.SetHeader("Upgrade", asked)
	if x.key != "" { // it is between us and the backend
		x.resp.DelHeader("Sec-WebSocket-Accept")
	}
	if x.g.Response != nil {
		x.g.Response(x.req, x.resp)
	}
	pool, k, c := x.g.pool, x.pick, x.conn
	x.conn, x.pick = nil, pick{} // the tunnel's
	st := x.resp.Tunnel(101, c, lwan.Tunnel{
		Idle: orDefault(x.g.Timeouts.Idle, -1),
		Done: func(in, out int64, _ error) {
			k.bytesOut.Add(in)
			k.bytesIn.Add(out)
			pool.release(k, well)
		},
	})
	if st >= 400 { // it has not begun, and Done is not called
		pool.release(k, nothing)
	}
	return st
}
