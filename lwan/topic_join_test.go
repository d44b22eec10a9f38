//go:build linux

package lwan

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// joiner serves sockets that join what the test wants.
type joiner struct {
	addr    string
	sockets chan *Socket
	ended   <-chan error
}

func newJoiner(t *testing.T, cfg *WebSocketConfig, mw ...Middleware) *joiner {
	j := &joiner{sockets: make(chan *Socket, 100)}
	j.addr, j.ended = conversed(t, &Server{}, cfg, &Conversation{
		Open:    func(s *Socket) { j.sockets <- s },
		Message: func(m *Message) error { return m.Reply(m.Kind(), m.Bytes()) },
	}, mw...)
	return j
}

func (j *joiner) open(t *testing.T) (*wsClient, *Socket) {
	w := openWebSocket(t, j.addr, "/", "")
	return w, received(t, j.sockets)
}

// TestJoin: what is published comes as messages, from each topic in order, between those of others,
// until Leave, Drop or Close; the socket goes on.
func TestJoin(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		j := newJoiner(t, nil, mw...)
		for _, end := range []string{"leave", "drop", "close"} {
			w, s := j.open(t)
			news, talk := &Topic{}, &Topic{}
			ends := make(chan error, 3)
			sub := Subscription{
				First: []Event{{Data: "hello"}, {Retry: 1}, {Data: "two\nlines"}}, Key: "k",
				OnEnd: func(cause error) { ends <- cause },
			}
			if err := news.Join(s, sub); err != nil {
				t.Fatal(err)
			}
			w.want(textFrame, "hello")
			w.want(textFrame, "two\nlines")
			if err := talk.Join(s, Subscription{}); err != nil {
				t.Fatal(err)
			}
			news.Publish(Event{Name: "a", ID: "1", Data: "first"})
			w.want(textFrame, "first")
			news.Publish(Event{Retry: 1}) // fires nothing in a browser
			news.Publish(Event{Data: "bad \xff"})
			w.want(textFrame, "bad \uFFFD")
			talk.Publish(Event{Data: "other"})
			w.want(textFrame, "other")
			w.frame(textFrame, "mine")
			w.want(textFrame, "mine")
			if news.Len() != 1 || talk.Len() != 1 {
				t.Errorf("%d and %d subscribers", news.Len(), talk.Len())
			}
			switch end {
			case "leave":
				news.Leave(s)
			case "drop":
				news.Drop("k")
			case "close":
				news.Publish(Event{Data: "the last"})
				w.want(textFrame, "the last")
				news.Close()
				if err := news.Join(s, Subscription{}); err != ErrDropped {
					t.Errorf("joined a topic that was closed: %v", err)
				}
			}
			if cause := received(t, ends); cause != ErrDropped {
				t.Errorf("%s: %v", end, cause)
			}
			news.Publish(Event{Data: "not for us"})
			talk.Publish(Event{Data: "goes on"})
			w.want(textFrame, "goes on")
			w.closeNormally()
			received(t, j.ended)
			settled(t, "subscribers", 0, func() int64 { return int64(news.Len() + talk.Len()) })
			if err := talk.Join(s, Subscription{}); err != ErrGone {
				t.Errorf("a socket that has ended has joined: %v", err)
			}
			if talk.Len() != 0 {
				t.Error("and is counted")
			}
		}
	})
}

// TestJoinEnds: OnEnd is told why the socket has ended.
func TestJoinEnds(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		j := newJoiner(t, nil, mw...)
		w, s := j.open(t)
		topic, ends := &Topic{}, make(chan error, 1)
		if err := topic.Join(s, Subscription{OnEnd: func(err error) { ends <- err }}); err != nil {
			t.Fatal(err)
		}
		topic.Publish(Event{Data: "a"})
		w.want(textFrame, "a")
		w.reset()
		if err := received(t, ends); err != ErrGone {
			t.Error(err)
		}
		received(t, j.ended)
	})
}

// TestJoinReplay: After is followed from where it is kept, else Gap comes.
func TestJoinReplay(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		j := newJoiner(t, nil, mw...)
		topic := &Topic{Replay: 3}
		for i := range 6 {
			topic.Publish(Event{ID: fmt.Sprint(i), Data: fmt.Sprint("data ", i)})
		}
		gap := []Event{{Data: "gap"}}
		w, s := j.open(t)
		if err := topic.Join(s, Subscription{After: "3", Gap: gap}); err != nil {
			t.Fatal(err)
		}
		w.want(textFrame, "data 4")
		w.want(textFrame, "data 5")
		topic.Leave(s)
		settled(t, "subscribers", 0, func() int64 { return int64(topic.Len()) })
		if err := topic.Join(s, Subscription{After: "1", Gap: gap}); err != nil {
			t.Fatal(err)
		}
		w.want(textFrame, "gap")
		topic.Publish(Event{Data: "new"})
		w.want(textFrame, "new")
	})
}

