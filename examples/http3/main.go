// Http3 answers HTTP/1.1 and HTTP/2 by TCP, and HTTP/3 by UDP on a port of the same number. Clients
// come by TCP first and are told of HTTP/3 by Alt-Svc. It can make a certificate itself.
//
//	go run . -addr :8443
//
// It is a module of its own, for the QUIC that it needs.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"log"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/http3"
)

// site has the routes of both servers: each one opens its own.
func site(srv *lwan.Server) *lwan.Server {
	srv.Handle("GET /{$}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "Hello over "+req.Proto()+"!\n")
	})
	return srv
}

// servers puts HTTP/3 beside TCP. The address of both may be the same: one is TCP's, one is UDP's.
func servers(addr string, config *tls.Config) (*lwan.Server, *http3.Server, error) {
	srv := &lwan.Server{Endpoints: []lwan.Endpoint{{Addr: addr, TLS: config}}}
	h3, err := http3.Add(srv, site(new(lwan.Server)), http3.Config{Addr: addr, TLS: config})
	if err != nil {
		return nil, nil, err
	}
	srv.Use(h3.AltSvc)
	return site(srv), h3, nil
}

func main() {
	addr := flag.String("addr", ":8443", "where to listen, by TCP and by UDP")
	file := flag.String("cert", "", "file with a certificate and its key; none: one is made")
	flag.Parse()
	if *file == "" {
		made, err := selfSigned()
		if err != nil {
			log.Fatal(err)
		}
		defer os.Remove(made)
		*file = made
	}
	pair, err := tls.LoadX509KeyPair(*file, *file)
	if err != nil {
		log.Fatal(err)
	}
	srv, h3, err := servers(*addr, &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		<-srv.Ready()
		<-h3.Ready()
		fmt.Printf("try:\ncurl -i --cacert '%s' https://localhost:%d/\n"+
			"curl -i --http3-only --cacert '%s' https://localhost:%d/\n",
			*file, srv.Addrs()[0].(*net.TCPAddr).Port, *file, h3.Addr().Port)
	}()
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// selfSigned writes a certificate for localhost and its key to a file that nobody else can read.
func selfSigned() (file string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, 7),
	}
	public, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		return "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp("", "localhost-*.pem")
	if err != nil {
		return "", err
	}
	for _, b := range []*pem.Block{
		{Type: "CERTIFICATE", Bytes: public}, {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err == nil {
			err = pem.Encode(f, b)
		}
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return f.Name(), err
}
