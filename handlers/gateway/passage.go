package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/golwan/golwan/handlers/gateway/internal/fcgi"
	"github.com/golwan/golwan/handlers/gateway/internal/scgi"
	"github.com/golwan/golwan/lwan"
)

// passage is one request on its way to a backend, and back. It belongs to the request's handler,
// from begin to end, and is used again for another one then. Whatever happens in between, end gives
// back the place at the member and closes the connection: also when the handler is unwound because
// its client has left.
//
//	prepare ──▶ attempt ──▶ answer        attempt: choose, connect, send, read the head
//	              ▲   │ trouble
//	              │   ▼
//	              └─ next ──▶ fail
type passage struct {
	passing

	out    []byte // what is sent before the content
	reply  lwan.Reply
	output fcgi.Output
	stderr stderr
	scgi   scgi.Head
}

// passing is what is forgotten at the end.
type passing struct {
	key   string // that the backend was asked with for a WebSocket; "": the client's own
	g     *gateway
	req   *lwan.Request
	resp  *lwan.Response
	began time.Time

	// the request
	length  int64    // of the content; 0: none, -1: chunked
	held    bool     // all of the content is in content
	content []byte   // the request's own
	file    *os.File // or it is here: spool
	try     try
	wish    wish
	been    [4]*member

	// the try under way
	pick    pick // nil: none
	verdict verdict
	conn    *lwan.Conn
	fresh   bool      // it must not be a kept connection
	partly  bool      // the backend has answered before all of the content was sent
	listens bool      // output has been reading since the content was begun
	host    string    // that the client has sent
	asked   string    // that was sent to the backend
	script  script    // of FastCGI and its like
	body    []byte    // the content as it is sent; content, or in records
	sent    time.Time // when it was
	copied  int64     // bytes of the answer's content
	whole   bool      // all of that has been read
	run     *launched // that was started for it; nil: none
}

var passages = sync.Pool{New: func() any { return new(passage) }}

// serve answers a request with what a backend answers.
func (g *gateway) serve(req *lwan.Request, resp *lwan.Response) lwan.Status {
	x := passages.Get().(*passage)
	x.begin(g, req, resp)
	defer x.end()
	if err := x.prepare(); err != nil {
		return resp.Fail(err)
	}
	if err := x.reach(); err != nil {
		return x.sorry(err)
	}
	return x.answer()
}

// reach tries members until one has answered.
func (x *passage) reach() error {
	var last error
	for {
		if err := x.choose(); err != nil {
			return x.none(orErr(last, err))
		}
		what, err := x.attempt()
		if err == nil && x.elsewhere() {
			continue
		}
		if err == nil {
			return nil
		}
		err = x.g.pool.failure(x.pick.member, err)
		if !x.next(what, err) {
			return err
		}
		last = err
	}
}

func (x *passage) begin(g *gateway, req *lwan.Request, resp *lwan.Response) {
	x.g, x.req, x.resp, x.began = g, req, resp, time.Now()
	x.wish = g.pool.wishOf(req)
	x.wish.been = x.been[:0]
	x.length = req.ContentLength()
	x.try = try{method: req.Method()}
	g.pool.budget.request(g.pool.at(x.began))
}

// end gives back what the passage has.
func (x *passage) end() {
	x.drop()
	x.forget()
	x.reply.Reset()
	x.passing = passing{}
	if cap(x.out) > 16<<10 {
		x.out = nil
	}
	passages.Put(x)
}

// forget gives up a content that is in a file.
func (x *passage) forget() {
	if f := x.file; f != nil {
		x.file = nil
		_ = f.Close() // it has no name: what it held is gone
	}
}

// tell logs what the application has written to its standard error.
func (x *passage) tell() {
	if x.pick.member == nil {
		return
	}
	if said, ok := x.stderr.line(x.pick.address); ok {
		x.g.pool.say(said)
	}
}

// drop ends a try.
func (x *passage) drop() {
	x.tell()
	if c := x.conn; c != nil {
		x.conn = nil
		_ = c.Close()
	}
	x.leave()
}

// leave gives back the place at the member.
func (x *passage) leave() {
	switch k := x.pick; {
	case x.run != nil: // it has the place until it has ended
		x.run.leave(x.g.pool, k, x.verdict, x.whole)
		x.run, x.pick = nil, pick{}
	case k.member != nil:
		x.pick = pick{}
		x.g.pool.release(k, x.verdict)
	}
	x.verdict = nothing
}

// prepare takes a short content into memory, so that it can be sent again. One whose client waits
// for 100 (Continue) is not asked for before there is a backend.
func (x *passage) prepare() (err error) {
	if x.length > x.req.BodyLimit() {
		return lwan.ErrTooLarge
	}
	if s := x.g.scripts; s != nil {
		x.req.Borrow(func() { x.script, err = s.find(string(x.req.PathBytes())) })
		if err != nil {
			return err
		}
		if s.root != nil {
			if err := s.check(x.req, x.script); err != nil {
				return err
			}
		}
		switch known := x.length >= 0; {
		case s.programs && (!known || x.length > x.g.pool.group.Retry.kept()):
			return x.spool()
		case !known, s.programs && x.length > 0: // they have to know how much it is
			return x.hold()
		}
	} else if x.encodedSlash() {
		return errEncodedSlash
	}
	most := x.g.pool.group.Retry.kept()
	if x.length <= 0 || x.length > most || x.req.Header("Expect") != "" {
		return nil
	}
	return x.hold()
}

