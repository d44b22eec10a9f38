// Websocket is a chat over WebSockets: what one says, all in the room get.
//
//	go run ./examples/websocket -addr :8080
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"log"
	"sync"

	"github.com/golwan/golwan/lwan"
)

//go:embed page.html
var page []byte

// room is who is there, each with what it has not been sent yet.
type room struct {
	mu   sync.Mutex
	here map[chan string]bool
}

// say never waits: what does not fit is lost for who is too slow.
func (r *room) say(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for member := range r.here {
		select {
		case member <- line:
		default:
		}
	}
}

// join receives on the handler's goroutine, and sends on another one.
func (r *room) join(req *lwan.Request, resp *lwan.Response) lwan.Status {
	ws, err := resp.WebSocket(&lwan.WebSocketConfig{MaxMessage: 4 << 10, Compress: true})
	if err != nil {
		return resp.Fail(err) // 426, 403 or 400
	}
	me, name := make(chan string, 64), req.Param("name")
	r.mu.Lock()
	r.here[me] = true
	r.mu.Unlock()
	go func() {
		for line := range me {
			_ = ws.SendText(line) // if it fails so does Receive
		}
	}()
	for r.say(name + " has come"); err == nil; {
		var line []byte
		if _, line, err = ws.Receive(); err == nil {
			r.say(name + ": " + string(line))
		}
	}
	r.mu.Lock()
	delete(r.here, me)
	close(me)
	r.mu.Unlock()
	r.say(name + " has left")
	return 200
}

func main() {
	r, srv := &room{here: map[chan string]bool{}}, new(lwan.Server)
	flag.StringVar(&srv.Addr, "addr", ":8080", "where to listen")
	flag.IntVar(&srv.Loops, "loops", 0, "event loops; 0: one per CPU")
	flag.Parse()
	srv.Handle("GET /{$}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Data(200, "text/html; charset=utf-8", page)
	})
	srv.Handle("GET /room/{name}", r.join, lwan.Blocking)
	go func() { <-srv.Ready(); fmt.Println("listening on", srv.Addrs()[0]) }()
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
