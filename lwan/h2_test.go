//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// TestH2AndHTTP1OnOnePort: the first bytes decide, in whatever pieces they come.
func TestH2AndHTTP1OnOnePort(t *testing.T) {
	srv := &Server{}
	srv.Handle("/", func(req *Request, resp *Response) Status {
		body, err := req.BodyBytes()
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, req.Proto()+" "+string(body))
	})
	addr := serveH2(t, srv)
	for _, raw := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
		"PRI / HTTP/1.1\r\nHost: x\r\n\r\n", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
	} {
		_, body, _ := strings.Cut(raw, "\r\n\r\n")
		w := dial(t, addr)
		w.send(raw)
		w.want("GET", 200, "HTTP/1.1 "+body)
		w.send(raw) // and it stays so
		w.want("GET", 200, "HTTP/1.1 "+body)
		for cut := 1; cut < 12; cut += 3 {
			w := dial(t, addr)
			w.send(raw[:cut])
			time.Sleep(time.Millisecond) // so that it most likely comes in two pieces
			w.send(raw[cut:])
			w.want("GET", 200, "HTTP/1.1 "+body)
		}
	}
	w := dial(t, addr)
	w.send("PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n")
	if a := w.answer("GET"); a.status != 505 && a.status != 400 {
		t.Errorf("half a preface: %d", a.status)
	}
	// a request in one segment with the preface, and each of all its bytes by itself
	h := dialH2(t, addr)
	first := h.headers(1, false, "POST", "/")
	all := []byte(h2frame.Preface)
	all = append(append(append(all, h2frame.AppendSettings(nil)...), first...), h2data(1, true, "ab")...)
	for _, piece := range []int{len(all), 1, 5, 24, 33, 34} {
		h := dialH2Raw(t, addr)
		for at := 0; at < len(all); at += piece {
			h.send(all[at:min(at+piece, len(all))])
			if piece > 1 || at < 40 {
				time.Sleep(100 * time.Microsecond)
			}
		}
		h.want(1, "200", "HTTP/2.0 ab")
	}
}

// TestH2Split: frames are the same whatever is cut where.
func TestH2Split(t *testing.T) {
	srv := &Server{Loops: 1}
	srv.Handle("/", echo)
	addr := serveH2(t, srv)
	h := dialH2(t, addr)
	var all []byte
	var want []string
	for i := range 12 {
		id := uint32(2*i + 1)
		body := strings.Repeat("x", i*100)
		block := h.block("POST", "/", fmt.Sprintf("x-number: %d", i))
		all = append(all, h2bytes(h2frame.Headers, 0, id, block[:3])...)
		all = append(all, h2bytes(h2frame.Continuation, h2frame.EndHeaders, id, block[3:])...)
		all = append(all, h2frame.AppendPing(nil, 0, []byte("12345678"))...)
		all = append(append(all, h2data(id, false, body[:i])...), h2data(id, true, body[i:])...)
		want = append(want, body)
	}
	for at, step := 0, 1; at < len(all); step = step*7%61 + 1 {
		h.send(all[at:min(at+step, len(all))])
		at += step
	}
	for i, body := range want {
		h.want(uint32(2*i+1), "200", body)
	}
}

