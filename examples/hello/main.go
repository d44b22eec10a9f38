// Hello answers GET /hello?name=you, from as many event loops as there are CPUs.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"log"

	"github.com/golwan/golwan/lwan"
)

func hello(req *lwan.Request, resp *lwan.Response) lwan.Status {
	return resp.Text(200, "Hello, "+cmp.Or(req.Query("name"), "world")+"!")
}

func main() {
	addr := flag.String("addr", ":8080", "where to listen")
	loops := flag.Int("loops", 0, "event loops; 0: one per CPU")
	flag.Parse()

	srv := &lwan.Server{Addr: *addr, Loops: *loops}
	srv.Handle("GET /hello", hello)
	go func() {
		<-srv.Ready()
		a := srv.Addrs()[0]
		fmt.Printf("listening on %v; try: curl -i 'localhost%s/hello?name=you'\n", a, *addr)
	}()
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
