//go:build linux

package lwan

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
)

// With this variable in the environment all servers of serveTest speak HTTP/2 beside HTTP/1, and
// the clients of package http that the tests share use it; with the other one (tlsVariable), too,
// over TLS. What is written byte by byte is still HTTP/1.
//
//	GOLWAN_TEST_H2=1 go test ./lwan
const h2Variable = "GOLWAN_TEST_H2"

// h2Mode is whether it is there.
var h2Mode = os.Getenv(h2Variable) != ""

// streamedAddrs are the addresses of servers that speak HTTP/2 because of it.
var streamedAddrs sync.Map

// streamTest lets the only endpoint of a test's server speak HTTP/2, if that is wanted.
func streamTest(srv *Server) {
	switch {
	case !h2Mode:
	case len(srv.Endpoints) == 0:
		srv.Endpoints = []Endpoint{{Addr: "127.0.0.1:0", Protocols: HTTP1 | HTTP2}}
	case tlsMode && len(srv.Endpoints) == 1 && srv.Endpoints[0].TLS != nil:
		srv.Endpoints[0].Protocols = HTTP1 | HTTP2
	}
}

// streamedTest remembers where such a server listens, as long as it does.
func streamedTest(t testing.TB, srv *Server) {
	if h2Mode && srv.Endpoints[0].Protocols&HTTP2 != 0 {
		addr := srv.Addrs()[0].String()
		streamedAddrs.Store(addr, true)
		t.Cleanup(func() { streamedAddrs.Delete(addr) })
	}
}

// streams sends requests to servers of the mode as streams, and no others.
type streams struct{ http.Transport }

// RoundTrip implements http.RoundTripper, as Transport.RegisterProtocol has it.
func (s *streams) RoundTrip(req *http.Request) (*http.Response, error) {
	if _, yes := streamedAddrs.Load(req.URL.Host); !yes || req.Header.Get("Upgrade") != "" {
		return nil, http.ErrSkipAltProtocol
	}
	return s.Transport.RoundTrip(req)
}

func init() {
	if !h2Mode {
		return
	}
	s := &streams{http.Transport{Protocols: new(http.Protocols)}}
	s.Protocols.SetUnencryptedHTTP2(true)
	s.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if _, yes := encryptedAddrs.Load(addr); err != nil || !yes {
			return c, err
		}
		cfg := clientTLS()
		cfg.NextProtos = []string{"h2"}
		conn := tls.Client(c, cfg)
		return plainH2{conn}, conn.HandshakeContext(ctx)
	}
	http.DefaultTransport.(*http.Transport).RegisterProtocol("http", s)
}

// plainH2 hides that the connection is encrypted from a client that is to speak HTTP/2 on it.
type plainH2 struct{ net.Conn }
