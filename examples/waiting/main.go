// Waiting shows how a handler waits while its event loop goes on with other requests.
//
//	go run ./examples/waiting -addr :8080
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"time"

	"github.com/golwan/golwan/lwan"
)

// slow parks for a while: nothing but its stack waits.
func slow(req *lwan.Request, resp *lwan.Response) lwan.Status {
	if err := req.Sleep(time.Second); err != nil {
		return resp.Fail(err)
	}
	return resp.Text(200, "That took a second.\n")
}

// clock streams server-sent events until the client leaves or the server stops.
func clock(req *lwan.Request, resp *lwan.Response) lwan.Status {
	events := resp.Events()
	for now := range req.Every(time.Second) {
		if err := events.Send(lwan.Event{Data: now.Format(time.TimeOnly)}); err != nil {
			return resp.Fail(err)
		}
	}
	return 200
}

// hostname parks while a function that may block runs on a goroutine.
func hostname(req *lwan.Request, resp *lwan.Response) lwan.Status {
	name, err := lwan.Await(req, func(ctx context.Context) (string, error) { return os.Hostname() })
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Text(200, name+"\n")
}

// report is any blocking code; the route below runs it on a goroutine.
func report(req *lwan.Request, resp *lwan.Response) lwan.Status {
	time.Sleep(time.Second)
	return resp.Text(200, "That took a second, too.\n")
}

func main() {
	addr := flag.String("addr", ":8080", "where to listen")
	loops := flag.Int("loops", 0, "event loops; 0: one per CPU")
	flag.Parse()

	srv := &lwan.Server{Addr: *addr, Loops: *loops}
	srv.Handle("GET /slow", slow)
	srv.Handle("GET /clock", clock)
	srv.Handle("GET /hostname", hostname)
	srv.Handle("GET /report", report, lwan.Blocking)
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
