package lwantest

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/golwan/golwan/lwan"
)

// Result is a recorded answer.
type Result struct {
	// as the client would see it; 0 if nothing was sent, as to a client that has left
	Status  int
	Header  http.Header // never nil
	Trailer http.Header // fields behind the body of a stream (RFC 9110 section 6.5); never nil
	Body    string      // without transfer coding; of a stream that was cut, what came before
	// what Response.Fail was told, or a panic as a *lwan.PanicError: the client never sees it
	Err error
	// the answer was given up: a stream that ended with a failure, or a client that has left
	Cut bool
}

// Do runs h in memory and returns its answer: no sockets, no loop, so it works in a bubble of
// testing/synctest, where Sleep and Every use the bubble's clock. h is one handler, or a whole
// server's, which Build returns.
//
// The handler runs on a goroutine of its own. When r's context ends, the client leaves, which ends
// an endless stream. r may be one of httptest.NewRequest or of http.NewRequest.
//
// The test fails at once if the handler does not return: 10 s after the client has left, a minute
// after it was called, or 30 days of a bubble's time. And it fails at its end if goroutines that
// the handler has started still run; package database/sql's own do not count.
func Do(t testing.TB, h lwan.Handler, r *http.Request) *Result {
	t.Helper()
	if h == nil {
		t.Fatal("lwantest: the handler is nil")
	}
	c := &call{family: familyOf(t), rec: newRecorder(r.Method), ended: make(chan struct{})}
	r = r.WithContext(r.Context()) // a copy
	switch {
	case r.Body == nil:
		r.Body = http.NoBody
	case r.Body != http.NoBody && r.ContentLength == 0:
		r.ContentLength = -1 // what http.NewRequest means by it
	}
	go c.run(lwan.ToHTTP(h), r)
	c.wait(t, r.Context())
	return c.result()
}

// Get is Do for a GET of target, which may be any text that a client could send there, from
// 192.0.2.1, for the host example.com.
func Get(t testing.TB, h lwan.Handler, target string) *Result {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		u = &url.URL{Path: target}
	}
	return Do(t, h, &http.Request{
		Method: http.MethodGet, RequestURI: target, URL: u, Host: "example.com",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		RemoteAddr: "192.0.2.1:1234",
	})
}
