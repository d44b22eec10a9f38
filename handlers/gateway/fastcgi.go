package gateway

import (
	"errors"
	"io"

	"github.com/golwan/golwan/handlers/gateway/internal/fcgi"
	"github.com/golwan/golwan/handlers/gateway/internal/uwsgi"
	"github.com/golwan/golwan/lwan"
)

// The protocols for applications. They need to know how long a content is: one that comes in chunks
// is read into memory first, up to Limits.Body.
var (
	FastCGI = lwan.Module[ScriptConfig]{Name: "fastcgi", Open: openFastCGI}
	SCGI    = lwan.Module[ScriptConfig]{Name: "scgi", Open: openSCGI}
	UWSGI   = lwan.Module[ScriptConfig]{Name: "uwsgi", Open: openUWSGI}
)

func openFastCGI(s *lwan.Scope, c ScriptConfig) error {
	return openScript(s, c, func(sc *scripts) protocol { return &fastCGI{sc} })
}

func openSCGI(s *lwan.Scope, c ScriptConfig) error {
	return openScript(s, c, func(sc *scripts) protocol {
		return &simpleCGI{scripts: sc, kind: lwan.ReplyCGI}
	})
}

func openUWSGI(s *lwan.Scope, c ScriptConfig) error {
	return openScript(s, c, func(sc *scripts) protocol {
		return &uwsgiCGI{simpleCGI{scripts: sc, kind: lwan.ReplyHTTP}}
	})
}

func openScript(s *lwan.Scope, c ScriptConfig, speaks func(sc *scripts) protocol) error {
	sc, err := newScripts(s, c)
	if err != nil {
		return err
	}
	g, err := c.Common.open(s, speaks(sc), newMapping(prefixes{}, nil, nil))
	if err != nil {
		return err
	}
	g.holds, g.scripts = !c.Stream, sc
	_, g.records = g.speaks.(*fastCGI)
	s.Handle("* /", g.serve)
	return nil
}

// fastCGI speaks FastCGI, as a responder's client.
type fastCGI struct{ *scripts }

func (f *fastCGI) compose(x *passage) error {
	params := x.body[:0:0]
	f.set(x, x.script, func(name, value string) {
		params = fcgi.AppendParam(params, name, value)
	})
	b := fcgi.AppendBegin(x.out, fcgi.Responder, f.KeepConns)
	b = fcgi.AppendRecord(fcgi.AppendStream(b, fcgi.Params, params), fcgi.Params, nil)
	if x.held || x.length == 0 {
		b = fcgi.AppendStream(b, fcgi.Stdin, x.content)
		b = fcgi.AppendRecord(b, fcgi.Stdin, nil)
	}
	x.out, x.body = b, nil
	return nil
}

// stream sends the content in records, as it comes, until the application answers.
func (f *fastCGI) stream(x *passage) error {
	x.output.Reset(x.conn, x.stderr.write)
	x.listens = true
	x.conn.SendTimeout = x.g.Timeouts.Send
	n, err := x.conn.SendFramed(x.req, &recordFraming{x: x})
	return x.streamed(n, err)
}

// recordFraming puts a content into records of standard input.
type recordFraming struct {
	x    *passage
	head [8]byte
	tail [2 * 8]byte
}

// Frame implements lwan.Framing.
func (f *recordFraming) Frame(n int, end bool) (before, after []byte) {
	after = f.tail[:0]
	if n > 0 {
		var pad int
		before, pad = fcgi.AppendHead(f.head[:0], fcgi.Stdin, n)
		after = append(after, fcgi.Padding[:pad]...)
	}
	if end {
		after = fcgi.AppendRecord(after, fcgi.Stdin, nil)
	}
	return before, after
}

// Early implements lwan.Framing.
func (f *recordFraming) Early() bool { return f.x.output.Early(f.x.conn.Readable) }

func (f *fastCGI) answers(x *passage) (io.Reader, lwan.ReplyKind) {
	if !x.listens {
		x.output.Reset(x.conn, x.stderr.write)
	}
	return &x.output, lwan.ReplyCGI
}

// keep: the application has said that it has ended, and nothing came behind that.
func (f *fastCGI) keep(x *passage) bool {
	if !f.KeepConns || !x.output.Buffered() { // what has not come yet is not waited for
		return false
	}
	_, end := x.output.Read(make([]byte, 1))
	return end == io.EOF && x.output.Clean()
}

func (f *fastCGI) buffered(x *passage) bool { return x.output.Buffered() }

// simpleCGI speaks SCGI: head and content go out, and an answer of CGI comes back, which ends with
// its connection.
type simpleCGI struct {
	*scripts
	kind lwan.ReplyKind
}

func (s *simpleCGI) compose(x *passage) error {
	x.scgi.Begin(max(x.length, int64(len(x.content))))
	s.set(x, x.script, func(name, value string) {
		if name != "CONTENT_LENGTH" { // it is there
			x.scgi.Add(name, value)
		}
	})
	x.out = x.scgi.Append(x.out)
	return nil
}

func (s *simpleCGI) stream(x *passage) error {
	x.conn.SendTimeout = x.g.Timeouts.Send
	n, err := x.conn.SendBody(x.req, false)
	return x.streamed(n, err)
}

func (s *simpleCGI) answers(x *passage) (io.Reader, lwan.ReplyKind) { return x.conn, s.kind }

func (s *simpleCGI) keep(*passage) bool { return false }

func (s *simpleCGI) buffered(*passage) bool { return false }

// uwsgiCGI speaks uwsgi, which is SCGI with another head, and an answer of HTTP.
type uwsgiCGI struct{ simpleCGI }

var errManyVars = &lwan.Error{
	Status: 431, Err: errors.New("gateway: the variables are too large for the protocol uwsgi"),
}

func (u *uwsgiCGI) compose(x *passage) error {
	b := uwsgi.Begin(x.out)
	u.set(x, x.script, func(name, value string) { b = uwsgi.Add(b, name, value) })
	x.out = b
	if !uwsgi.End(b) {
		return errManyVars
	}
	return nil
}
