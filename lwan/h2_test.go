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
