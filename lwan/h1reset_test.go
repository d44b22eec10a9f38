//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestResetAnywhere resets connections, with SO_LINGER, in every state that they can be in. In
// each, the handler gets an error and ends, nothing is left, and no error of the server is logged.
func TestResetAnywhere(t *testing.T) {
	inTheClear(t, "it counts what has come, in bytes of HTTP/1")
	t.Parallel()
	for mode, mw := range map[string][]Middleware{"inline": nil, "blocking": {Blocking}} {
		site := &resetSite{begun: make(chan struct{}, 1), file: largeFile(t)}
		srv := &Server{Limits: Limits{Body: -1}}
		book := logged(srv)
		site.routes(srv, mw)
		addr := serveTest(t, srv)
		for name, send := range map[string]string{
			"before the first byte": "",
			"in the head":           "GET /sleep HTTP/1.1\r\nHo",
			"after a request":       get1("/ok"),
			"in the body": "POST /read HTTP/1.1\r\nHost: x\r\n" +
				"Content-Length: 100\r\n\r\nhalf",
			"in a chunk": "POST /read HTTP/1.1\r\nHost: x\r\n" +
				"Transfer-Encoding: chunked\r\n\r\n64\r\nhalf",
			"before a chunk": "POST /read HTTP/1.1\r\nHost: x\r\n" +
				"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
			"asleep":            get1("/sleep"),
			"ticking":           get1("/every"),
			"awaiting":          get1("/await"),
			"in a queue":        get1("/queue"),
			"in a pipeline":     get1("/ok") + get1("/sleep") + get1("/ok"),
			"in a large answer": get1("/large"),
			"in a file":         get1("/file"),
			"in a stream":       get1("/stream"),
			"in events":         get1("/events"),
			"subscribed":        get1("/topic"),
			"upgraded": "GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n" +
				"Upgrade: echo\r\n\r\n",
			"refused": "GET / HTTP/1.1\r\n\r\n",
		} {
			t.Run(mode+" "+name, func(t *testing.T) {
				w, before := dial(t, addr), srv.Stats().BytesIn
				w.send(send)
				settled(t, "bytes", int64(len(send)), func() int64 {
					return srv.Stats().BytesIn - before
				})
				handled := strings.Contains(send, "\r\n\r\n") && !strings.HasPrefix(send, "GET / ")
				if handled {
					received(t, site.begun)
				}
				w.reset()
				settled(t, "connections", 0, func() int64 {
					c := srv.Stats().Conns
					return c.Idle + c.Active + c.Parked + c.Subscribed
				})
				settled(t, "goroutines", 0, func() int64 { return srv.Stats().Awaiting })
				settled(t, "handlers", 0, site.running.Load)
				select {
				case <-site.begun: // of the second in a pipeline
				default:
				}
			})
		}
		if n := book.lines("level=ERROR"); n > 0 {
			t.Errorf("%s: %d errors:\n%s", mode, n, book)
		}
	}
}

// largeFile is more than two sockets hold.
func largeFile(t *testing.T) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(name, make([]byte, 16<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// resetSite has handlers that do not end before their client does.
type resetSite struct {
	begun   chan struct{} // the last request of a client's
	running atomic.Int64
	file    *os.File
	queue   Queue[string]
	topic   Topic
}

func (s *resetSite) routes(srv *Server, mw []Middleware) {
	handle := func(pattern string, do func(req *Request, resp *Response) error) {
		srv.Handle(pattern, func(req *Request, resp *Response) Status {
			s.running.Add(1)
			defer s.running.Add(-1)
			select {
			case s.begun <- struct{}{}:
			default: // of a pipeline
			}
			if err := do(req, resp); err != nil {
				return resp.Fail(err)
			}
			return 200
		}, mw...)
	}
	s.waits(handle)
	s.streams(handle)
	srv.Handle("GET /topic", func(req *Request, resp *Response) Status {
		s.begun <- struct{}{}
		return s.topic.Subscribe(resp, Subscription{})
	}, mw...)
}

func (s *resetSite) waits(handle func(string, func(*Request, *Response) error)) {
	handle("GET /ok", func(req *Request, resp *Response) error { return nil })
	handle("GET /sleep", func(req *Request, resp *Response) error { return req.Sleep(time.Hour) })
	handle("GET /every", func(req *Request, resp *Response) error {
		for range req.Every(time.Hour) {
		}
		return context.Cause(req.Context())
	})
	handle("GET /await", func(req *Request, resp *Response) error {
		return req.Await(func(ctx context.Context) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
	})
	handle("GET /queue", func(req *Request, resp *Response) error {
		_, err := s.queue.Pop(req)
		return err
	})
	handle("POST /read", func(req *Request, resp *Response) error {
		_, err := io.Copy(io.Discard, req.Body())
		return err
	})
}

func (s *resetSite) streams(handle func(string, func(*Request, *Response) error)) {
	large := strings.Repeat("x", 16<<20)
	handle("GET /large", func(req *Request, resp *Response) error {
		resp.SetBody(large)
		return nil
	})
	handle("GET /file", func(req *Request, resp *Response) error {
		return resp.SendFile(s.file, 0, 16<<20)
	})
	handle("GET /stream", func(req *Request, resp *Response) error {
		for {
			resp.WriteString(large[:10_000])
			if err := resp.Flush(); err != nil {
				return err
			}
		}
	})
	handle("GET /events", func(req *Request, resp *Response) error {
		for {
			if err := resp.Events().Send(Event{Data: large[:10_000]}); err != nil {
				return err
			}
		}
	})
	handle("GET /upgrade", func(req *Request, resp *Response) error {
		c, err := resp.Upgrade("echo")
		if err != nil {
			return err
		}
		_, err = io.Copy(c, c)
		return err
	})
}
