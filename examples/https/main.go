// Https redirects to TLS, where it speaks HTTP/2 and HTTP/1.1. It can make a certificate itself.
//
//	go run ./examples/https -addr :8443 -http :8080
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"fmt"
	"log"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

func hello(req *lwan.Request, resp *lwan.Response) lwan.Status {
	return resp.Text(200, "Hello over "+req.Proto()+"!\n")
}

func main() {
	addr := flag.String("addr", ":8443", "where to listen")
	plain := flag.String("http", ":8080", "where to redirect from")
	loops := flag.Int("loops", 0, "event loops; 0: one per CPU")
	cert := flag.String("cert", "", "file with a certificate and its key; none: one is made")
	flag.Parse()
	if *cert == "" {
		*cert = selfSigned()
		defer os.Remove(*cert)
	}
	certs := &lwan.CertFiles{Pairs: []lwan.CertPair{{Cert: *cert, Key: *cert}}}
	srv := &lwan.Server{Loops: *loops, Endpoints: []lwan.Endpoint{
		{Addr: *addr, Certs: certs},
		{Addr: *plain, Routes: handlers.PortEighty(0)},
	}}
	srv.Use(handlers.HSTS(handlers.HSTSConfig{}))
	srv.Handle("GET /", hello)
	go func() {
		<-srv.Ready()
		at, from := srv.Addrs()[0].(*net.TCPAddr), srv.Addrs()[1].(*net.TCPAddr)
		fmt.Printf("listening on %v; try:\ncurl --cacert '%s' https://localhost:%d/\n"+
			"curl --cacert '%s' -L http://localhost:%d/\n", at, *cert, at.Port, *cert, from.Port)
	}()
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// selfSigned writes a certificate for localhost and its key to a file.
func selfSigned() string {
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, 7),
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
	}
	public := must(x509.CreateCertificate(rand.Reader, c, c, private.Public(), private))
	secret := must(x509.MarshalPKCS8PrivateKey(private))
	f := must(os.CreateTemp("", "localhost-*.pem")) // nobody else can read it
	defer f.Close()
	must(f.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public})))
	must(f.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return f.Name()
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
