// Echo answers every request with 200 and the body that it came with, whatever the method and the
// path. Only CONNECT is refused, by the framework: a 2xx would turn the connection into a tunnel.
//
//	go run ./examples/echo -addr :8080
//	go run ./examples/echo -addr :8443 -tls localhost.pem
package main

import (
	"flag"
	"log"

	"github.com/golwan/golwan/lwan"
)

// echo reads the whole body first: a client that sends all of it before it reads an answer must not
// be made to wait.
func echo(req *lwan.Request, resp *lwan.Response) lwan.Status {
	body, err := req.BodyBytes()
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Data(200, "application/octet-stream", body)
}

func main() {
	addr := flag.String("addr", ":8080", "where to listen")
	loops := flag.Int("loops", 0, "event loops; 0: one per CPU")
	h2c := flag.Bool("h2c", false, "HTTP/2 in the clear by prior knowledge, beside HTTP/1")
	secret := flag.String("tls", "", "file with a certificate and its key: TLS, with HTTP/2")
	flag.Parse()

	srv := &lwan.Server{Loops: *loops}
	end := lwan.Endpoint{Addr: *addr}
	if *h2c {
		end.Protocols = lwan.HTTP1 | lwan.HTTP2
	}
	if *secret != "" {
		end.Certs = &lwan.CertFiles{Pairs: []lwan.CertPair{{Cert: *secret, Key: *secret}}}
	}
	srv.Endpoints = append(srv.Endpoints, end)
	srv.Handle("/", echo)
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