// TestJoinSlow: a client that does not read owes no more than the topic's Backlog: it loses the
// oldest, or its connection.
func TestJoinSlow(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		j := newJoiner(t, nil, mw...)
		keeps := &Topic{Backlog: 64 << 10}
		cuts := &Topic{Backlog: 64 << 10, Slow: Disconnect}
		fast, fs := j.open(t)
		slow, ss := j.open(t)
		cut, cs := j.open(t)
		gap := Subscription{Gap: []Event{{Data: "gap"}}}
		for topic, sockets := range map[*Topic][]*Socket{keeps: {fs, ss}, cuts: {cs}} {
			for _, s := range sockets {
				if err := topic.Join(s, gap); err != nil {
					t.Fatal(err)
				}
			}
		}
		many := 0
		publish := func() {
			data := fmt.Sprintf("%6d%s", many, zerosOf(8<<10))
			keeps.Publish(Event{Data: data})
			cuts.Publish(Event{Data: data})
			many++
		}
		var all sync.WaitGroup
		all.Go(func() { // reads all
			for {
				if _, payload, err := fast.read(); err != nil || payload == "end" {
					return
				}
			}
		})
		for range 3000 {
			if publish(); many%64 == 0 {
				runtime.Gosched()
			}
		}
		if cause := received(t, j.ended).(*CloseError); cause.Code != 1013 {
			t.Errorf("the one that is cut: %v", cause)
		}
		settled(t, "slow ones that have lost something", 1, func() int64 {
			if lostHere(keeps, ss) {
				return 1
			}
			publish() // what it lost may have been made up for by the message about the gap
			return 0
		})
		keeps.Publish(Event{Data: "end"})
		last, gaps, got := -1, 0, 0
		for {
			first, payload, err := slow.read()
			if err != nil || first != textFrame {
				t.Fatalf("%x, %v", first, err)
			}
			if payload == "end" {
				break
			}
			if payload == "gap" {
				gaps++
				continue
			}
			var n int
			if _, err := fmt.Sscanf(payload, "%6d", &n); err != nil || n <= last ||
				len(payload) != 6+8<<10 {
				t.Fatalf("%d bytes of %q behind %d", len(payload), payload[:6], last)
			}
			got++
			last = n
		}
		if gaps == 0 || got == many {
			t.Errorf("%d of %d messages came, and %d gaps: the test is too easy", got, many, gaps)
		}
		all.Wait()
		cut.c.Close()
	})
}

// lostHere reports whether s, whose client does not read, has lost events of topic. A loop sees to
// that when it is told of them; without loops it takes a moment.
func lostHere(topic *Topic, s *Socket) bool {
	topic.mu.Lock()
	defer topic.mu.Unlock()
	for _, a := range topic.audiences {
		if j, ok := a.(*hereJoin); ok && j.host == s.host {
			j.mu.Lock()
			defer j.mu.Unlock()
			return j.sub.lost
		}
	}
	return true
}

// TestLeaveSlow: who leaves a topic, or is dropped, stays a socket, also while its client is slow
// and while what comes first is not sent yet.
func TestLeaveSlow(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		j := newJoiner(t, nil, mw...)
		for _, end := range []string{"leave", "drop"} {
			w, s := j.open(t)
			big, pushed := []byte(zerosOf(32<<10)), 0
			for s.Push(TextMessage, big) == nil || pushed < 300 { // until it owes too much
				pushed++
			}
			topic, ends := &Topic{}, make(chan error, 1)
			if err := topic.Join(s, Subscription{
				Key: "k", First: []Event{{Data: "first"}},
				OnEnd: func(cause error) { ends <- cause },
			}); err != nil {
				t.Fatal(err)
			}
			topic.Publish(Event{Data: "news"})
			if end == "leave" {
				topic.Leave(s)
			} else {
				topic.Drop("k")
			}
			if onLoops && len(mw) == 0 { // else the one who sends sees to it
				if cause := received(t, ends); cause != ErrDropped {
					t.Errorf("%s: %v", end, cause)
				}
			}
			w.frame(textFrame, "still there?")
			for got := ""; got != "still there?"; {
				var first byte
				var err error
				if first, got, err = w.read(); err != nil || first != textFrame {
					t.Fatalf("%s: %x, %v", end, first, err)
				}
			}
			w.closeNormally()
			received(t, j.ended)
			settled(t, "subscribers", 0, func() int64 { return int64(topic.Len()) })
		}
	})
}

// TestJoinAtTheEnd: whoever has joined is told of the end, once, however close they are.
func TestJoinAtTheEnd(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		j := newJoiner(t, nil, mw...)
		topic := &Topic{}
		var joined, ended atomic.Int64
		for i := range 100 {
			w, s := j.open(t)
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for range 50 {
						err := topic.Join(s, Subscription{
							Key: "k", OnEnd: func(error) { ended.Add(1) },
						})
						if err == nil {
							joined.Add(1)
						}
						topic.Publish(Event{Data: "x"})
						_ = s.Push(TextMessage, []byte("y")) // it may be over, or slow
					}
				})
			}
			all.Go(func() { topic.Leave(s); topic.Drop("k") })
			switch i % 3 {
			case 0:
				w.reset()
			case 1:
				all.Go(func() { _ = s.Close(1000, "") })
				all.Go(func() {
					for closed := false; ; {
						first, _, err := w.read()
						switch {
						case err != nil:
							return
						case closed:
							t.Error("something behind a close frame")
						case first == closeFrame:
							closed = true
							w.frame(closeFrame, codeOf(1000))
						}
					}
				})
			default:
				w.c.Close()
			}
			all.Wait()
			received(t, j.ended)
		}
		settled(t, "subscribers", 0, func() int64 { return int64(topic.Len()) })
		settled(t, "subscriptions that have ended", joined.Load(), ended.Load)
	})
}
