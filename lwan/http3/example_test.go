package http3_test

import (
	"crypto/tls"
	"log"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/http3"
)

// The same routes by TCP and by HTTP/3, with one certificate.
func Example() {
	pair, err := tls.LoadX509KeyPair("site.pem", "site.key")
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	routes := func(srv *lwan.Server) *lwan.Server {
		srv.Handle("GET /", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(200, "Hello over "+req.Proto()+"!\n")
		})
		return srv
	}
	srv := &lwan.Server{Endpoints: []lwan.Endpoint{{Addr: ":443", TLS: config}}}
	h3, err := http3.Add(srv, routes(new(lwan.Server)), http3.Config{Addr: ":443", TLS: config})
	if err != nil {
		log.Fatal(err)
	}
	srv.Use(h3.AltSvc)
	if err := lwan.Run(routes(srv)); err != nil {
		log.Fatal(err)
	}
}
