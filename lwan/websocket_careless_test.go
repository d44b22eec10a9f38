//go:build linux

package lwan

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCarelessConversation: whatever the functions of a conversation do at their ends, everybody is
// told of it once, and others go on.
func TestCarelessConversation(t *testing.T) {
	t.Parallel()
	ends := map[string]func(){
		"panic": func() { panic("careless") }, "Goexit": runtime.Goexit,
	}
	both(t, func(t *testing.T, mw ...Middleware) {
		for how, end := range ends {
			for _, where := range []string{"Open", "Message", "Closed", "OnEnd"} {
				t.Run(how+" in "+where, func(t *testing.T) {
					srv := &Server{}
					topic := &Topic{}
					var seen doneCounter
					srv.Observe(&seen)
					var closed, left atomic.Int64
					at := func(here string) {
						if here == where {
							end()
						}
					}
					srv.Handle("GET /", func(req *Request, resp *Response) Status {
						return resp.Converse(nil, &Conversation{
							Open: func(s *Socket) {
								err := topic.Join(s, Subscription{OnEnd: func(error) {
									left.Add(1)
									at("OnEnd")
								}})
								if err != nil {
									t.Error(err)
								}
								at("Open")
							},
							Message: func(m *Message) error {
								at("Message")
								return m.Reply(m.Kind(), m.Bytes())
							},
							Closed: func(*Socket, error) {
								closed.Add(1)
								at("Closed")
							},
						})
					}, mw...)
					srv.Handle("GET /ok", text("ok"))
					addr := serveTest(t, srv)
					w := openWebSocket(t, addr, "/", "")
					w.frame(textFrame, "hello")
					for closing := false; !closing; {
						first, payload, err := w.read()
						switch {
						case err != nil:
							closing = true // cut, as its goroutine has ended
						case first == closeFrame:
							closing = true
							w.frame(closeFrame, payload)
						case payload == "hello":
							w.frame(closeFrame, codeOf(1000))
						}
					}
					settled(t, "ends of the subscription", 1, left.Load)
					settled(t, "calls of Closed", 1, closed.Load)
					settled(t, "subscribers", 0, func() int64 { return int64(topic.Len()) })
					settled(t, "requests that were observed", 1, seen.n.Load)
					w.reset()
					o := dial(t, addr)
					o.open("/ok")
				})
			}
		}
	})
}

// TestConversationInside: all that a socket and a topic can do may be called in each of the
// functions that they call.
func TestConversationInside(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		topic := &Topic{Replay: 4}
		srv := &Server{}
		var depth atomic.Int64
		var calls sync.Map
		ends := make(chan error, 1)
		var all func(where string, s *Socket)
		all = func(where string, s *Socket) {
			calls.Store(where, true)
			if where == "Message" { // also where the others have gone deep enough
				defer func() {
					_ = s.Close(1000, "")
					_ = s.Close(1000, "")
					_ = s.Push(TextMessage, []byte("late"))
				}()
			}
			if depth.Add(1) > 20 {
				return
			}
			_ = topic.Join(s, Subscription{
				Key: "k", First: []Event{{Data: where}}, OnEnd: func(error) { all("OnEnd", s) },
			})
			topic.Publish(Event{Data: where})
			_ = s.Push(TextMessage, []byte(where))
			topic.Leave(s)
			topic.Drop("k")
			_ = topic.Join(s, Subscription{Key: "j", OnEnd: func(error) { all("OnEnd", s) }})
			s.SetValue(where)
		}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			return resp.Converse(nil, &Conversation{
				Open:    func(s *Socket) { all("Open", s) },
				Message: func(m *Message) error { all("Message", m.Socket()); return nil },
				Closed:  func(s *Socket, cause error) { all("Closed", s); ends <- cause },
			})
		}, mw...)
		addr := serveTest(t, srv)
		w := openWebSocket(t, addr, "/", "")
		w.frame(textFrame, "go")
		for {
			first, payload, err := w.read()
			if err != nil || first == closeFrame {
				w.frame(closeFrame, payload)
				break
			}
		}
		received(t, ends)
		w.c.Close()
		settled(t, "subscribers", 0, func() int64 { return int64(topic.Len()) })
		for _, where := range []string{"Open", "Message", "Closed", "OnEnd"} {
			if _, ok := calls.Load(where); !ok {
				t.Errorf("%s was not called", where)
			}
		}
	})
}

// TestMessageElsewhere: a message that is used by another goroutine, or when its function has
// returned, says so and does nothing.
func TestMessageElsewhere(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		kept, goOn := make(chan *Message, 1), make(chan struct{})
		srv := &Server{TakeOverAfter: -1}
		addr, ended := conversed(t, srv, nil, &Conversation{Message: func(m *Message) error {
			if m.Text() == "first" {
				kept <- m
				return m.Await(func(context.Context) error { <-goOn; return nil })
			}
			return m.Reply(m.Kind(), m.Bytes())
		}}, mw...)
		w := openWebSocket(t, addr, "/", "")
		w.frame(textFrame, "first")
		m := received(t, kept)
		use := func(when string, want error) {
			for what, err := range map[string]error{
				"Sleep": m.Sleep(time.Hour),
				"Await": m.Await(func(context.Context) error { t.Error("it runs"); return nil }),
			} {
				if !errors.Is(err, want) {
					t.Errorf("%s, %s: %v, want %v", what, when, err, want)
				}
			}
		}
		if onLoops && len(mw) == 0 {
			use("beside the function", ErrForeign)
		}
		close(goOn)
		w.frame(textFrame, "second")
		w.want(textFrame, "second")
		use("afterwards", ErrOver)
		if err := m.Reply(TextMessage, []byte("stray")); err != ErrOver {
			t.Errorf("a stray has replied: %v", err)
		}
		if m.Context().Err() == nil || m.Text() != "first" {
			t.Errorf("%v, %q", m.Context().Err(), m.Text())
		}
		w.reset()
		received(t, ended)
	})
}

// TestCareslessReason: a reason that cannot be sent as it is ends the connection all the same, with
// its code.
func TestCarelessReason(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		for _, reason := range []string{strings.Repeat("é", 200), "bad \xff\xfe", "\x00"} {
			addr, ended := conversed(t, &Server{}, nil, &Conversation{
				Message: func(m *Message) error { return &CloseError{Code: 4001, Reason: reason} },
			}, mw...)
			w := openWebSocket(t, addr, "/", "")
			w.frame(textFrame, "x")
			first, payload, err := w.read()
			if err != nil || first != closeFrame || len(payload) > 125 ||
				!strings.HasPrefix(payload, codeOf(4001)) || strings.ToValidUTF8(payload[2:], "") !=
				payload[2:] {
				t.Errorf("%q: %x %q %v", reason, first, payload, err)
			}
			w.frame(closeFrame, codeOf(4001))
			if cause := received(t, ended); !strings.Contains(fmt.Sprint(cause), "4001") {
				t.Error(cause)
			}
			w.c.Close()
		}
	})
}