// TestH2Answers: each way to answer, by the client of net/http.
func TestH2Answers(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	content := strings.Repeat("0123456789", 30_000)
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mw := range [][]Middleware{nil, {Blocking}} {
		srv := &Server{Limits: Limits{Body: 1 << 20}}
		srv.Handle("/echo", echo, mw...)
		srv.Handle("GET /stream", func(req *Request, resp *Response) Status {
			resp.SetTrailer("X-Sum", "5")
			for i := range 100 {
				if _, err := resp.WriteString(fmt.Sprint(i, " ")); err != nil {
					return resp.Fail(err)
				}
				if i%10 == 0 {
					if err := resp.Flush(); err != nil {
						return resp.Fail(err)
					}
				}
			}
			return 200
		}, mw...)
		srv.Handle("GET /file", func(req *Request, resp *Response) Status {
			f, err := os.Open(name)
			if err != nil {
				return resp.Fail(err)
			}
			defer f.Close()
			if err := resp.SendFile(f, 10, int64(len(content)-10)); err != nil {
				return resp.Fail(err)
			}
			return 200
		}, mw...)
		srv.Handle("GET /await", func(req *Request, resp *Response) Status {
			err := req.Await(func(context.Context) error { time.Sleep(time.Millisecond); return nil })
			if err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, "awaited")
		}, mw...)
		srv.Handle("GET /none", func(*Request, *Response) Status { return 204 }, mw...)
		srv.Handle("GET /cut", func(req *Request, resp *Response) Status {
			if _, err := resp.WriteString("half"); err != nil {
				return resp.Fail(err)
			}
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			panic("on purpose")
		}, mw...)
		srv.Handle("GET /gone", func(*Request, *Response) Status {
			runtime.Goexit()
			return 0
		}, mw...)
		srv.Handle("GET /panic", func(*Request, *Response) Status { panic("on purpose") }, mw...)
		base := "http://" + serveH2(t, srv)
		c := h2Client(t)
		fetch := func(method, path, body string) (*http.Response, string, error) {
			r, err := http.NewRequest(method, base+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.Do(r)
			if err != nil {
				t.Fatal(method, path, err)
			}
			defer resp.Body.Close()
			all, err := io.ReadAll(resp.Body)
			return resp, string(all), err
		}
		for _, n := range []int{0, 1, 1000, 65_535, 65_536, 70_000, 500_000} {
			body := strings.Repeat("y", n)
			if resp, got, err := fetch("POST", "/echo", body); err != nil || got != body {
				t.Errorf("echo of %d: %d, %d bytes, %v", n, resp.StatusCode, len(got), err)
			}
		}
		resp, got, err := fetch("GET", "/stream", "")
		if err != nil || len(got) != 290 || resp.Trailer.Get("X-Sum") != "5" {
			t.Errorf("stream: %q, %v, %v", got, resp.Trailer, err)
		}
		if _, got, err = fetch("GET", "/file", ""); err != nil || got != content[10:] {
			t.Errorf("file: %d bytes, %v", len(got), err)
		}
		if _, got, err = fetch("GET", "/await", ""); err != nil || got != "awaited" {
			t.Errorf("await: %q, %v", got, err)
		}
		if resp, got, err = fetch("GET", "/none", ""); err != nil || resp.StatusCode != 204 {
			t.Errorf("none: %v, %q, %v", resp.StatusCode, got, err)
		}
		if resp, got, err = fetch("HEAD", "/file", ""); err != nil || got != "" {
			t.Errorf("HEAD: %v, %q, %v", resp.StatusCode, got, err)
		}
		if _, got, err = fetch("GET", "/cut", ""); err == nil || got != "half" {
			t.Errorf("cut: %q, %v", got, err)
		}
		for _, path := range []string{"/panic", "/gone"} {
			if resp, _, _ = fetch("GET", path, ""); resp.StatusCode != 500 {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
		if resp, _, _ = fetch("POST", "/echo", strings.Repeat("z", 1<<20+1)); resp.StatusCode != 413 {
			t.Errorf("too much: %d", resp.StatusCode)
		}
	}
}

// TestH2Many: many requests beside each other, of all kinds, on a few connections.
func TestH2Many(t *testing.T) {
	srv := &Server{}
	srv.Handle("POST /echo", echo)
	srv.Handle("POST /blocking", echo, Blocking)
	srv.Handle("POST /sleep", func(req *Request, resp *Response) Status {
		if err := req.Sleep(time.Millisecond); err != nil {
			return resp.Fail(err)
		}
		return echo(req, resp)
	})
	base := "http://" + serveH2(t, srv)
	c := h2Client(t)
	var all sync.WaitGroup
	for client := range 16 {
		all.Go(func() {
			for i := range 30 {
				path := []string{"/echo", "/blocking", "/sleep"}[(client+i)%3]
				body := strings.Repeat(fmt.Sprint(client, i, " "), i*i*20)
				resp, err := c.Post(base+path, "text/plain", strings.NewReader(body))
				if err != nil {
					t.Error(path, err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(got) != body {
					t.Errorf("%s: %d bytes of %d, %v", path, len(got), len(body), err)
				}
			}
		})
	}
	all.Wait()
}

// TestH2Interim: informational answers, and 100 (Continue) where it is waited for.
func TestH2Interim(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		if err := resp.EarlyHints("</style.css>; rel=preload"); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "body")
	})
	srv.Handle("POST /", echo)
	h := dialH2(t, serveH2(t, srv))
	h.get(1, "/")
	if a := h.want(1, "200", "body"); fmt.Sprint(a.interim) != "[103]" {
		t.Error(a.interim)
	}
	h.send(h.headers(3, false, "POST", "/", "expect: 100-continue"))
	for a := h.answers[3]; a == nil || len(a.interim) == 0; a = h.answers[3] {
		if _, more := h.next(); !more {
			t.Fatal("the connection has ended")
		}
	}
	h.send(h2data(3, true, "ab"))
	if a := h.want(3, "200", "ab"); fmt.Sprint(a.interim) != "[100]" {
		t.Error(a.interim)
	}
}

// TestH2EarlyAnswer: content that nobody reads is not waited for, and costs the others nothing.
func TestH2EarlyAnswer(t *testing.T) {
	srv := &Server{}
	srv.Handle("POST /refuse", text("no"))
	srv.Handle("POST /echo", echo)
	h := dialH2(t, serveH2(t, srv))
	for i := range 50 {
		id := uint32(4*i + 1)
		h.send(h.headers(id, false, "POST", "/refuse"), h2data(id, false, fill(10_000)))
		a := h.answers[id]
		for a == nil || !a.reset {
			if _, more := h.next(); !more {
				t.Fatal("the connection has ended")
			}
			a = h.answers[id]
		}
		if a.status != "200" || string(a.body) != "no" || a.code != h2frame.NoError {
			t.Fatalf("%s, %q, %v", a.status, a.body, a.code)
		}
		h.send(h2data(id, true, fill(10_000))) // was on its way
		h.send(h.headers(id+2, false, "POST", "/echo"), h2data(id+2, true, "ab"))
		h.want(id+2, "200", "ab")
	}
}

// TestH2Refused: what HTTP/1 would answer with an error is answered with the same one.
func TestH2Refused(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", text("here"))
	h := dialH2(t, serveH2(t, srv))
	id := uint32(1)
	for _, c := range []struct{ method, path, field, status string }{
		{"GET", "/", "", "200"}, {"GET", "/%zz", "", "400"}, {"GET", "/", "x: " + fill(33_000), "431"},
		{"GET", "/" + fill(9000), "", "414"}, {"GET", "/", "expect: more", "417"},
		{"POST", "/", "", "405"}, {"HEAD", "/", "", "200"}, {"GET", "/", "content-length: a", "400"},
		{"NONE", "/", "", "501"},
	} {
		var fields []string
		if c.field != "" {
			fields = append(fields, c.field)
		}
		block := h.block(c.method, c.path, fields...)
		first := min(len(block), h2frame.MaxFrame)
		h.send(h2bytes(h2frame.Headers, h2frame.EndStream, id, block[:first]))
		for block = block[first:]; len(block) > h2frame.MaxFrame; block = block[h2frame.MaxFrame:] {
			h.send(h2bytes(h2frame.Continuation, 0, id, block[:h2frame.MaxFrame]))
		}
		h.send(h2bytes(h2frame.Continuation, h2frame.EndHeaders, id, block))
		if a := h.answer(id); a.status != c.status {
			t.Errorf("%s %.20s %.20s: %s, want %s", c.method, c.path, c.field, a.status, c.status)
		}
		id += 2
	}
	// no request for a tunnel is granted
	h.send(h2bytes(h2frame.Headers, h2frame.EndHeaders, id,
		h.block("", "", ":method: CONNECT", ":authority: x:1")))
	if a := h.answer(id); a.status != "501" {
		t.Errorf("CONNECT: %s", a.status)
	}
}

// TestH2Trailers of requests.
func TestH2Trailers(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("POST /", func(req *Request, resp *Response) Status {
			body, err := req.BodyBytes()
			if err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, string(body)+req.Trailer("x-sum"))
		}, mw...)
		h := dialH2(t, serveH2(t, srv))
		h.send(h.headers(1, false, "POST", "/"), h2data(1, false, "body "))
		h.send(h2bytes(h2frame.Headers, h2frame.EndHeaders|h2frame.EndStream, 1,
			h.block("", "", "x-sum: 4", "content-length: 9")))
		h.want(1, "200", "body 4")
	})
}

