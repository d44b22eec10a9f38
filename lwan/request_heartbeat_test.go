//go:build linux

package lwan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// streamLine reads lines of an event stream until one has that beginning.
func streamLine(t *testing.T, body *bufio.Reader, beginning string) string {
	t.Helper()
	for {
		line, err := body.ReadString('\n')
		if err != nil {
			t.Fatalf("waiting for %q: %v", beginning, err)
		}
		if strings.HasPrefix(line, beginning) {
			return line
		}
	}
}

// TestHeartbeatsDuringAwait: a slow function does not make its event stream look dead. Its result,
// its panic and the client's leaving come through as always.
func TestHeartbeatsDuringAwait(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Heartbeat: 5 * time.Millisecond}
		release := make(chan string)
		ends := make(chan string, 1)
		srv.Handle("GET /{how}", func(req *Request, resp *Response) Status {
			events := resp.Events()
			s, err := Await(req, func(ctx context.Context) (string, error) {
				select {
				case s := <-release:
					if s == "panic" {
						panic(s)
					}
					// methods that do not wait may be used meanwhile
					return s + " " + req.Header("X-Long")[:4], nil
				case <-ctx.Done():
					return "", ctx.Err()
				}
			})
			if req.Param("how") == "leave" {
				ends <- fmt.Sprint(err)
				return resp.Fail(err)
			}
			if err := events.Send(Event{Data: fmt.Sprint(s, " ", err)}); err != nil {
				return resp.Fail(err)
			}
			return 200
		}, mw...)
		book := logged(srv)
		addr := serveTest(t, srv)
		begin := func(path string) (*client, *bufio.Reader) {
			w := dial(t, addr)
			w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\nX-Long: " +
				strings.Repeat("x", 20_000) + "\r\n\r\n")
			_, answer := w.head("GET")
			body := bufio.NewReader(answer.Body)
			for range 3 {
				streamLine(t, body, ":")
			}
			return w, body
		}
		_, body := begin("/good")
		release <- "done"
		if line := streamLine(t, body, "data"); line != "data: done xxxx <nil>\n" {
			t.Errorf("%q", line)
		}
		_, body = begin("/panic")
		release <- "panic"
		if _, err := body.ReadString(0); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v: the stream looks complete", err)
		}
		settled(t, "panics in the log", 1, func() int64 {
			return int64(book.lines("panic", "GET /{how}"))
		})
		w, _ := begin("/leave")
		w.reset()
		if got := received(t, ends); got != ErrGone.Error() {
			t.Error(got)
		}
	})
}
