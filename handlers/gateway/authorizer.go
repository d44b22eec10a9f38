package gateway

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/handlers/gateway/internal/fcgi"
	"github.com/golwan/golwan/lwan"
)

// AuthorizerConfig is of an Authorizer.
type AuthorizerConfig struct {
	To        *Group // that Opener, or a module, opens
	Timeouts  Timeouts
	HeadBytes int               // of an answer's head: 64 KiB; beyond it 502
	Vars      map[string]string // variables beyond those of RFC 3875, or in their place
	KeepConns bool              // as ScriptConfig.KeepConns
}

// Opener opens a group for middleware and handlers of the program's own (Group.Get), as long as a
// server runs: srv.Mount("/", gateway.Opener(group)). It has no routes.
func Opener(g *Group) lwan.Mountable { return groupOpener.With(openerConfig{g}) }

type openerConfig struct{ group *Group }

var groupOpener = lwan.Module[openerConfig]{
	Name: "group", Open: func(s *lwan.Scope, c openerConfig) error { return c.group.Open(s) },
}

// Authorizer makes middleware that asks a FastCGI application in the role of an authorizer (FastCGI
// 1.0 section 6.3) about each request. It is told what a responder is, but for the content, and
// CONTENT_LENGTH, PATH_INFO, PATH_TRANSLATED and SCRIPT_NAME. If it answers 200 the request goes
// on, and what it says in fields like Variable-REMOTE_USER can be asked for with Variable, and is a
// variable of scripts inside (FastCGI, SCGI, UWSGI, CGI). Any other answer goes to the client as it
// is, and so do failures: nothing passes that was not allowed.
func Authorizer(c AuthorizerConfig) (lwan.Middleware, error) {
	if c.To == nil {
		return nil, errors.New("gateway: AuthorizerConfig.To is not set")
	}
	sc := &scripts{ScriptConfig: ScriptConfig{Vars: c.Vars, KeepConns: c.KeepConns}}
	if err := sc.setVars(); err != nil {
		return nil, fmt.Errorf("gateway: AuthorizerConfig: %w", err)
	}
	a := &authorizer{fastCGI: &fastCGI{sc}, common: Common{
		To: c.To, Timeouts: c.Timeouts, HeadBytes: c.HeadBytes,
	}}
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if pass, st := a.ask(req, resp); !pass {
				return st
			}
			return next(req, resp)
		}
	}, nil
}

// authorizer asks about requests. What it says is how its answers are read, so it is a responder's
// client but for the role.
type authorizer struct {
	*fastCGI
	common Common
	gate   atomic.Pointer[gateway] // of the group's last opening
}

// gateway is that of the group as it is open now; nil: it is not.
func (a *authorizer) gateway() *gateway {
	p := a.common.To.pool.Load()
	if p == nil {
		return nil
	}
	g := a.gate.Load()
	if g == nil || g.pool != p {
		g = a.common.on(p, a, newMapping(prefixes{}, nil, nil))
		g.records = true
		a.gate.Store(g)
	}
	return g
}

var errNotOpen = errors.New("gateway: the group of an Authorizer is not open: mount its Opener")

// ask asks about a request. If it may not pass, it has been answered.
func (a *authorizer) ask(req *lwan.Request, resp *lwan.Response) (pass bool, st lwan.Status) {
	g := a.gateway()
	if g == nil {
		return false, resp.Fail(errNotOpen)
	}
	x := passages.Get().(*passage)
	x.begin(g, req, resp)
	defer x.end()
	x.length = 0 // it stays where it is
	if err := x.reach(); err != nil {
		return false, x.sorry(err)
	}
	if x.reply.Status != 200 {
		return false, x.answer()
	}
	if err := x.allowed(); err != nil {
		if ofBackend(err) {
			x.blame(broken)
		}
		return false, resp.Fail(g.pool.failure(x.pick.member, err))
	}
	return true, 0
}

// compose writes the parameters. An authorizer has no standard input.
func (a *authorizer) compose(x *passage) error {
	params := x.body[:0:0]
	a.set(x, script{name: string(x.req.PathBytes())}, func(name, value string) {
		switch name {
		case "CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME":
			return
		}
		params = fcgi.AppendParam(params, name, value)
	})
	b := fcgi.AppendBegin(x.out, fcgi.Authorizer, a.KeepConns)
	x.out = fcgi.AppendRecord(fcgi.AppendStream(b, fcgi.Params, params), fcgi.Params, nil)
	x.body = nil
	return nil
}

// mostGranted bounds the content of an answer that lets a request pass, which nobody reads.
const mostGranted = 64 << 10

// allowed reads the rest of an answer that lets the request pass, and keeps what it says of it.
func (x *passage) allowed() error {
	var told []pair
	for name, value := range x.reply.Headers() {
		const prefix = "variable-"
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			told = append(told, pair{name[len(prefix):], value})
		}
	}
	if d := x.g.Timeouts.Body; d > 0 {
		_ = x.conn.SetReadDeadline(time.Now().Add(d))
	}
	n, err := io.Copy(io.Discard, io.LimitReader(x.reply.Body(), mostGranted+1))
	switch {
	case err != nil:
		return err
	case n > mostGranted:
		return fmt.Errorf("%w: an authorizer's content of more than 64 KiB", lwan.ErrBadReply)
	}
	if x.verdict == nothing { // else it has one of Retry.On
		x.verdict = well
	}
	x.keep()
	if len(told) > 0 {
		granted.Set(x.req, told)
	}
	return nil
}

// granted has what an authorizer has said of a request.
var granted = lwan.NewKey[[]pair]("variables of an authorizer")

// Variable is what an Authorizer has said of the request, as of REMOTE_USER; "": nothing.
func Variable(req *lwan.Request, name string) string {
	told, _ := granted.Get(req)
	for _, v := range told {
		if v.from == name {
			return v.to
		}
	}
	return ""
}
