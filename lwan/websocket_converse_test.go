//go:build linux

package lwan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// conversed serves a conversation at /, whose end is sent on the channel.
func conversed(t *testing.T, srv *Server, cfg *WebSocketConfig, c *Conversation, mw ...Middleware) (
	addr string, ended <-chan error,
) {
	t.Helper()
	ends := make(chan error, 1000)
	c.Closed = func(s *Socket, cause error) { ends <- cause }
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		return resp.Converse(cfg, c)
	}, mw...)
	return serveTest(t, srv), ends
}

// TestConverseEnds: each way in which a conversation ends, with what its client gets, and what
// Closed does.
func TestConverseEnds(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		var log talkLog
		srv := &Server{Log: slog.New(slog.NewTextHandler(&log, nil))}
		addr, ended := conversed(t, srv, nil, &Conversation{Message: func(m *Message) error {
			switch m.Text() {
			case "error":
				return errors.New("on purpose")
			case "code":
				return fmt.Errorf("wrapped: %w", &CloseError{Code: 4000, Reason: "so be it"})
			case "panic":
				panic("deliberate")
			case "close":
				if err := m.Socket().Push(TextMessage, []byte("before")); err != nil {
					return err
				}
				return m.Socket().Close(3000, "enough")
			}
			return m.Reply(m.Kind(), m.Bytes())
		}}, mw...)
		for _, tt := range []struct {
			name  string
			does  func(w *wsClient)
			code  int    // of the close frame that the client gets; 0: none
			cause string // of Closed
		}{
			{"client", func(w *wsClient) { w.frame(closeFrame, codeOf(1001)+"bye") }, 1001,
				"1001: bye"},
			{"no code", func(w *wsClient) { w.frame(closeFrame, "") }, 1005, "1005"},
			{"error", func(w *wsClient) { w.frame(textFrame, "error") }, 1011, "1011"},
			{"code", func(w *wsClient) { w.frame(textFrame, "code") }, 4000, "4000: so be it"},
			{"panic", func(w *wsClient) { w.frame(textFrame, "panic") }, 1011, "1011"},
			{"socket", func(w *wsClient) {
				w.frame(textFrame, "close")
				w.want(textFrame, "before")
			}, 3000, "3000: enough"},
			{"rule", func(w *wsClient) { w.frame(0x83, "") }, 1002, "1002: reserved opcode"},
			{"gone", func(w *wsClient) { w.reset() }, 0, "the client has left"},
		} {
			w := openWebSocket(t, addr, "/", "")
			w.frame(textFrame, "Hello")
			w.want(textFrame, "Hello")
			tt.does(w)
			if tt.code > 0 {
				if code := closeCode(w); code != tt.code {
					t.Errorf("%s: the client got %d, want %d", tt.name, code, tt.code)
				}
				if tt.name != "client" && tt.name != "no code" && tt.name != "rule" {
					w.frame(closeFrame, codeOf(tt.code))
				}
			}
			w.c.Close()
			if cause := received(t, ended); !strings.HasSuffix(cause.Error(), tt.cause) {
				t.Errorf("%s: closed with %v, want %s", tt.name, cause, tt.cause)
			}
		}
		settled(t, "failures in the log", 2, func() int64 {
			return int64(strings.Count(log.String(), "conversation has failed"))
		})
		for _, want := range []string{"on purpose", "deliberate"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("logged %q", log.String())
			}
		}
	})
}

// closeCode reads a close frame; 1005: it has no code.
func closeCode(w *wsClient) int {
	first, payload, err := w.read()
	switch {
	case err != nil || first != closeFrame:
		return 0
	case payload == "":
		return 1005
	}
	return int(payload[0])<<8 | int(payload[1])
}

// talkLog is a log that a test reads.
type talkLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *talkLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *talkLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestConverseOrder: Open comes first, though messages are there already, then messages in order,
// one after the other, and Closed once, at the end, although functions wait.
func TestConverseOrder(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		var mu sync.Mutex
		var calls []string
		inside := 0
		call := func(what string, wait func()) {
			mu.Lock()
			calls = append(calls, what)
			if inside++; inside > 1 {
				t.Errorf("%s inside of another call", what)
			}
			mu.Unlock()
			wait()
			mu.Lock()
			inside--
			mu.Unlock()
		}
		done := make(chan struct{})
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			return resp.Converse(&WebSocketConfig{Subprotocols: []string{"v1"}}, &Conversation{
				Open: func(s *Socket) {
					s.SetValue(fmt.Sprint(s.RemoteAddr().IsValid(), s.Subprotocol()))
					call("open", runtime.Gosched)
				},
				Message: func(m *Message) error {
					call(m.Text(), func() {
						if err := m.Sleep(time.Millisecond); err != nil {
							t.Error(err)
						}
					})
					return nil
				},
				Closed: func(s *Socket, _ error) {
					call("closed "+s.Value().(string), runtime.Gosched)
					if err := s.Push(TextMessage, nil); err != ErrGone {
						t.Errorf("Push after the end: %v", err)
					}
					close(done)
				},
			})
		}, mw...)
		w := &wsClient{client: dial(t, serveTest(t, srv))}
		early := handshakeOf("/", "Sec-WebSocket-Protocol: v1\r\n")
		want := []string{"open"}
		for i := range 50 {
			want = append(want, fmt.Sprint(i))
			early += frameOf(textFrame, fmt.Sprint(i))
		}
		w.send(early + frameOf(closeFrame, codeOf(1000)))
		if resp, err := http.ReadResponse(w.r, nil); err != nil || resp.StatusCode != 101 {
			t.Fatal(resp, err)
		}
		w.wantAnswer(1000)
		received(t, done)
		want = append(want, "closed truev1")
		if fmt.Sprint(calls) != fmt.Sprint(want) {
			t.Errorf("%q", calls)
		}
	})
}

