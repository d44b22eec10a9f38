package lwantest

import (
	"net/http"
	"strings"
)

// recorder is the http.ResponseWriter of a request in memory. It belongs to the handler's goroutine
// until that has ended.
type recorder struct {
	head bool // the request is a HEAD: its answer has no content, whatever is written

	fields  http.Header // what the handler's side works on
	status  int         // 0: no head was sent
	sent    http.Header // the fields as they were when the head was sent
	body    strings.Builder
	failure error
}

func newRecorder(method string) *recorder {
	return &recorder{head: method == http.MethodHead, fields: http.Header{}}
}

// Header implements http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.fields }

// WriteHeader implements http.ResponseWriter. Informational responses go before the answer and are
// no part of it (RFC 9110 section 15.2).
func (w *recorder) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return
	}
	w.status = status
	w.sent = http.Header{}
	for name, values := range w.fields {
		if len(values) > 0 { // net/http takes an empty list for "not this field"
			w.sent[name] = append([]string(nil), values...)
		}
	}
}

// Write implements http.ResponseWriter, and refuses content where a server of net/http does.
func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	switch {
	case w.status == http.StatusNoContent, w.status == http.StatusNotModified:
		// RFC 9110 section 6.4.1
		return 0, http.ErrBodyNotAllowed
	case w.head: // RFC 9110 section 9.3.2
		return len(p), nil
	}
	return w.body.Write(p)
}

// Flush implements http.Flusher. What is written is recorded already.
func (w *recorder) Flush() { w.WriteHeader(http.StatusOK) }

// Concluded is called by lwan.ToHTTP at the end of the request, with the cause that the client does
// not see.
func (w *recorder) Concluded(failure error) { w.failure = failure }

// trailer is what was set behind the body, under the prefix by which net/http knows it.
func (w *recorder) trailer() http.Header {
	t := http.Header{}
	for name, values := range w.fields {
		if name, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			t[http.CanonicalHeaderKey(name)] = values
		}
	}
	return t
}
