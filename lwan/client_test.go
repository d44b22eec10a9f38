//go:build linux

package lwan

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for an event that has to come. It only decides how long a
// broken test takes.
const patience = 60 * time.Second

// client sends what a test tells it, byte by byte, and reads answers with the parser of net/http.
type client struct {
	t testing.TB
	c net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	c, err := dialServer("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return newClient(t, c)
}

func newClient(t testing.TB, c net.Conn) *client {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{t, c, bufio.NewReader(c)}
}

// send sends parts, and gives the server its time from now on.
func (w *client) send(parts ...string) {
	w.t.Helper()
	if err := w.c.SetDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	for _, p := range parts {
		if _, err := io.WriteString(w.c, p); err != nil {
			w.t.Fatal(err)
		}
	}
}

// reply is an answer as the client understood it.
type reply struct {
	status  int
	proto   string
	header  http.Header
	length  int64 // as declared; -1: chunked or until the end of the connection
	chunked bool
	close   bool
	body    string
	trailer http.Header
	err     error // of the body: io.ErrUnexpectedEOF or a reset when it was cut
}

func (a *reply) String() string {
	return fmt.Sprintf("%d %v %.80q %v", a.status, a.header, a.body, a.err)
}

// head reads an answer's head; the request had that method.
func (w *client) head(method string) (*reply, *http.Response) {
	w.t.Helper()
	resp, err := http.ReadResponse(w.r, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("answer to %s: %v", method, err)
	}
	return &reply{
		status: resp.StatusCode, proto: resp.Proto, header: resp.Header, length: resp.ContentLength,
		close: resp.Close, chunked: len(resp.TransferEncoding) > 0,
	}, resp
}

// answer reads one, with its body.
func (w *client) answer(method string) *reply {
	w.t.Helper()
	a, resp := w.head(method)
	body, err := io.ReadAll(resp.Body)
	a.body, a.err, a.trailer = string(body), err, resp.Trailer
	return a
}

// want reads an answer and compares status and body.
func (w *client) want(method string, status int, body string) *reply {
	w.t.Helper()
	a := w.answer(method)
	if a.status != status || a.body != body || a.err != nil {
		w.t.Fatalf("%s: %v, want %d %.80q", method, a, status, body)
	}
	return a
}

// ended fails unless the server has closed the connection and sent nothing more.
func (w *client) ended() {
	w.t.Helper()
	rest, err := io.ReadAll(w.r)
	if len(rest) > 0 || err != nil {
		w.t.Fatalf("at the end: %.200q, %v", rest, err)
	}
}

// leaves is ended, and the end of this side, too: else the server lingers.
func (w *client) leaves() {
	w.t.Helper()
	w.ended()
	if err := w.c.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// open fails unless the connection still answers.
func (w *client) open(path string) {
	w.t.Helper()
	w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
	if a := w.answer("GET"); a.status != 200 {
		w.t.Fatalf("after it: %v", a)
	}
}

func (w *client) closeWrite() {
	w.t.Helper()
	if err := w.c.(tcpConn).CloseWrite(); err != nil {
		w.t.Fatal(err)
	}
}

// reset ends the connection so that the server sees it at once, whatever is under way.
func (w *client) reset() {
	w.t.Helper()
	if err := errors.Join(w.c.(tcpConn).SetLinger(0), w.c.Close()); err != nil {
		w.t.Fatal(err)
	}
}

// once sends raw on a connection of its own and reads the answer.
func once(t testing.TB, addr, method, raw string) *reply {
	t.Helper()
	w := dial(t, addr)
	defer w.c.Close()
	w.send(raw)
	return w.answer(method)
}

// get asks for path on a connection of its own.
func get(t testing.TB, addr, path string, fields ...string) *reply {
	t.Helper()
	return once(t, addr, "GET", "GET "+path+" HTTP/1.1\r\nHost: x\r\n"+lines(fields)+"\r\n")
}

func lines(fields []string) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	return b.String()
}

// post is a request with a body of known length.
func post(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
		path, len(body), body)
}

// chunked is a request with a chunked body, a chunk for each of chunks, and a trailer section.
func chunked(path string, chunks []string, trailer string) string {
	var b strings.Builder
	b.WriteString("POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, c := range chunks {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(c), c)
	}
	b.WriteString("0\r\n" + trailer + "\r\n")
	return b.String()
}

// logBook keeps what was logged.
type logBook struct {
	srv  *Server
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is all that was logged until now: what is on its way is waited for.
func (b *logBook) String() string {
	if b.srv != nil && b.srv.life.core != nil {
		b.srv.life.core.flushLog()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// lines are those that hold all of the words. What the watchdog says of a machine that stands still
// is no line of a test's.
func (b *logBook) lines(words ...string) (n int) {
next:
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, "its event loop") {
			continue
		}
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue next
			}
		}
		n++
	}
	return n
}

// logged makes srv log into a book.
func logged(srv *Server) *logBook {
	b := &logBook{srv: srv}
	srv.Log = slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return b
}

// text answers that text.
func text(s string) Handler {
	return func(req *Request, resp *Response) Status { return resp.Text(200, s) }
}

// echo answers the body that came.
func echo(req *Request, resp *Response) Status {
	b, err := req.BodyBytes()
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Data(200, "text/plain", b)
}

// observed sends the outcome of each request to a channel.
type observed chan string

func (o observed) Done(req *Request, resp *Response, took time.Duration) {
	o <- fmt.Sprintf("%s %s %d %v", req.Method(), req.Pattern(), resp.Status(), resp.Err())
}

func (o observed) Close() error { return nil }

// next is the next outcome.
func (o observed) next(t testing.TB) string {
	t.Helper()
	return received(t, o)
}

// received waits for a value of ch.
func received[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// fill is n bytes that mean nothing.
func fill(n int) string { return strings.Repeat("x", n) }
