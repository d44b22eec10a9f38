package lwan

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Reply is what a backend answers. The zero value is ready to read one, and may be used again for
// the next, also of another connection. It belongs to whoever reads it; strings that it gives out
// may be kept.
type Reply struct {
	_ noCopy

	Status        Status
	Minor         int   // of HTTP/1
	ContentLength int64 // as it was said; -1: it was not
	Chunked       bool
	// Reusable says that the connection can go on behind the reply: it is kept open, and the end of
	// the body is certain. It is true from the head on; only once the body was read to its end can
	// the connection be kept.
	Reusable bool

	conn  *Conn // where it comes from; nil: from src
	src   io.Reader
	kind  ReplyKind
	pause time.Duration
	head  message.Head
	text  []byte // of the head, into which its spans point; while it is read, all that has come
	fixed string // text, once somebody has asked for a string
	done  http1.ReplyResume
	ahead surplus // of src, where that is no Conn

	body     replyFrame
	left     int64 // of a body with a length
	chunks   http1.Chunked
	partial  []byte // of a trailer section
	trailers []transport.Field
	err      error // how the body has ended
}

// ReplyKind is how a reply's head is written.
type ReplyKind uint8

const (
	ReplyHTTP ReplyKind = iota // a status line and fields
	// ReplyCGI is fields, among them Content-Type, Location or Status (RFC 3875 section 6). Beside
	// a Location without a Status it is 302, also if that is a path, which the RFC leaves to the
	// server.
	ReplyCGI
)

// ReplyLimits of one. Zero: the default.
type ReplyLimits struct {
	Bytes  int           // of the head: 64 KiB; then ErrBadReply
	Fields int           // of the head: 256; then ErrBadReply
	Time   time.Duration // until the head is there, of a Conn: none; then os.ErrDeadlineExceeded
	Pause  time.Duration // longest pause while the body comes, of a Conn: none; then the same
}

// Errors of a Reply. Fail answers them with 502.
var (
	// ErrNoReply is returned when the backend has closed before the first byte of a reply. On a
	// connection that was Reused, that may be the end of an idle connection.
	ErrNoReply = errors.New("lwan: the backend has closed without a reply")
	// ErrBadReply is returned when a reply is malformed, over the limits, or ends within its head.
	ErrBadReply = errors.New("lwan: the backend's reply is malformed or over the limits")
)

// replyFrame is how the end of a body shows.
type replyFrame uint8

const (
	frameNone    replyFrame = iota // there is none
	frameLength                    // by its length
	frameChunked                   // by the chunked coding
	frameClose                     // by the end of the connection
)

// replyPiece is the size of a buffer that is lent to who reads a reply.
const replyPiece = 32 << 10

// ReadHead reads a head from c, or from the content of a protocol's records. One with a status of
// 1xx is a head of its own: behind it, but for 101, another one follows. method is that of the
// request: a reply to HEAD has no body. It is held to RFC 9112 as requests are: two lengths, a
// length beside chunked, other codings, folded lines, NUL and a bare CR are ErrBadReply. Space
// before a colon is removed (section 5.1), and a line may end in LF alone. What was read of a *Conn
// behind the head is what is read of it next. Of another src it belongs to this reply: to its body,
// or, behind an informational head, to the head that follows.
func (a *Reply) ReadHead(src io.Reader, kind ReplyKind, method string, lim ReplyLimits) error {
	if src != a.src || !a.informs() {
		a.ahead.skip(len(a.ahead.b))
	}
	a.begin(src, kind, lim)
	var until time.Time
	if lim.Time > 0 {
		until = time.Now().Add(lim.Time)
	}
	if p := a.ahead.b; len(p) > 0 {
		rest, done, err := a.parse(p, lim)
		a.ahead.skip(len(p) - len(rest))
		if done || err != nil {
			return a.settle(method, err)
		}
	}
	for limit := lim.Time; ; limit = max(time.Until(until), 1) {
		if until.IsZero() {
			limit = 0
		}
		done, err := a.more(limit, lim)
		if done || err != nil {
			return a.settle(method, err)
		}
	}
}

// informs reports whether the head that was read is followed by another one of the same reply.
func (a *Reply) informs() bool {
	return a.Status >= 100 && a.Status < 200 && a.Status != switching
}

// Reset makes a one that has read nothing: whoever has not read a reply to its end, also one of
// which only informational heads have come, has to call it before the same src stands for another
// exchange.
func (a *Reply) Reset() {
	a.ahead.skip(len(a.ahead.b))
	a.begin(nil, ReplyHTTP, ReplyLimits{})
}

// begin forgets the reply before.
func (a *Reply) begin(src io.Reader, kind ReplyKind, lim ReplyLimits) {
	if a.conn, _ = src.(*Conn); a.conn != nil {
		a.conn.within = true
	}
	a.src, a.kind, a.pause = src, kind, lim.Pause
	a.Status, a.Minor, a.ContentLength, a.Chunked, a.Reusable = 0, 0, -1, false, false
	a.head.Drop()
	a.text, a.fixed, a.done = a.text[:0], "", http1.ReplyResume{}
	a.body, a.left, a.err = frameNone, 0, nil
	a.partial, a.trailers = a.partial[:0], a.trailers[:0]
}

// more reads what has come. While nothing does, no buffer is held.
func (a *Reply) more(limit time.Duration, lim ReplyLimits) (bool, error) {
	if a.conn != nil {
		if err := a.conn.Wait(limit); err != nil {
			return false, a.early(err)
		}
	}
	buf := takePiece()
	taken := false
	defer func() {
		if !taken {
			givePiece(buf)
		}
	}()
	n, err := a.src.Read(buf[:])
	if n > 0 {
		rest, done, err := a.parse(buf[:n], lim)
		taken = a.behind().keep(rest, buf)
		return done, err
	}
	if err == nil {
		return false, nil
	}
	return false, a.early(err)
}

