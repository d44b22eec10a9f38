// Command writes is the least that fan-out can cost: for each event one write call to each
// subscriber, on sockets that are non-blocking, with bytes that were made once. Everything else
// (accepting, subscribing, reading the request that publishes) is done by the standard library, and
// happens once for thousands of writes.
//
// A subscriber whose socket takes no more is dropped: keeping events for slow subscribers is a
// server's work, and this is none.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	t := newTopic()
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		text(w, contract.Greeting)
	})
	http.HandleFunc("GET /topic", func(w http.ResponseWriter, _ *http.Request) { subscribe(w, t) })
	http.HandleFunc("POST /publish", func(w http.ResponseWriter, _ *http.Request) {
		t.publish()
		text(w, contract.Published)
	})
	log.Fatal(http.ListenAndServe(*addr, nil))
}

// subscribe takes the connection from the server and gives it to the topic.
func subscribe(w http.ResponseWriter, t *topic) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, err = fmt.Fprintf(conn,
		"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n",
		contract.EventStream)
	if err == nil {
		err = t.add(conn.(*net.TCPConn))
	}
	if err != nil {
		conn.Close() // the error that counts is the one before
		log.Print(err)
	}
}

func text(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", contract.PlainText)
	if _, err := w.Write([]byte(body)); err != nil {
		log.Print(err)
	}
}
