// Hello greets: GET /hello?name=you.
//
//	go run ./examples/hello -addr :8080
package main

import (
	"cmp"
	"flag"
	"fmt"
	"log"
	"net"
	"strconv"

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
	go func() {
		<-srv.Ready()
		at := srv.Addrs()[0]
		fmt.Printf("listening on %v; try:\n%s\n", at, curl(at))
	}()
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// curl is the command that asks the server at a for a greeting.
func curl(a net.Addr) string {
	host, options := a.String(), ""
	switch a := a.(type) {
	case *net.UnixAddr:
		host, options = "localhost", "--unix-socket '"+a.Name+"' "
	case *net.TCPAddr:
		if a.IP.IsUnspecified() {
			host = net.JoinHostPort("localhost", strconv.Itoa(a.Port))
		}
	}
	return fmt.Sprintf("curl -i %s'http://%s/hello?name=you'", options, host)
}
