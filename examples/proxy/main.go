// Proxy passes requests on to a group of servers: balanced, looked after, and with a page that
// shows how they are.
//
//	go run ./examples/proxy -to http://127.0.0.1:9000,http://127.0.0.1:9001
package main

import (
	"flag"
	"fmt"
	"log"
	"net/url"
	"strings"
	"time"

	"github.com/golwan/golwan/handlers/gateway"
	"github.com/golwan/golwan/lwan"
)

func main() {
	addr := flag.String("addr", ":8080", "where to listen")
	loops := flag.Int("loops", 0, "event loops; 0: one per CPU")
	to := flag.String("to", "http://127.0.0.1:9000", "servers, with commas between them")
	flag.Parse()

	group := &gateway.Group{Name: "servers", Health: &gateway.Health{Every: time.Second}}
	for server := range strings.SplitSeq(*to, ",") {
		u, err := url.Parse(server)
		if err != nil || u.Scheme != "http" || u.Port() == "" {
			log.Fatalf("%q is not as http://host:port", server)
		}
		group.Backends = append(group.Backends, gateway.Backend{Address: u.Host})
	}
	srv := &lwan.Server{Addr: *addr, Loops: *loops}
	srv.Mount("/", gateway.Proxy.With(gateway.ProxyConfig{Common: gateway.Common{To: group}}))
	status := func(_ *lwan.Request, resp *lwan.Response) lwan.Status { return show(group, resp) }
	srv.Handle("GET /-/status", status)
	srv.Handle("GET /-/metrics", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetContentType("text/plain; version=0.0.4")
		if err := group.WriteMetrics(resp); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// show is the page.
func show(group *gateway.Group, resp *lwan.Response) lwan.Status {
	page := fmt.Sprintf("%-24s%-9s%8s%6s%10s%8s%10s\n",
		"server", "state", "active", "idle", "requests", "failed", "answers in")
	for _, s := range group.Stats() {
		page += fmt.Sprintf("%-24s%-9v%8d%6d%10d%8d%10v\n", s.Address, s.State, s.Active, s.Idle,
			s.Requests, s.Failed, s.Head.Round(time.Microsecond))
	}
	return resp.Text(200, page)
}