// TestConverseWaits: what a Message may do, and that the end of everything ends its waits.
func TestConverseWaits(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		for _, how := range []string{"Sleep", "Await", "Context"} {
			for _, end := range []string{"client", "stop"} {
				if end == "client" && !onLoops {
					continue // who has taken a connection from net/http has to read to see its end
				}
				srv := &Server{}
				waiting, report := make(chan struct{}), make(chan string, 1)
				var kept *Message
				addr, ended := conversed(t, srv, nil, &Conversation{Message: func(m *Message) error {
					kept = m
					if err := m.Await(func(context.Context) error { return nil }); err != nil {
						t.Error(err)
					}
					ctx, err := m.Context(), error(nil)
					close(waiting)
					switch how {
					case "Sleep":
						err = m.Sleep(time.Hour)
					case "Await":
						err = m.Await(func(ctx context.Context) error {
							<-ctx.Done()
							return context.Cause(ctx)
						})
					case "Context":
						err = m.Await(func(context.Context) error {
							<-ctx.Done()
							return context.Cause(ctx)
						})
					}
					report <- fmt.Sprint(err == ErrGone, err == ErrStopping, ctx.Err() != nil)
					return err
				}}, mw...)
				w := openWebSocket(t, addr, "/", "")
				w.frame(textFrame, "Hello")
				received(t, waiting)
				stopped := make(chan error, 1)
				want := "true false true"
				if end == "client" {
					w.reset()
					stopped <- nil
				} else {
					want = "false true true"
					go func() {
						ctx, cancel := context.WithTimeout(context.Background(), patience)
						defer cancel()
						stopped <- srv.Shutdown(ctx)
					}()
				}
				if got := received(t, report); got != want {
					t.Errorf("%s, %s: %s", how, end, got)
				}
				if end == "stop" {
					w.wantClose(1001)
					w.frame(closeFrame, codeOf(1001))
				}
				cause := received(t, ended)
				if end == "client" && cause != ErrGone || end == "stop" && cause != ErrStopping {
					t.Errorf("%s, %s: closed with %v", how, end, cause)
				}
				w.c.Close()
				if err := received(t, stopped); err != nil {
					t.Error(err)
				}
				if err := kept.Sleep(time.Hour); err != ErrOver && err != ErrForeign {
					t.Errorf("Sleep after the end: %v", err)
				}
				if kept.Text() != "Hello" {
					t.Errorf("the message has become %q", kept.Text())
				}
			}
		}
	})
}

// TestConversePush: messages of many goroutines come whole, and each goroutine's in order; a client
// that does not read is told of, and gets what was taken.
func TestConversePush(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		sockets := make(chan *Socket, 1)
		addr, ended := conversed(t, srv, &WebSocketConfig{Backlog: 64 << 10}, &Conversation{
			Open:    func(s *Socket) { sockets <- s },
			Message: func(m *Message) error { return nil },
		}, mw...)
		w := openWebSocket(t, addr, "/", "")
		s := received(t, sockets)
		const pushers, each = 8, 400
		var all sync.WaitGroup
		taken := make([]int, pushers)
		for g := range pushers {
			all.Go(func() {
				for n := range each {
					err := s.Push(TextMessage, fmt.Appendf(nil, "%d %d %s", g, n, zerosOf(n*7)))
					switch err {
					case nil:
						taken[g]++
					case ErrSlow:
						runtime.Gosched()
					default:
						t.Errorf("Push: %v", err)
					}
				}
			})
		}
		got, last := make([]int, pushers), make([]int, pushers)
		read := make(chan struct{})
		go func() {
			defer close(read)
			for {
				first, payload, err := w.read()
				if err != nil || first != textFrame {
					return
				}
				var g, n int
				var rest string
				if k, err := fmt.Sscanf(payload, "%d %d %s", &g, &n, &rest); k < 2 {
					if payload == "end" {
						return
					}
					t.Errorf("%q: %v", payload, err)
					return
				}
				if len(rest) != n*7 || n < last[g] {
					t.Errorf("%d bytes of %d of %d, behind %d", len(rest), n, g, last[g])
				}
				got[g]++
				last[g] = n
			}
		}()
		all.Wait()
		for s.Push(TextMessage, []byte("end")) == ErrSlow {
			runtime.Gosched()
		}
		received(t, read)
		if fmt.Sprint(got) != fmt.Sprint(taken) {
			t.Errorf("%v came of %v", got, taken)
		}
		full := 0 // nobody reads
		for range 1000 {
			if s.Push(BinaryMessage, make([]byte, 32<<10)) == ErrSlow {
				full++
			}
		}
		if full < 500 {
			t.Errorf("%d of 1000 messages were refused", full)
		}
		w.reset()
		received(t, ended)
		if err := s.Push(TextMessage, nil); err != ErrGone {
			t.Errorf("after the end: %v", err)
		}
		if err := s.Close(1005, ""); err != errCloseCode {
			t.Errorf("Close with 1005: %v", err)
		}
		if err := s.Close(1000, ""); err != nil {
			t.Errorf("Close after the end: %v", err)
		}
	})
}