// TestH2Windows: an answer is sent as the client's windows allow, also if they shrink below zero.
func TestH2Windows(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		content := fill(100_000)
		srv.Handle("GET /", text(content), mw...)
		h := dialH2(t, serveH2(t, srv), uint32(h2frame.InitialWindowSize), 1000)
		h.quiet = true
		h.get(1, "/")
		h.until(1, 1000)
		h.send(h2frame.AppendSettings(nil, uint32(h2frame.InitialWindowSize), 0)) // -1000 now
		h.send(h2frame.AppendWindowUpdate(nil, 1, 1000))
		h.ping()
		h.until(1, 1000)
		h.send(h2frame.AppendWindowUpdate(nil, 1, 1))
		h.until(1, 1001)
		h.send(h2frame.AppendSettings(nil, uint32(h2frame.InitialWindowSize), 200_000))
		h.until(1, h2frame.DefaultWindow) // that of the connection
		h.get(3, "/")
		h.ping()
		if a := h.answers[3]; a != nil && len(a.body) != 0 {
			t.Errorf("%d bytes beyond the window of the connection", len(a.body))
		}
		h.send(h2frame.AppendWindowUpdate(nil, 0, 1<<20))
		h.want(1, "200", content)
		h.want(3, "200", content)
	})
}

// until reads until so much content of a stream is there, and no more.
func (h *h2conn) until(id uint32, n int) {
	h.t.Helper()
	for h.answers[id] == nil || len(h.answers[id].body) < n {
		if _, more := h.next(); !more {
			h.t.Fatal("the connection has ended")
		}
	}
	if got := len(h.answers[id].body); got != n {
		h.t.Fatalf("%d bytes, want %d", got, n)
	}
}

