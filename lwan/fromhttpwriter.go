package lwan

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/nethttp"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// errWriterOver is what a ResponseWriter says once its handler has returned.
var errWriterOver = fmt.Errorf("lwan: the handler has returned: %w", http.ErrHandlerTimeout)

// httpWriter is the ResponseWriter of FromHTTP. It may be used by any goroutine, one at a time, and
// is over when the handler has returned: a write that is under way then ends first, and none
// begins.
//
//	nothing ──WriteHeader, Write, Flush──▶ wrote ──end──▶ over
//	   └──Hijack──▶ hijacked ──end──▶ over
type httpWriter struct {
	// constant
	header http.Header // the handler's own
	log    *slog.Logger
	route  string
	body   *httpBody // nil: the request has none
	pass   *passage  // nil: not of FromHTTPMiddleware
	taken  func()    // called when the connection has been hijacked; nil: nobody wants to know

	over     atomic.Bool // nothing begins any more
	hijacked atomic.Bool

	mu       sync.Mutex // guards all below, and the Response
	req      *Request   // nil: the handler has returned
	resp     *Response
	declared []string // names of the answer's trailers, from its Trailer field
	status   int
	wrote    bool // the head is fixed
	typed    bool // and has a content type, or must not have one
	went100  bool // a response of status 100 was sent
	written  int64
}

// newHTTPWriter makes a writer that knows the fields which middleware has set.
func newHTTPWriter(req *Request, resp *Response) *httpWriter {
	w := &httpWriter{
		req: req, resp: resp, header: http.Header{}, log: req.ownLog(), route: req.Pattern(),
	}
	for _, f := range resp.fields {
		w.header.Add(f.Name, f.Value)
	}
	if resp.ctype != "" {
		w.header.Set("Content-Type", resp.ctype)
	}
	if resp.hangup {
		w.header.Set("Connection", "close")
	}
	return w
}

// enter begins a call. The caller ends it by unlocking mu if there is no error.
func (w *httpWriter) enter() error {
	err := w.begins()
	if err != nil {
		return err
	}
	w.mu.Lock()
	if err = w.begins(); err == nil && w.resp == nil {
		err = errWriterOver
	}
	if err != nil {
		w.mu.Unlock()
	}
	return err
}

// begins reports why nothing may begin.
func (w *httpWriter) begins() error {
	switch {
	case w.hijacked.Load():
		return http.ErrHijacked
	case w.over.Load():
		return errWriterOver
	}
	return nil
}

// end is the handler's. It waits for a write that is under way, for at most as long as the client
// may take nothing.
func (w *httpWriter) end() {
	w.over.Store(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.req, w.resp = nil, nil
}

// Header is the map of fields; changes after WriteHeader count for trailers only, those after the
// handler's end for nothing. A handler that has taken the connection keeps it: it may send an answer
// with these fields by hand, as httputil.ReverseProxy does, and nobody else reads them.
func (w *httpWriter) Header() http.Header {
	if w.over.Load() && !w.hijacked.Load() {
		return http.Header{} // the handler's own may be being read
	}
	return w.header
}

// WriteHeader fixes the head, or sends an informational response.
func (w *httpWriter) WriteHeader(code int) {
	if err := w.enter(); err != nil {
		w.log.Warn("lwan: WriteHeader was too late", "route", w.route, "status", code, "err", err)
		return
	}
	defer w.mu.Unlock()
	w.writeHeader(code)
}

func (w *httpWriter) writeHeader(code int) {
	switch {
	case w.wrote:
		w.log.Warn("lwan: superfluous WriteHeader", "route", w.route, "status", code)
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
	w.typed = w.typed || w.header.Get("Content-Encoding") != "" ||
		w.header.Get("Transfer-Encoding") != ""
	if w.resp.state.headOut() {
		return // it was sent before the handler was called
	}
	w.resp.fields, w.resp.ctype, w.resp.length, w.resp.hangup = w.resp.fields[:0], "", -1, false
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
				w.declared = append(w.declared,
					textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(n)))
			}
		}
	case "Transfer-Encoding", "Keep-Alive":
	case "Connection":
		w.resp.hangup = w.resp.hangup || message.HasToken(values, "close")
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

