// Autocert gets certificates from Let's Encrypt, or whoever speaks ACME (RFC 8555), and renews
// them. It must be reachable at ports 443 and 80 of its host.
//
//	go run . -host example.com
//
// The library waits for the network in a handshake, which is done on a goroutine. It is a module of
// its own, so that golwan need not depend on it.
package main

import (
	"flag"
	"log"

	"golang.org/x/crypto/acme/autocert"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

func main() {
	host := flag.String("host", "example.com", "whose certificate")
	dir := flag.String("dir", "certs", "folder in which certificates are kept")
	addr := flag.String("addr", ":443", "where to listen")
	plain := flag.String("http", ":80", "where to listen for challenges, and redirect from")
	flag.Parse()

	srv := newServer(&autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		HostPolicy: autocert.HostWhitelist(*host),
		Cache:      autocert.DirCache(*dir),
	}, *addr, *plain)
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// newServer answers challenges of both kinds: tls-alpn-01 (RFC 8737) in handshakes, http-01 in the
// clear.
func newServer(m *autocert.Manager, addr, plain string) *lwan.Server {
	challenges := &lwan.Routes{}
	challenges.Handle("/", lwan.FromHTTP(m.HTTPHandler(nil))) // redirects whatever is none
	srv := &lwan.Server{Endpoints: []lwan.Endpoint{
		{Addr: addr, TLS: m.TLSConfig()},
		{Addr: plain, Routes: challenges},
	}}
	srv.Use(handlers.HSTS(handlers.HSTSConfig{}))
	srv.Handle("GET /", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "Hello, "+req.TLS().ServerName+"!\n")
	})
	return srv
}
