//go:build linux && !golwan_nethttp

package lwan

import (
	"io"
	"strconv"
	"sync"
	"testing"
)

// TestReplaysTakeTurns: each subscriber was written its whole replay before anybody else of the
// loop had a turn.
func TestReplaysTakeTurns(t *testing.T) {
	const kept, clients = 20_000, 30
	topic := &Topic{Replay: kept}
	for i := range kept {
		topic.Publish(Event{Data: strconv.Itoa(i) + " and so on, and so on, and so on"})
	}
	first := topic.kept.oldest.id
	size := topic.kept.bytes()
	watching, watched := make(chan bool), make(chan int64, 1)
	srv := &Server{Loops: 1}
	srv.Handle("GET /topic", func(req *Request, resp *Response) Status {
		return topic.Subscribe(resp, Subscription{})
	})
	srv.Handle("GET /watch", func(req *Request, resp *Response) Status {
		start := worker(req).Sent()
		before, most, sent := start, int64(0), int64(0)
		close(watching)
		// each time that the handler goes on is another turn of the loop
		for sent < clients*size*9/10 {
			if err := req.Sleep(0); err != nil {
				return resp.Fail(err)
			}
			now := worker(req).Sent()
			most, before, sent = max(most, now-before), now, now-start
		}
		watched <- most
		return StatusNoContent
	})
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("GET /watch HTTP/1.1\r\nHost: x\r\n\r\n")
	received(t, watching)
	var wg sync.WaitGroup
	defer wg.Wait()
	for range clients {
		c := dial(t, addr)
		c.send("GET /topic HTTP/1.1\r\nHost: x\r\nLast-Event-ID: " + first + "\r\n\r\n")
		wg.Go(func() { _, _ = io.CopyN(io.Discard, c.r, size) }) // the rest is of no interest
	}
	if most, bound := received(t, watched), int64(2*laggardsShare); most > bound {
		t.Errorf("%d bytes were written in one turn, want %d at most", most, bound)
	}
}
