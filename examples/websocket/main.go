// Websocket is a chat over WebSockets: what one says, all in the room get.
//
//	go run ./examples/websocket -addr :8080
package main

import (
	_ "embed"
	"flag"
	"log"

	"github.com/golwan/golwan/lwan"
)

//go:embed page.html
var page []byte

// room is what is said.
type room struct{ lwan.Topic }

func (r *room) say(line string) { r.Publish(lwan.Event{Data: line}) }

// join lets somebody hear and be heard. Who is silent costs no goroutine.
func (r *room) join(req *lwan.Request, resp *lwan.Response) lwan.Status {
	name := req.Param("name")
	cfg := &lwan.WebSocketConfig{MaxMessage: 4 << 10, Compress: true}
	return resp.Converse(cfg, &lwan.Conversation{ // or answers 426, 403 or 400
		Open: func(s *lwan.Socket) {
			if err := r.Join(s, lwan.Subscription{}); err == nil { // else it has gone already
				r.say(name + " has come")
			}
		},
		Message: func(m *lwan.Message) error {
			r.say(name + ": " + m.Text())
			return nil
		},
		Closed: func(*lwan.Socket, error) { r.say(name + " has left") },
	})
}

func main() {
	r, srv := new(room), new(lwan.Server)
	flag.StringVar(&srv.Addr, "addr", ":8080", "where to listen")
	flag.IntVar(&srv.Loops, "loops", 0, "event loops; 0: one per CPU")
	flag.Parse()
	srv.Handle("GET /{$}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Data(200, "text/html; charset=utf-8", page)
	})
	srv.Handle("GET /room/{name}", r.join)
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