// early is what an error before the end of the head means.
func (a *Reply) early(err error) error {
	if a.conn != nil && len(a.text) == 0 && (err == io.EOF || isLost(err)) {
		a.conn.ended()
	}
	switch {
	case err == io.EOF && len(a.text) == 0:
		return ErrNoReply
	case err == io.EOF:
		return fmt.Errorf("%w: it ends within its head", ErrBadReply)
	case len(a.text) == 0 && isLost(err):
		return fmt.Errorf("%w: %w", ErrNoReply, err)
	}
	return err
}

// behind is where the bytes behind the head are kept.
func (a *Reply) behind() *surplus {
	if a.conn != nil {
		return &a.conn.rest
	}
	return &a.ahead
}

// parse looks at the bytes p behind those that have come. Once the head is done rest is those of p
// behind it.
func (a *Reply) parse(p []byte, lim ReplyLimits) (rest []byte, done bool, err error) {
	all := p
	if len(a.text) > 0 {
		a.text = append(a.text, p...)
		all = a.text
	}
	verdict, bad := http1.ParseReply(all, &a.head, http1.ReplyKind(a.kind),
		http1.ReplyLimits{Bytes: lim.Bytes, Count: lim.Fields}, &a.done)
	switch verdict {
	case http1.Bad:
		return nil, false, fmt.Errorf("%w: %s", ErrBadReply, bad.Reason)
	case http1.More:
		if len(a.text) == 0 {
			a.text = append(a.text, p...)
		}
		return nil, false, nil
	}
	rest = p[len(p)-(len(all)-a.head.Size):]
	if len(a.text) == 0 {
		a.text = append(a.text, p[:a.head.Size]...)
	}
	a.text = a.text[:a.head.Size]
	return rest, true, nil
}

// settle makes the fields of a head that was read (RFC 9112 section 6.3).
func (a *Reply) settle(method string, err error) error {
	if err != nil {
		a.head.Drop()
		a.err = err
		return err
	}
	h := &a.head
	a.Status, a.Minor = Status(h.Status), int(h.Minor)
	a.ContentLength, a.Chunked = h.ContentLength, h.Chunked
	a.Reusable = h.KeepAlive
	switch {
	case method == "HEAD", a.Status < 200, a.Status.bodyless():
		a.err = io.EOF
	case method == "CONNECT" && a.Status < 300:
		a.body, a.Reusable = frameClose, false
	case a.Chunked:
		a.body, a.chunks = frameChunked, http1.Chunked{}
	case a.ContentLength >= 0:
		if a.body, a.left = frameLength, a.ContentLength; a.left == 0 {
			a.err = io.EOF
		}
	default:
		a.body, a.Reusable = frameClose, false
	}
	if a.Status == switching {
		a.Reusable = false
	}
	if a.err == io.EOF && !a.informs() {
		a.whole()
	}
	return nil
}

// whole lets the connection be kept: the reply was read to its end.
func (a *Reply) whole() {
	if a.conn != nil && a.Reusable {
		a.conn.within = false
	}
}

// string is the text of the head, made once: names and values are parts of it.
func (a *Reply) string(s message.Span) string {
	if a.fixed == "" {
		a.fixed = string(a.text)
	}
	return a.fixed[s.Off:s.End]
}

// Header is the value of the first field of that name, in any case; "" if there is none.
func (a *Reply) Header(name string) string {
	v, _ := a.head.Find(a.text, name)
	return a.string(v)
}

// HeaderLines walks over all fields as they came.
func (a *Reply) HeaderLines() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for i := range a.head.Fields {
			f := &a.head.Fields[i]
			if !yield(a.string(f.Name), a.string(f.Value)) {
				return
			}
		}
	}
}

// Headers walks over the fields that are for the next hop too: not Connection and what it names,
// Keep-Alive, TE, Trailer, Transfer-Encoding, Upgrade, Proxy-Connection and Proxy-Authenticate (RFC
// 9110 section 7.6.1), nor Content-Length, nor a script's Status.
func (a *Reply) Headers() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		named := a.named()
		for i := range a.head.Fields {
			f := &a.head.Fields[i]
			if a.ends(f) || named != nil && message.HasToken(named, a.string(f.Name)) {
				continue
			}
			if !yield(a.string(f.Name), a.string(f.Value)) {
				return
			}
		}
	}
}

// named is the values of Connection.
func (a *Reply) named() (all []string) {
	for i := range a.head.Fields {
		if f := &a.head.Fields[i]; f.Known == message.Connection {
			all = append(all, a.string(f.Value))
		}
	}
	return all
}

// ends reports whether a field is for this hop only.
func (a *Reply) ends(f *message.Field) bool {
	switch f.Known {
	case message.Connection, message.KeepAlive, message.TE, message.Trailer, message.Upgrade,
		message.TransferEncoding, message.ProxyConnection, message.ContentLength:
		return true
	case 0:
		name := a.string(f.Name)
		return strings.EqualFold(name, "Proxy-Authenticate") ||
			a.kind == ReplyCGI && strings.EqualFold(name, "Status")
	}
	return false
}

// CopyTo copies them to resp, and the Content-Length.
func (a *Reply) CopyTo(resp *Response) {
	for name, value := range a.Headers() {
		resp.AddHeader(name, value)
	}
	if a.ContentLength >= 0 && !a.Chunked && a.Status != StatusNoContent {
		resp.length = a.ContentLength
	}
}

// Trailers walks over the trailer fields once the body was read to its end.
func (a *Reply) Trailers() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, f := range a.trailers {
			if !yield(f.Name, f.Value) {
				return
			}
		}
	}
}