// inform sends an informational response, but no second one of status 100: reading the body sends
// one by itself. Framing is none of it, and what cannot be sent is left out, as WriteHeader has no
// way to tell.
func (w *httpWriter) inform(code int) {
	if code == http.StatusContinue {
		if w.went100 || w.req.head.Expect100 && w.body != nil && w.body.hasBegun() {
			return
		}
		w.went100 = true
	}
	var fields []transport.Field
	for name, values := range w.header {
		if !message.ValidName(name) || nethttp.Framing(name) {
			continue
		}
		for _, v := range values {
			if v = strings.Map(printable, v); message.ValidValue(v) {
				fields = append(fields, transport.Field{Name: name, Value: v})
			}
		}
	}
	if w.resp.sticky == nil && !w.resp.state.headOut() {
		w.resp.stick(w.resp.interim(Status(code), fields))
	}
}

// Write adds to the body; the first call fixes the head.
func (w *httpWriter) Write(p []byte) (int, error) {
	if err := w.enter(); err != nil {
		return 0, err
	}
	defer w.mu.Unlock()
	if !w.wrote {
		w.writeHeader(http.StatusOK)
	}
	if len(p) == 0 {
		return 0, nil
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
	if w.headOnly() {
		return len(p), nil
	}
	return w.resp.Write(p)
}

// headOnly reports whether nothing of the body is sent. Middleware gets it all the same, as with
// net/http.
func (w *httpWriter) headOnly() bool { return w.req.method == "HEAD" && !w.req.within() }

// WriteString is Write.
func (w *httpWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// ReadFrom writes what src has, to its end. Nobody waits for the writer while src is read.
func (w *httpWriter) ReadFrom(src io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{w}, src, make([]byte, 32<<10))
}

// sniff sets the content type that the first bytes suggest, as net/http does, unless the head had
// or forbade one.
func (w *httpWriter) sniff(p []byte) {
	if !w.typed {
		w.typed = true
		w.resp.SetContentType(http.DetectContentType(p))
	}
}

// Flush sends what there is.
func (w *httpWriter) Flush() { _ = w.FlushError() }

// FlushError is what http.ResponseController uses.
func (w *httpWriter) FlushError() error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.mu.Unlock()
	if !w.wrote {
		w.writeHeader(http.StatusOK)
	}
	return w.resp.Flush()
}

// SetReadDeadline is for http.ResponseController. Zero: none.
func (w *httpWriter) SetReadDeadline(t time.Time) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.mu.Unlock()
	w.req.readBy = t
	return nil
}

// SetWriteDeadline is for http.ResponseController. Zero: none.
func (w *httpWriter) SetWriteDeadline(t time.Time) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.mu.Unlock()
	w.req.writeBy = t
	return nil
}

// EnableFullDuplex does nothing on loops, where reading and writing never wait for each other.
func (w *httpWriter) EnableFullDuplex() error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.mu.Unlock()
	if via := w.req.via; via != nil {
		via.call.Duplex()
	}
	return nil
}

// finish ends the answer and returns its status.
func (w *httpWriter) finish() Status {
	w.over.Store(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hijacked.Load() {
		return StatusOK
	}
	if !w.wrote {
		w.writeHeader(http.StatusOK)
	}
	if w.headOnly() && !w.resp.state.headOut() && w.resp.length < 0 && w.written > 0 {
		w.resp.length = w.written
	}
	w.sendTrailers()
	if w.status >= 400 && w.resp.bodyLen() == 0 && !w.resp.state.headOut() {
		w.resp.empty = true // no error page: the handler wanted it so
	}
	if w.resp.length >= 0 && w.req.method != "HEAD" && w.written < w.resp.length &&
		!Status(w.status).bodyless() {
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
	if len(late) == 0 || w.resp.length >= 0 { // net/http sends none behind a declared length
		return
	}
	if !w.resp.state.headOut() { // trailers need the chunked coding
		_ = w.resp.Flush()
	}
	for name, values := range late {
		for _, v := range values {
			w.resp.SetTrailer(name, v)
		}
	}
}

// Hijack hands the connection over, as a net.Conn of package net: the loop knows nothing of it any
// more.
func (w *httpWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := w.enter(); err != nil {
		return nil, nil, err
	}
	defer w.mu.Unlock()
	conn, rest, err := w.resp.hijack()
	if err != nil {
		return nil, nil, err
	}
	w.hijacked.Store(true)
	if w.taken != nil {
		w.taken()
	}
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(rest), conn), max(4096, len(rest)))
	if len(rest) > 0 {
		if _, err := r.Peek(len(rest)); err != nil {
			return nil, nil, err
		}
	}
	return conn, bufio.NewReadWriter(r, bufio.NewWriter(conn)), nil
}