// TestH2Upload: what a handler does not read is held back, and what it reads may be sent again.
func TestH2Upload(t *testing.T) {
	srv := &Server{Limits: Limits{Body: 1 << 20}}
	goOn := make(chan struct{})
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		err := req.Await(func(context.Context) error { <-goOn; return nil })
		if err != nil {
			return resp.Fail(err)
		}
		return echo(req, resp)
	})
	h := dialH2(t, serveH2(t, srv))
	h.send(h.headers(1, false, "POST", "/"))
	h.ping()
	piece := fill(16 << 10)
	for range 4 { // the window
		h.send(h2data(1, false, piece))
	}
	h.ping()
	if a := h.answers[1]; a != nil {
		t.Fatalf("an answer before its handler has gone on: %+v", a)
	}
	close(goOn)
	sent, open := 4, 0
	for sent < 40 {
		f, more := h.next()
		if !more {
			t.Fatal("the connection has ended")
		}
		if f.Type == h2frame.WindowUpdate && f.Stream == 1 {
			for open += int(f.Uint32()); open >= len(piece) && sent < 40; open -= len(piece) {
				sent++
				h.send(h2data(1, sent == 40, piece))
			}
		}
	}
	h.want(1, "200", strings.Repeat(piece, 40))
}

// TestH2UploadBeyondTheWindow ends its stream; content that is not as long as was said, too.
func TestH2UploadBeyondTheWindow(t *testing.T) {
	srv := &Server{}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		return resp.Fail(req.Sleep(time.Hour))
	})
	srv.Handle("POST /echo", echo)
	h := dialH2(t, serveH2(t, srv))
	h.send(h.headers(1, false, "POST", "/"))
	h.ping()
	for range 5 {
		h.send(h2data(1, false, fill(16<<10)))
	}
	if a := h.answer(1); a.code != h2frame.FlowControlError {
		t.Errorf("%v", a.code)
	}
	for i, c := range []struct{ length, sent int }{{5, 4}, {5, 6}, {0, 1}} {
		id := uint32(2*i + 3)
		h.send(h.headers(id, false, "POST", "/echo", fmt.Sprintf("content-length: %d", c.length)),
			h2data(id, true, fill(c.sent)))
		if a := h.answer(id); a.code != h2frame.ProtocolError {
			t.Errorf("%d bytes of %d: %s, %v", c.sent, c.length, a.status, a.code)
		}
	}
}

// TestH2ClientLeaves: a reset, and the end of the connection, end what a handler waits for.
func TestH2ClientLeaves(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		ends := make(chan string, 1)
		begun := make(chan bool, 1)
		srv.Handle("/sleep", func(req *Request, resp *Response) Status {
			begun <- true
			err := req.Sleep(time.Hour)
			ends <- fmt.Sprint(err == ErrGone)
			return resp.Fail(err)
		}, mw...)
		srv.Handle("/read", func(req *Request, resp *Response) Status {
			begun <- true
			_, err := req.BodyBytes()
			ends <- fmt.Sprint(err != nil)
			return resp.Fail(err)
		}, mw...)
		srv.Handle("/write", func(req *Request, resp *Response) Status {
			begun <- true
			for {
				if _, err := resp.WriteString(fill(10_000)); err != nil {
					ends <- "true"
					return resp.Fail(err)
				}
			}
		}, mw...)
		addr := serveH2(t, srv)
		for _, path := range []string{"/sleep", "/read", "/write"} {
			h := dialH2(t, addr)
			h.quiet = true
			h.send(h.headers(1, false, "POST", path))
			received(t, begun)
			h.send(h2frame.AppendRstStream(nil, 1, h2frame.Cancel))
			if got := received(t, ends); got != "true" {
				t.Errorf("%s, reset: %s", path, got)
			}
			h.send(h.headers(3, false, "POST", path))
			received(t, begun)
			h.Close()
			if got := received(t, ends); got != "true" {
				t.Errorf("%s, closed: %s", path, got)
			}
		}
	})
}

