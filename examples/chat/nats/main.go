// Nats is the chat on many machines: who is in a room sees what is said there, whichever process he
// is connected to, and misses nothing when one of them ends.
//
//	nats-server -js &
//	go run . -addr :8080 -nats nats://localhost:4222 &
//	go run . -addr :8081 -nats nats://localhost:4222
package main

import (
	"context"
	"flag"
	"log"

	"github.com/golwan/golwan/examples/chat/rooms"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/natsbroker"
)

func main() {
	srv := new(lwan.Server)
	flag.StringVar(&srv.Addr, "addr", ":8080", "where to listen")
	flag.IntVar(&srv.Loops, "loops", 0, "event loops; 0: one per CPU")
	url := flag.String("nats", "nats://localhost:4222", "where NATS is, with JetStream")
	flag.Parse()

	conn, err := natsbroker.Connect(*url)
	if err != nil {
		log.Fatal(err)
	}
	broker, err := natsbroker.New(context.Background(), natsbroker.Config{
		Conn: conn, Stream: "chat",
	})
	if err != nil {
		log.Fatal(err)
	}
	srv.OnClose(func() error {
		defer conn.Close()
		return broker.Close()
	})
	rooms.Handle(srv, broker)
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
