package lwan

import (
	"context"
	"errors"
	"github.com/golwan/golwan/lwan/internal/nethttp"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// request makes an http.Request of the request, as net/http's server would; one that came as such
// is passed on.
func (x *httpExchange) request() (r *http.Request, err error) {
	if v := x.req.via; v != nil {
		r = v.r.WithContext(x.context())
		if raw := nethttp.EncodedPath(r.URL); raw != r.URL.RawPath {
			u := *r.URL
			u.RawPath, r.URL = raw, &u
		}
		if x.req.edited != nil {
			r.Header = x.req.httpHeader()
		}
	} else if r, err = x.newRequest(); err != nil {
		return nil, err
	}
	r.Body = http.NoBody
	if x.body != nil {
		r.Body = x.body
	}
	x.req.showPattern(r)
	return r, x.req.showDetour(r)
}

func (x *httpExchange) newRequest() (*http.Request, error) {
	req := x.req
	target := string(req.head.Target.Of(req.buf)) // as it was sent: net/http encodes nothing
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, &Error{Status: StatusBadRequest, Message: "the target is malformed", Err: err}
	}
	u.RawPath = nethttp.EncodedPath(u)
	if u.Host != "" { // absolute-form: as net/http, which keeps it in Host only
		u.Scheme, u.Host, u.User = "", "", nil
	}
	r := &http.Request{
		Method: req.method, URL: u, RequestURI: target, Host: req.Host(), TLS: req.TLS(),
		Proto: req.Proto(), ProtoMajor: 1, ProtoMinor: int(req.head.Minor),
		Header: req.httpHeader(), ContentLength: req.body.length, Close: !req.head.KeepAlive,
	}
	if ap := req.address(); ap.IsValid() {
		r.RemoteAddr = ap.String()
	}
	if req.head.Major == 2 {
		r.ProtoMajor, r.ProtoMinor = 2, 0
	} else if req.head.Chunked && !req.body.full {
		r.TransferEncoding = []string{"chunked"}
	}
	r.Trailer = announcedTrailer(r.Header)
	if x.body != nil {
		x.body.trailer = r.Trailer
	}
	return r.WithContext(x.context()), nil
}

// httpHeader is the fields of the request.
func (r *Request) httpHeader() http.Header {
	h := make(http.Header, len(r.head.Fields))
	for name, value := range r.Headers() {
		if name = textproto.CanonicalMIMEHeaderKey(name); name != "Host" {
			h[name] = append(h[name], value)
		}
	}
	delete(h, "Transfer-Encoding")
	return h
}

// announcedTrailer is the map that will be filled once the body has been read.
func announcedTrailer(h http.Header) http.Header {
	names := h["Trailer"]
	delete(h, "Trailer")
	if len(names) == 0 {
		return nil
	}
	t := http.Header{}
	for _, name := range strings.Split(strings.Join(names, ","), ",") {
		if name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)); name != "" {
			t[name] = nil
		}
	}
	return t
}

// showPattern sets Pattern and PathValue.
func (r *Request) showPattern(to *http.Request) {
	if r.route == nil {
		return
	}
	to.Pattern = r.route.pattern
	for i := range r.params.Len() {
		name, value := r.params.At(i)
		to.SetPathValue(name, strings.Clone(value))
	}
}

// httpContext is the request's context with what net/http's server puts into it.
type httpContext struct {
	context.Context
	server *http.Server
	local  net.Addr
	pass   *passage
}

// context is the request's. What net/http has put into it is not changed.
func (x *httpExchange) context() context.Context {
	c := &httpContext{Context: x.req.Context(), pass: x.pass}
	if x.req.head.Upgrade && !x.req.within() { // else whoever serves the request sees to it
		x.apart, c.Context = newApart(c.Context)
		x.w.taken = x.apart.take
	}
	if c.Context.Value(http.ServerContextKey) == nil {
		c.server = x.req.table.core.httpServer()
	}
	if c.Context.Value(http.LocalAddrContextKey) == nil {
		c.local = x.req.localAddr()
	}
	return c
}

// Value implements context.Context.
func (c *httpContext) Value(key any) any {
	switch {
	case key == http.ServerContextKey && c.server != nil:
		return c.server
	case key == http.LocalAddrContextKey && c.local != nil:
		return c.local
	case key == passKey && c.pass != nil:
		return c.pass
	}
	return c.Context.Value(key)
}

// newHTTPServer makes a server that serves nothing: other code asks it for its settings, and to be
// told of the shutdown.
func newHTTPServer(c *core) *http.Server {
	s := &http.Server{
		Addr:     c.srv.Addr,
		ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelWarn),
	}
	context.AfterFunc(c.stopping, func() {
		// It has no listener whose Close could fail, and no connection to wait for.
		_ = s.Shutdown(context.Background())
	})
	return s
}

// removeForm takes the files of a form that net/http code has parsed off the disk, as net/http's
// server does.
func removeForm(r *http.Request, log *slog.Logger) {
	if r.MultipartForm == nil {
		return
	}
	if err := r.MultipartForm.RemoveAll(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Error("a temporary file of a form stays behind", "err", err)
	}
}
