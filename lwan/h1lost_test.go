//go:build linux && !golwan_nethttp

package lwan

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestNothingBehindALostWrite: an answer that could be written in part only, since its client has
// taken nothing for Limits.Write, is not completed by the bytes of the next one, though the client
// reads again.
func TestNothingBehindALostWrite(t *testing.T) {
	inTheClear(t, "the socket is filled with what is no record")
	t.Parallel()
	for name, end := range map[string]Handler{
		"whole": func(req *Request, resp *Response) Status {
			return resp.Text(503, "the next answer")
		},
		"stream": func(req *Request, resp *Response) Status {
			resp.WriteString("the next answer")
			if err := resp.Flush(); err == nil {
				return 200
			}
			return 503
		},
		"large": func(req *Request, resp *Response) Status {
			return resp.Text(503, strings.Repeat("the next answer", 10_000))
		},
		"file": func(req *Request, resp *Response) Status {
			f, err := os.Open("doc.go")
			if err != nil {
				return resp.Fail(err)
			}
			defer f.Close()
			if err := resp.SendFile(f, 0, 100); err == nil {
				return 200
			}
			return 503
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &Server{Limits: Limits{Write: 50 * time.Millisecond}, StallAfter: time.Minute}
			lost, drained := make(chan error, 1), make(chan struct{})
			srv.Handle("GET /first", text("first"))
			srv.Handle("GET /next", func(req *Request, resp *Response) Status {
				clog(worker(req).Fd())
				lost <- req.Sleep(time.Millisecond) // writes what is held back
				<-drained
				return end(req, resp)
			})
			w := dial(t, serveTest(t, srv))
			open := sync.OnceFunc(func() { close(drained) })
			defer open()
			if err := w.c.(tcpConn).SetReadBuffer(64 << 10); err != nil {
				t.Fatal(err)
			}
			w.send("GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n")
			if err := received(t, lost); !errors.Is(err, ErrTimeout) {
				t.Fatalf("%v: the client's buffers took everything", err)
			}
			all := drain(t, w.c)
			open()
			rest, err := io.ReadAll(w.c)
			all += string(rest)
			if strings.Contains(all, "next answer") || strings.Contains(all, "503") ||
				strings.Contains(all, "package lwan") {
				t.Errorf("behind %d bytes of answers: %.200q, %v", len(all)-len(rest), rest, err)
			}
		})
	}
}

// clog fills a socket until it takes no more, and the kernel does not find room for it a while
// later either, when it has moved what it can to the client's buffers.
func clog(fd int) {
	junk := make([]byte, 1<<10)
	for full := 0; full < 5; time.Sleep(10 * time.Millisecond) {
		full++
		for _, err := unix.Write(fd, junk); err == nil; _, err = unix.Write(fd, junk) {
			full = 0
		}
	}
}

// drain reads what there is.
func drain(t *testing.T, c net.Conn) string {
	t.Helper()
	var all strings.Builder
	if err := c.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(&all, c); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Log("drained: ", err) // who reads on finds it, too
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return all.String()
}
