package gateway

import (
	"errors"
	"io"
	"time"

	"github.com/golwan/golwan/lwan"
)

// Timeouts of what passes a gateway. Zero means the default and negative none.
type Timeouts struct {
	Send time.Duration // the backend takes nothing of the request: 30 s; 504
	Head time.Duration // until the answer's head, for each try: 60 s; 504
	Body time.Duration // between two pieces of the answer: 60 s; then it is cut
	Idle time.Duration // of a tunnel, in both directions: 10 min
}

// Common is what all kinds of gateway have.
type Common struct {
	To        *Group
	Timeouts  Timeouts
	HeadBytes int // of an answer's head: 64 KiB; beyond it 502

	// Intercept lists answers in place of whose body the server's error page is sent; 0 stands for
	// all from 400 on.
	Intercept []lwan.Status

	// Accel lets backends answer with X-Accel-Redirect: what the server has at that path is sent,
	// through Request.RerouteGet, with GET whatever the request's method was. Of the backend's own
	// answer Set-Cookie counts, and Content-Type, Content-Disposition, Cache-Control and Expires if
	// the other one has status 200, 206 or 304.
	Accel bool

	// SendFile lets backends answer with X-Sendfile, and the name of a file: in a directory, as
	// they name it, that stands for a path of this server, as {"/srv/private": "/private"}, whose
	// route sends it, as with Accel; it may be lwan.Internal. The longest directory
	// counts. A file that is in none of them is 404, and logged. nil: the field is passed on.
	SendFile map[string]string

	// Response changes what comes back before it goes out, in the handler, which is a loop's: it
	// must not block. May be nil.
	Response func(req *lwan.Request, resp *lwan.Response)
}

// gateway is an open module, of any kind. It is constant.
type gateway struct {
	Common
	pool   *pool
	speaks protocol
	limits lwan.ReplyLimits
	maps   *mapping
	files  []pair // of SendFile

	// launch makes the connection of a passage; nil: the member's dialer does
	launch  func(x *passage) (*lwan.Conn, error)
	upgrade []string // what may be switched to
	early   bool     // 103 is passed on
	slashes bool     // encoded ones are passed on
	holds   bool     // answers are held back up to Limits.Buffer
	scripts *scripts // nil: not of FastCGI and its like
	records bool     // answers come in records, and not as they are
}

// protocol is how a kind of gateway speaks with its backends.
type protocol interface {
	// compose puts what goes out before the content into x.out, and a content that is held in
	// memory into x.body, as it is to be sent.
	compose(x *passage) error
	// stream sends the content as the client sends it.
	stream(x *passage) error
	// answers is where the answer's head and content are read from, and how the head is written.
	answers(x *passage) (src io.Reader, kind lwan.ReplyKind)
	// keep reports whether the connection goes on behind an answer that was read to its end.
	keep(x *passage) bool
	// buffered reports whether there may be more of the answer without a look at the connection.
	buffered(x *passage) bool
}

// open opens the group, and makes the gateway ready.
func (c Common) open(s *lwan.Scope, speaks protocol, maps *mapping) (*gateway, error) {
	if c.To == nil {
		return nil, errors.New("there is no group: To is not set")
	}
	files, err := c.directories()
	if err != nil {
		return nil, err
	}
	if err := c.To.Open(s); err != nil {
		return nil, err
	}
	g := c.on(c.To.pool.Load(), speaks, maps)
	g.files = files
	return g, nil
}

// on is a gateway of a group that is open.
func (c Common) on(p *pool, speaks protocol, maps *mapping) *gateway {
	g := &gateway{Common: c, pool: p, speaks: speaks, maps: maps}
	g.Timeouts = Timeouts{
		Send: limit(c.Timeouts.Send, 30*time.Second), Head: limit(c.Timeouts.Head, time.Minute),
		Body: limit(c.Timeouts.Body, time.Minute), Idle: limit(c.Timeouts.Idle, 10*time.Minute),
	}
	g.limits = lwan.ReplyLimits{Bytes: c.HeadBytes, Pause: g.Timeouts.Body}
	return g
}

// limit is a time, its default, or 0 for none.
func limit(d, otherwise time.Duration) time.Duration { return max(orDefault(d, otherwise), 0) }
