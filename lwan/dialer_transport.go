package lwan

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Transport makes the calls of an http.Client park: &http.Client{Transport: &lwan.Transport{}},
// with requests whose context is the handler's, or derives from it. It speaks HTTP/1.1, keeps idle
// connections in a Dialer for each host, and follows the contract of http.RoundTripper; it asks for
// no compression by itself. The connection is the handler's until the body of the response is read
// to its end, or closed, or the handler ends. http.Client.Timeout works, and costs a goroutine;
// Dialer.Timeout and Head do not.
//
// A request whose context is no handler's goes to a copy of http.DefaultTransport, made for the
// first one, that waits for Head, too; then it fails with net/http's error. Where that is not an
// *http.Transport, since the program has put another one in its place, it goes there as it is.
type Transport struct {
	// New makes the Dialer of a host, "tcp" and "host:port"; nil: one with the defaults. That for
	// https has TLS if it sets none.
	New  func(network, address string) *Dialer
	Head time.Duration // until a response's head: 60 s; negative: none; then os.ErrDeadlineExceeded

	mu    sync.Mutex
	hosts map[string]*Dialer

	outside atomic.Pointer[http.Transport] // for requests of nobody; nil: there was none
}

const defaultHeadTime = 60 * time.Second

var _ http.RoundTripper = (*Transport)(nil)

// errSwitched is a response that gives the connection to another protocol.
var errSwitched = errors.New("lwan: a Transport does not switch protocols")

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	req := requestOf(r.Context())
	if req == nil {
		return t.roundTripOutside(r)
	}
	d, err := t.dialer(r.URL)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	get := d.Get
	if !idempotent(r.Method) {
		get = d.GetOnce
	}
	c, err := get(req)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	resp, err := t.exchange(c, r)
	if err == nil || !c.Reused() || !errors.Is(err, ErrNoReply) && !isLost(err) {
		return resp, err
	}
	again, ok := repeatable(r)
	if !ok {
		return nil, err
	}
	// an idle connection whose end has met the request
	if c, err = d.Open(req); err != nil {
		closeBody(again)
		return nil, err
	}
	return t.exchange(c, again)
}

// roundTripOutside is RoundTrip for who is no handler. http.DefaultTransport waits for a head for
// ever.
func (t *Transport) roundTripOutside(r *http.Request) (*http.Response, error) {
	by := t.outside.Load()
	if by == nil {
		common, ok := http.DefaultTransport.(*http.Transport)
		if !ok {
			return http.DefaultTransport.RoundTrip(r)
		}
		by = common.Clone()
		by.ResponseHeaderTimeout = orPause(t.Head, defaultHeadTime)
		if !t.outside.CompareAndSwap(nil, by) { // somebody else was first
			by = t.outside.Load()
		}
	}
	return by.RoundTrip(r)
}