// errEncodedSlash is a path of which a backend might find another one than was routed.
var errEncodedSlash = &lwan.Error{
	Status: 404, Err: errors.New("gateway: the path has an encoded slash"),
}

// encodedSlash reports whether the path has an encoded slash that is not passed on. Most requests
// have their path as it was sent.
func (x *passage) encodedSlash() (is bool) {
	x.req.Borrow(func() {
		p := x.req.PathBytes()
		is = bytes.IndexByte(p, encodedSlash) >= 0 && (!x.g.slashes || dotted(p))
	})
	return is
}

// dotted reports whether a dot segment is in a path for who takes encoded slashes for slashes: no
// application means that, and it leads elsewhere than was routed.
func dotted(p []byte) bool {
	for len(p) > 0 {
		end := bytes.IndexAny(p, "/\x00")
		if end < 0 {
			end = len(p)
		}
		if s := string(p[:end]); s == "." || s == ".." {
			return true
		}
		p = p[min(end+1, len(p)):]
	}
	return false
}

func (x *passage) hold() (err error) {
	x.content, err = x.req.BodyBytes()
	x.held = err == nil
	return err
}

// choose takes a place at a member, unless the passage has one already.
func (x *passage) choose() error {
	if x.pick.member != nil {
		return nil
	}
	k, err := x.g.pool.acquire(x.req, &x.wish)
	if err != nil {
		return err
	}
	x.pick = k
	x.try.members++
	x.try.renewed, x.fresh = false, false
	return nil
}

// none is the error when there is no member, or a try went wrong and nobody else is left.
func (x *passage) none(err error) error { return x.g.pool.failure(nil, err) }

// sorry answers when nobody has answered.
func (x *passage) sorry(err error) lwan.Status {
	if errors.Is(err, errNoneUp) {
		if after := x.g.pool.retryAfter(); after != "" {
			x.resp.SetHeader("Retry-After", after)
		}
	}
	return x.resp.Fail(err)
}

// attempt sends the request to the member, and reads the answer's head.
func (x *passage) attempt() (trouble, error) {
	x.try.sent, x.partly, x.listens = false, false, false
	if err := x.connect(); err != nil {
		return unreachable, err
	}
	x.pick.requests.Add(1)
	if what, err := x.send(); err != nil {
		return what, err
	}
	return x.head()
}

// connect takes a connection to the member.
func (x *passage) connect() (err error) {
	switch d := x.pick.dialer; {
	case x.g.launch != nil:
		x.conn, err = x.g.launch(x)
	case x.fresh:
		x.conn, err = d.Open(x.req)
	case idempotent(x.try.method):
		x.conn, err = d.Get(x.req)
	default:
		x.conn, err = d.GetOnce(x.req)
	}
	return err
}

// send sends the request. An error of the connection is not the last word: the backend may have
// answered before it closed.
func (x *passage) send() (trouble, error) {
	if !x.held && x.length > 0 && x.length <= x.g.pool.group.Retry.kept() {
		if err := x.hold(); err != nil { // the client's, which has waited for 100 (Continue)
			return broken, err
		}
	}
	x.body = x.content
	if err := x.compose(); err != nil {
		return broken, err
	}
	x.sent = time.Now()
	if len(x.out)+len(x.body) > fits {
		x.limitWriting()
	}
	x.try.sent = true
	var err error
	switch {
	case len(x.body) > 0:
		_, err = x.conn.Writev(x.out, x.body)
	case len(x.out) > 0:
		_, err = x.conn.Write(x.out)
	}
	x.pick.bytesOut.Add(int64(len(x.body)))
	if err == nil && x.length != 0 && !x.held {
		x.try.gone = true
		err = x.g.speaks.stream(x)
	}
	switch {
	case err == nil:
		return 0, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return slow, err
	case errors.Is(err, lwan.ErrAnswered), ofBackend(err):
		x.partly = true // whatever the answer says, the connection is over
		return 0, nil
	}
	return broken, err
}

// errContentGone is a content of which somebody has read a part before.
var errContentGone = errors.New("gateway: a part of the content has been read before")

// streamed books n bytes of the content that were sent as they came. That there were less than was
// announced is nothing that the backend could know: it would wait for the rest.
func (x *passage) streamed(n int64, err error) error {
	x.pick.bytesOut.Add(n)
	if err == nil && x.length > 0 && n < x.length {
		err = errContentGone
	}
	return err
}

// fits is how much the system takes for a connection on which nothing is under way, without a wait.
const fits = 16 << 10

