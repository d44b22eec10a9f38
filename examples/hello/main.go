// Hello greets: GET /hello?name=you.
//
//	go run ./examples/hello -addr :8080
//	curl -i 'http://localhost:8080/hello?name=you'
package main

import (
	"cmp"
	"flag"
	"log"

	"github.com/golwan/golwan/lwan"
)

func hello(req *lwan.Request, resp *lwan.Response) lwan.Status {
	return resp.Text(200, "Hello, "+cmp.Or(req.Query("name"), "world")+"!")
}

func main() {
	addr := flag.String("addr", ":8080", "where to listen: host:port or unix:/path")
	loops := flag.Int("loops", 0, "event loops; 0: one per CPU")
	flag.Parse()

	srv := &lwan.Server{Addr: *addr, Loops: *loops}
	srv.Handle("GET /hello", hello)
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
