// Chat has rooms: what one visitor of a room says, all see.
//
//	go run ./examples/chat -addr :8080
//
// The rooms are in package rooms beside it. On many machines they are those of all, by NATS: that
// is the program in folder nats, a module of its own, so that who runs this one does not have to
// fetch NATS.
package main

import (
	"flag"
	"log"

	"github.com/golwan/golwan/examples/chat/rooms"
	"github.com/golwan/golwan/lwan"
)

func main() {
	srv := new(lwan.Server)
	flag.StringVar(&srv.Addr, "addr", ":8080", "where to listen")
	flag.IntVar(&srv.Loops, "loops", 0, "event loops; 0: one per CPU")
	flag.Parse()
	rooms.Handle(srv, nil)
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