// compose makes the request. Nothing of it points into the request's buffer, which is not needed
// while the handler waits then.
func (x *passage) compose() (err error) {
	x.out = x.out[:0]
	x.req.Borrow(func() { err = x.g.speaks.compose(x) })
	return err
}

func (x *passage) limitWriting() {
	if d := x.g.Timeouts.Send; d > 0 {
		_ = x.conn.SetWriteDeadline(time.Now().Add(d))
	}
}

// maxInterim is how many informational responses a backend may send before its answer.
const maxInterim = 32

// head reads the answer's head, and passes on or drops what comes before it.
func (x *passage) head() (trouble, error) {
	x.reply.Reset() // what is left of another exchange is not this one's
	src, kind := x.g.speaks.answers(x)
	lim := x.g.limits
	if d := x.g.Timeouts.Head; d > 0 && x.g.records {
		_ = x.conn.SetReadDeadline(x.sent.Add(d))
	}
	lim.Time = max(x.g.Timeouts.Head, 0)
	for i := range maxInterim {
		if lim.Time > 0 && (i > 0 || x.length != 0) {
			lim.Time = max(x.g.Timeouts.Head-time.Since(x.sent), 1)
		}
		if err := x.reply.ReadHead(src, kind, x.try.method, lim); err != nil {
			return x.noHead(err), err
		}
		switch st := x.reply.Status; {
		case st == 103 && x.g.early:
			if err := x.interim(); err != nil {
				return broken, err
			}
		case st >= 200 || st == 101:
			x.pick.headAfter(time.Since(x.sent))
			return 0, nil
		}
	}
	return broken, fmt.Errorf("%w: no end of informational responses", lwan.ErrBadReply)
}

// noHead says what it means that no head has come.
func (x *passage) noHead(err error) trouble {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return slow
	case errors.Is(err, fcgi.ErrOverloaded):
		return overloaded
	case x.conn.Reused() && x.silent(err):
		return stale
	}
	return broken
}

// silent reports whether err is the end of a connection on which nothing has come.
func (x *passage) silent(err error) bool {
	if x.g.records {
		_, lost := errors.AsType[*net.OpError](err)
		return !x.output.Begun() && (lost || errors.Is(err, io.ErrUnexpectedEOF))
	}
	return errors.Is(err, lwan.ErrNoReply)
}

// next decides what follows trouble, and says whether there is another try.
func (x *passage) next(what trouble, err error) bool {
	switch {
	case !ofBackend(err): // the client's failure, or the request's time is up
		x.verdict = nothing
		return false
	case what == stale:
		x.pick.stale.Add(1)
		x.verdict = nothing
	default:
		x.blame(what)
	}
	x.try.since = time.Since(x.began)
	r := &x.g.pool.group.Retry
	switch r.after(what, &x.try) {
	case renewed:
		_ = x.conn.Close()
		x.conn, x.fresh, x.try.renewed = nil, true, true
		return true
	case nextOne:
	case nextPaid:
		if !x.g.pool.budget.retry(x.g.pool.now()) {
			return false
		}
	default:
		return false
	}
	x.moveOn()
	return true
}

// blame makes what happened a failure of the member.
func (x *passage) blame(what trouble) {
	x.verdict = badly
	x.pick.failed.Add(1)
	if what == slow {
		x.pick.timedOut.Add(1)
	}
}

// moveOn leaves the member for another one.
func (x *passage) moveOn() {
	x.pick.retried.Add(1)
	x.wish.been = append(x.wish.been, x.pick.member)
	x.drop()
}

// ofBackend reports whether err has happened between here and the backend. That this machine has
// no descriptor left is no backend's fault.
func ofBackend(err error) bool {
	if errors.Is(err, lwan.ErrBusy) {
		return false
	}
	_, isNet := errors.AsType[*net.OpError](err)
	if isNet || overByItself(err) {
		return isNet
	}
	return slices.ContainsFunc(backendErrors, func(e error) bool { return errors.Is(err, e) })
}

var backendErrors = []error{
	os.ErrDeadlineExceeded, lwan.ErrNoReply, lwan.ErrBadReply, io.ErrUnexpectedEOF,
	fcgi.ErrRecord, fcgi.ErrOverloaded, fcgi.ErrRefused,
}

// failure is what err of a member is answered with; nil: of the group.
func (p *pool) failure(m *member, err error) error {
	at := p.name
	if m != nil && m.address != at {
		at += ": " + m.address
	}
	st := lwan.Status(502)
	switch {
	case overByItself(err):
		return err
	case errors.Is(err, errNoneUp), errors.Is(err, fcgi.ErrOverloaded),
		errors.Is(err, lwan.ErrBusy):
		st = 503
	case errors.Is(err, os.ErrDeadlineExceeded):
		st = 504
	case m != nil && !ofBackend(err):
		return err
	}
	if _, known := errors.AsType[*lwan.Error](err); known {
		return err
	}
	return &lwan.Error{Status: st, Err: fmt.Errorf("gateway: %s: %w", at, err)}
}
