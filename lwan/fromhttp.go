package lwan

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"time"
)

// FromHTTP serves a net/http handler, on a goroutine as Blocking does. It sees the full path; use http.StripPrefix as
// always. Its ResponseWriter is a Flusher and a Hijacker, and http.ResponseController works on it: deadlines, full
// duplex. Informational responses, trailers and streaming bodies are as with net/http. The body is bounded by Limits.Body;
// what goes beyond is an *http.MaxBytesError.
func FromHTTP(h http.Handler) Handler {
	return Blocking(func(req *Request, resp *Response) Status { return serveFromHTTP(h, req, resp) })
}

// FromHTTPMiddleware adapts net/http middleware. What it wraps runs on a goroutine too. A request that the middleware
// passes on is the one that came in, with the context that the middleware gave it; a ResponseWriter that it puts in
// between is passed by.
func FromHTTPMiddleware(mw func(http.Handler) http.Handler) Middleware {
	return func(next Handler) Handler {
		inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			pass, ok := r.Context().Value(passKey).(*passage)
			if !ok {
				http.Error(w, "the middleware lost the request's context", http.StatusInternalServerError)
				return
			}
			pass.req.SetContext(r.Context())
			pass.status, pass.through = next(pass.req, pass.resp), true
		})
		outer := mw(inner)
		return Blocking(func(req *Request, resp *Response) Status {
			return serveMiddleware(outer, req, resp)
		})
	}
}

// passage leads a request through net/http middleware and back.
type passage struct {
	req     *Request
	resp    *Response
	status  Status
	through bool
}

type passKeyType struct{}

var passKey passKeyType

func serveMiddleware(outer http.Handler, req *Request, resp *Response) Status {
	pass := &passage{req: req, resp: resp}
	r, err := newHTTPRequest(req)
	if err != nil {
		return resp.Fail(err)
	}
	r = r.WithContext(context.WithValue(r.Context(), passKey, pass))
	w := newHTTPWriter(req, resp)
	outer.ServeHTTP(w, r)
	if pass.through && !w.wrote {
		for name, values := range w.header { // fields that the middleware has set
			for _, v := range values {
				resp.AddHeader(name, v)
			}
		}
		return pass.status
	}
	return w.finish()
}

func serveFromHTTP(h http.Handler, req *Request, resp *Response) Status {
	r, err := newHTTPRequest(req)
	if err != nil {
		return resp.Fail(err)
	}
	w := newHTTPWriter(req, resp)
	w.trailer = r.Trailer
	h.ServeHTTP(w, r)
	return w.finish()
}

// newHTTPRequest makes an http.Request of req, as net/http's server would.
func newHTTPRequest(req *Request) (*http.Request, error) {
	target := req.Target()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, &Error{Status: StatusBadRequest, Message: "the target is malformed", Err: err}
	}
	r := &http.Request{
		Method: req.method, URL: u, RequestURI: target, Host: req.Host(), TLS: req.tls,
		Proto: req.Proto(), ProtoMajor: 1, ProtoMinor: int(req.head.Minor),
		Header: make(http.Header, len(req.head.Fields)), ContentLength: req.body.length,
		Close: !req.head.KeepAlive,
	}
	if u.Host != "" { // absolute-form: as net/http, which keeps it in Host only
		u.Scheme, u.Host, u.User = "", "", nil
	}
	for name, value := range req.Headers() {
		name = textproto.CanonicalMIMEHeaderKey(name)
		if name != "Host" {
			r.Header[name] = append(r.Header[name], value)
		}
	}
	if ap := req.car.peer(); ap.IsValid() {
		r.RemoteAddr = ap.String()
	}
	if req.head.Chunked {
		r.TransferEncoding = []string{"chunked"}
	}
	delete(r.Header, "Transfer-Encoding")
	r.Trailer = announcedTrailer(r.Header)
	r.Body = http.NoBody
	if req.body.length != 0 {
		r.Body = &httpBody{req: req, trailer: r.Trailer}
	}
	return r.WithContext(req.Context()), nil
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

// httpBody is the request's body as an http.Handler sees it.
type httpBody struct {
	req     *Request
	trailer http.Header
	closed  bool
}

// Read reads the content; at its end the trailers are there.
func (b *httpBody) Read(p []byte) (int, error) {
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.req.Body().Read(p)
	switch {
	case err == io.EOF:
		for _, f := range b.req.trailers {
			if b.trailer != nil {
				b.trailer.Add(f.name, f.value)
			}
		}
	case err == errSlowBody && !b.req.readBy.IsZero():
		err = os.ErrDeadlineExceeded // it was the handler's own
	case errors.Is(err, ErrTooLarge):
		err = &http.MaxBytesError{Limit: b.req.limits.Body}
	}
	return n, err
}

// Close makes further reads fail; what is left is thrown away after the answer.
func (b *httpBody) Close() error {
	b.closed = true
	return nil
}

// httpWriter is the ResponseWriter of FromHTTP.
type httpWriter struct {
	req      *Request
	resp     *Response
	header   http.Header
	trailer  http.Header // of the request; not used for the answer
	declared []string    // names of the answer's trailers, from its Trailer field
	status   int
	wrote    bool // the head is fixed
	typed    bool // and has a content type, or must not have one
	hijacked bool
	written  int64
}

func newHTTPWriter(req *Request, resp *Response) *httpWriter {
	return &httpWriter{req: req, resp: resp, header: http.Header{}}
}

// Header is the map of fields; changes after WriteHeader count for trailers only.
func (w *httpWriter) Header() http.Header { return w.header }