// TestConverseIdle: between two messages a conversation on a loop holds no worker, and no
// goroutine.
func TestConverseIdle(t *testing.T) {
	if !onLoops {
		t.Skip("there are no loops")
	}
	srv := &Server{}
	addr, _ := conversed(t, srv, nil, &Conversation{
		Message: func(m *Message) error { return m.Reply(m.Kind(), m.Bytes()) },
	})
	const many = 300
	clients := []*wsClient{openWebSocket(t, addr, "/", "")}
	settled(t, "parked", 0, func() int64 { return srv.Stats().Conns.Parked })
	before := runtime.NumGoroutine()
	for range many {
		clients = append(clients, openWebSocket(t, addr, "/", ""))
	}
	for _, w := range clients {
		w.frame(textFrame, "Hello")
		w.want(textFrame, "Hello")
	}
	settled(t, "parked", 0, func() int64 { return srv.Stats().Conns.Parked })
	fewerGoroutines(t, before+20)
}

// TestConverseChain: middleware sees 200 and observers 101, at the end; Defer runs; a chain that
// fails behind it ends the connection.
func TestConverseChain(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		seen := make(chan string, 10)
		srv.Observe(doneFunc(func(req *Request, resp *Response) {
			seen <- fmt.Sprint("observed ", req.Path(), " ", resp.Status())
		}))
		fails := func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				st := next(req, resp)
				seen <- fmt.Sprint("returned ", st)
				if req.Path() == "/fails" {
					return 500
				}
				return st
			}
		}
		ends := make(chan error, 2)
		talk := &Conversation{
			Message: func(m *Message) error { return m.Reply(m.Kind(), m.Bytes()) },
			Closed:  func(_ *Socket, cause error) { ends <- cause },
		}
		h := func(req *Request, resp *Response) Status {
			req.Defer(func() { seen <- "deferred" })
			return resp.Converse(nil, talk)
		}
		srv.Handle("GET /works", h, append(mw, fails)...)
		srv.Handle("GET /fails", h, append(mw, fails)...)
		srv.Handle("GET /none", func(req *Request, resp *Response) Status {
			return resp.Converse(nil, &Conversation{})
		}, mw...)
		addr := serveTest(t, srv)
		w := openWebSocket(t, addr, "/works", "")
		w.frame(textFrame, "Hello")
		w.want(textFrame, "Hello")
		w.closeNormally()
		received(t, ends)
		got := map[string]bool{}
		for range 3 {
			got[received(t, seen)] = true
		}
		for _, want := range []string{"returned 200", "deferred", "observed /works 101"} {
			if !got[want] {
				t.Errorf("%v, and not %q", got, want)
			}
		}
		if a := once(t, addr, "GET", handshakeOf("/none", "")); a.status != 500 {
			t.Errorf("without Message: %v", a)
		}
		received(t, seen)
		if len(mw) > 0 || !onLoops {
			return // there the conversation is over when the chain goes on
		}
		c := dial(t, addr)
		c.send(handshakeOf("/fails", ""))
		if b, err := c.r.ReadByte(); err == nil {
			t.Errorf("%q was sent behind a failure", b)
		}
	})
}

// TestConversePing: a silent client is asked, and given up.
func TestConversePing(t *testing.T) {
	srv := &Server{}
	clock := stopTime(srv)
	addr, ended := conversed(t, srv, &WebSocketConfig{Ping: time.Millisecond}, // is a second
		&Conversation{Message: func(m *Message) error { return m.Reply(m.Kind(), m.Bytes()) }})
	w := openWebSocket(t, addr, "/", "")
	clock.advance(2 * time.Second)
	w.want(pingFrame, "")
	w.frame(pongFrame, "")
	w.frame(textFrame, "behind it")
	w.want(textFrame, "behind it")
	clock.rush(t)
	w.want(pingFrame, "")
	if err := received(t, ended); err != ErrTimeout {
		t.Errorf("%v", err)
	}
}