// dialer is that of a URL's host.
func (t *Transport) dialer(u *url.URL) (*Dialer, error) {
	port := u.Port()
	switch {
	case u.Hostname() == "":
		return nil, errors.New("lwan: a request without a host")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("lwan: a Transport does not speak " + u.Scheme)
	case port == "" && u.Scheme == "http":
		port = "80"
	case port == "":
		port = "443"
	}
	at := net.JoinHostPort(u.Hostname(), port)
	key := u.Scheme + "://" + at
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := t.hosts[key]; d != nil {
		return d, nil
	}
	d := &Dialer{}
	if t.New != nil {
		d = t.New("tcp", at)
	}
	if d.Address == "" {
		d.Network, d.Address = "tcp", at
	}
	if u.Scheme == "https" && d.TLS == nil {
		d.TLS = &tls.Config{}
	}
	if t.hosts == nil {
		t.hosts = map[string]*Dialer{}
	}
	t.hosts[key] = d
	return d, nil
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (t *Transport) CloseIdleConnections() {
	if by := t.outside.Load(); by != nil {
		by.CloseIdleConnections()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.hosts {
		d.dropIdle(nil)
	}
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close() // nobody has read it
	}
}

// idempotent reports whether requests with that method may be sent twice (RFC 9110 section 9.2.2).
func idempotent(method string) bool {
	switch method {
	case "", "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// repeatable is r once more, if it may be sent twice, and can.
func repeatable(r *http.Request) (*http.Request, bool) {
	if !idempotent(r.Method) {
		return nil, false
	}
	if r.Body == nil || r.Body == http.NoBody {
		return r, true
	}
	if r.GetBody == nil {
		return nil, false
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, false
	}
	again := *r
	again.Body = body
	return &again, true
}

// exchange sends r over c, and reads the head of its response. On failure c is closed.
func (t *Transport) exchange(c *Conn, r *http.Request) (resp *http.Response, err error) {
	done := false
	defer func() {
		if !done {
			_ = c.Close() // only that it is closed already
		}
	}()
	if by, ok := r.Context().Deadline(); ok {
		if err := c.SetDeadline(by); err != nil {
			return nil, err
		}
	}
	w := bufio.NewWriterSize(c, 4<<10)
	sent := r.Write(w)
	if sent == nil {
		sent = w.Flush()
	}
	if sent != nil && !isLost(sent) { // else it may have been answered early
		return nil, sent
	}
	a := new(Reply)
	for a.Status < 200 {
		lim := ReplyLimits{Time: orPause(t.Head, defaultHeadTime)}
		if err := a.ReadHead(c, ReplyHTTP, method(r), lim); err != nil {
			return nil, err
		}
		if a.Status == switching {
			return nil, errSwitched
		}
	}
	done = true
	return responseOf(r, c, a, sent == nil), nil
}

func method(r *http.Request) string {
	if r.Method == "" {
		return "GET"
	}
	return r.Method
}

// responseOf makes a response of a reply. whole: the request was sent to its end.
func responseOf(r *http.Request, c *Conn, a *Reply, whole bool) *http.Response {
	resp := &http.Response{
		Status:     strconv.Itoa(int(a.Status)) + " " + a.Status.Text(),
		StatusCode: int(a.Status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: a.Minor,
		Header: http.Header{}, ContentLength: a.ContentLength, Request: r,
		Close: !a.Reusable,
	}
	if a.Minor == 0 {
		resp.Proto = "HTTP/1.0"
	}
	if a.Chunked {
		resp.TransferEncoding = []string{"chunked"}
	}
	for name, value := range a.HeaderLines() {
		if !strings.EqualFold(name, "Transfer-Encoding") {
			resp.Header.Add(name, value)
		}
	}
	body := &transportBody{c: c, a: a, resp: resp, whole: whole}
	resp.Body = body
	if a.err == io.EOF { // there is none
		if resp.Body = http.NoBody; a.ContentLength < 0 {
			resp.ContentLength = 0
		}
		body.finish()
	}
	return resp
}

// transportBody is the body of a response, which has the connection until its end.
type transportBody struct {
	c     *Conn
	a     *Reply
	resp  *http.Response
	whole bool
	over  bool
}

// Read implements io.Reader.
func (b *transportBody) Read(p []byte) (int, error) {
	if b.over {
		return 0, b.a.err
	}
	n, err := b.a.Body().Read(p)
	if b.a.err != nil {
		b.finish()
	}
	return n, err
}

// finish lets the connection go: back to the Dialer, if it can be used again.
func (b *transportBody) finish() {
	if b.over {
		return
	}
	b.over = true
	for name, value := range b.a.Trailers() {
		if b.resp.Trailer == nil {
			b.resp.Trailer = http.Header{}
		}
		b.resp.Trailer.Add(name, value)
	}
	if b.a.err == io.EOF && b.a.Reusable && b.whole {
		b.c.Keep()
		return
	}
	_ = b.c.Close() // only that it is closed already
}

// Close implements io.Closer.
func (b *transportBody) Close() error {
	if b.a.err == nil {
		b.a.err = http.ErrBodyReadAfterClose
	}
	b.finish()
	return nil
}