// WriteHeader fixes the head, or sends an informational response.
func (w *httpWriter) WriteHeader(code int) {
	switch {
	case w.hijacked || w.wrote:
		w.req.Log().Warn("lwan: superfluous WriteHeader", "route", w.req.Pattern(), "status", code)
		return
	case code < 100 || code > 999:
		panic("lwan: invalid WriteHeader code") // as net/http does
	case code < 200 && code != http.StatusSwitchingProtocols:
		w.inform(code)
		return
	}
	w.wrote, w.status = true, code
	w.resp.intended = Status(code)
	_, w.typed = w.header["Content-Type"] // also a nil one
	w.typed = w.typed || w.header.Get("Content-Encoding") != "" || w.header.Get("Transfer-Encoding") != ""
	for name, values := range w.header {
		w.copyField(name, values)
	}
}

// copyField takes a field over into the response.
func (w *httpWriter) copyField(name string, values []string) {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Trailer":
		for _, list := range values {
			for _, n := range strings.Split(list, ",") {
				w.declared = append(w.declared, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(n)))
			}
		}
	case "Transfer-Encoding", "Keep-Alive":
	case "Connection":
		for _, v := range values {
			if strings.EqualFold(v, "close") {
				w.resp.hangup = true
			}
		}
	default:
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return
		}
		for _, v := range values {
			w.resp.AddHeader(name, strings.Map(printable, v))
		}
	}
}

// printable replaces what net/http replaces in a field's value.
func printable(r rune) rune {
	if r == '\r' || r == '\n' {
		return ' '
	}
	return r
}

func (w *httpWriter) inform(code int) {
	var fields []field
	for name, values := range w.header {
		for _, v := range values {
			fields = append(fields, field{name, strings.Map(printable, v)})
		}
	}
	_ = w.resp.wait(func() error { return w.req.car.interim(Status(code), fields) }) // WriteHeader has no way to tell
}

// Write adds to the body; the first call fixes the head.
func (w *httpWriter) Write(p []byte) (int, error) {
	if w.hijacked {
		return 0, http.ErrHijacked
	}
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if Status(w.status).bodyless() {
		return 0, http.ErrBodyNotAllowed
	}
	if w.written == 0 && !w.resp.state.headOut() {
		w.sniff(p)
	}
	w.written += int64(len(p))
	if w.resp.length >= 0 && w.written > w.resp.length {
		return 0, http.ErrContentLength
	}
	if w.req.method == "HEAD" {
		return len(p), nil
	}
	return w.resp.Write(p)
}

// WriteString is Write.
func (w *httpWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// sniff sets the content type that the first bytes suggest, as net/http does, unless the head had or forbade one.
func (w *httpWriter) sniff(p []byte) {
	if !w.typed && len(p) > 0 {
		w.typed = true
		w.resp.SetContentType(http.DetectContentType(p))
	}
}

// Flush sends what there is.
func (w *httpWriter) Flush() { _ = w.FlushError() }

// FlushError is what http.ResponseController uses.
func (w *httpWriter) FlushError() error {
	if w.hijacked {
		return http.ErrHijacked
	}
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return w.resp.Flush()
}

// SetReadDeadline is for http.ResponseController. Zero: none.
func (w *httpWriter) SetReadDeadline(t time.Time) error {
	w.req.readBy = t
	return nil
}

// SetWriteDeadline is for http.ResponseController. Zero: none.
func (w *httpWriter) SetWriteDeadline(t time.Time) error {
	w.req.writeBy = t
	return nil
}

// EnableFullDuplex does nothing on loops, where reading and writing never wait for each other.
func (w *httpWriter) EnableFullDuplex() error {
	w.req.body.duplex = true
	return nil
}

// finish ends the answer and returns its status.
func (w *httpWriter) finish() Status {
	if w.hijacked {
		return StatusOK
	}
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if w.req.method == "HEAD" && !w.resp.state.headOut() && w.resp.length < 0 && w.written > 0 {
		w.resp.length = w.written
	}
	w.sendTrailers()
	if w.status >= 400 && w.resp.bodyLen() == 0 && !w.resp.state.headOut() {
		w.resp.empty = true // no error page: the handler wanted it so
	}
	if w.resp.length >= 0 && w.req.method != "HEAD" && w.written < w.resp.length && !Status(w.status).bodyless() {
		w.short()
	}
	if w.resp.state.headOut() {
		return StatusOK // the status is out: this is only the outcome
	}
	return Status(w.status)
}

// short is an answer of fewer bytes than its Content-Length: it must not look complete.
func (w *httpWriter) short() {
	if !w.resp.state.headOut() {
		_ = w.resp.Flush() // what follows cuts it
	}
}

// sendTrailers takes trailers over, those declared before and those with http.TrailerPrefix.
func (w *httpWriter) sendTrailers() {
	late := map[string][]string{}
	for _, name := range w.declared {
		if v, ok := w.header[name]; ok {
			late[name] = v
		}
	}
	for name, values := range w.header {
		if n, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			late[n] = values
		}
	}
	if len(late) == 0 {
		return
	}
	if !w.resp.state.headOut() { // trailers need the chunked coding
		_ = w.resp.Flush()
	}
	for name := range maps.Keys(late) {
		for _, v := range late[name] {
			w.resp.SetTrailer(name, v)
		}
	}
}

// Hijack hands the connection over, as a net.Conn of package net: the loop knows nothing of it any more.
func (w *httpWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.hijacked {
		return nil, nil, http.ErrHijacked
	}
	conn, rest, err := w.resp.hijack()
	if err != nil {
		return nil, nil, err
	}
	w.hijacked = true
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(rest), conn), max(4096, len(rest)))
	if len(rest) > 0 {
		if _, err := r.Peek(len(rest)); err != nil {
			return nil, nil, err
		}
	}
	return conn, bufio.NewReadWriter(r, bufio.NewWriter(conn)), nil
}