// TestH2Goodbye: a drain lets what is under way, or on its way, be answered.
func TestH2Goodbye(t *testing.T) {
	srv := &Server{}
	goOn, begun := make(chan struct{}), make(chan bool, 1)
	srv.Handle("GET /slow", func(req *Request, resp *Response) Status {
		begun <- true
		err := req.Await(func(context.Context) error { <-goOn; return nil })
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "slow")
	})
	srv.Handle("GET /", text("quick"))
	addr := serveH2(t, srv)
	idle, h := dialH2(t, addr), dialH2(t, addr)
	idle.ping()
	h.get(1, "/slow")
	received(t, begun)
	ended := make(chan error, 1)
	go func() { ended <- srv.Shutdown(context.Background()) }()
	if why := idle.goAway(); why != h2frame.MaxWindow {
		t.Errorf("last stream %d", why)
	}
	if why := h.goAway(); why != h2frame.MaxWindow {
		t.Errorf("last stream %d", why)
	}
	h.get(3, "/") // was on its way
	h.want(3, "200", "quick")
	h.send(h2frame.AppendPing(nil, h2frame.Ack, []byte("farewell")))
	if why := h.goAway(); why != 3 {
		t.Errorf("last stream %d", why)
	}
	h.get(5, "/") // is not answered, and may be asked elsewhere
	close(goOn)
	h.want(1, "200", "slow")
	if h.end(); h.answers[5] != nil {
		t.Error("a request behind the last one was answered")
	}
	h.Close()
	idle.end()
	idle.Close()
	if err := received(t, ended); err != nil {
		t.Error(err)
	}
}

// goAway reads until a GOAWAY, and returns its stream.
func (h *h2conn) goAway() uint32 {
	h.t.Helper()
	for {
		f, more := h.next()
		if !more {
			h.t.Fatal("the connection has ended")
		}
		if f.Type == h2frame.GoAway {
			return f.Uint32()
		}
	}
}

// TestH2Idle: a connection without a stream is told before it is closed; half a frame too.
func TestH2Idle(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it waits for seconds")
	}
	srv := &Server{IdleTimeout: time.Second, HeaderTimeout: time.Second}
	srv.Handle("GET /", text("here"))
	srv.Handle("GET /slow", func(req *Request, resp *Response) Status {
		if err := req.Sleep(4 * time.Second); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "slow")
	})
	addr := serveH2(t, srv)
	busy := dialH2(t, addr)
	busy.get(1, "/slow")
	for name, begin := range map[string]func(h *h2conn){
		"idle":       func(h *h2conn) { h.get(1, "/"); h.want(1, "200", "here") },
		"half":       func(h *h2conn) { h.send([]byte{0, 0, 8, 6, 0}) },
		"half block": func(h *h2conn) { h.send(h2bytes(h2frame.Headers, 0, 1, nil)) },
	} {
		h := dialH2(t, addr)
		h.ping() // the settings are settled
		begin(h)
		if why := h.end(); why != "NO_ERROR: " {
			t.Errorf("%s: %q", name, why)
		}
	}
	busy.want(1, "200", "slow") // a stream keeps its connection
}

// TestH2Requests bounds those of one connection.
func TestH2Requests(t *testing.T) {
	srv := &Server{MaxRequests: 3}
	srv.Handle("GET /", text("here"))
	h := dialH2(t, serveH2(t, srv))
	for id := uint32(1); id < 7; id += 2 {
		h.get(id, "/")
		h.want(id, "200", "here")
	}
	h.send(h2frame.AppendPing(nil, h2frame.Ack, []byte("farewell")))
	if why := h.end(); why != "NO_ERROR: " {
		t.Errorf("%q", why)
	}
}
