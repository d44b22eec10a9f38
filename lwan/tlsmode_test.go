//go:build linux

package lwan

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
)

// With this variable in the environment all servers of serveTest encrypt, and so do the clients of
// the tests: each test is then one of TLS on the loops, too.
//
//	GOLWAN_TEST_TLS=1 go test ./lwan
const tlsVariable = "GOLWAN_TEST_TLS"

// tlsMode is whether it is there.
var tlsMode = os.Getenv(tlsVariable) != ""

// encryptedAddrs are the addresses of servers that encrypt because of it.
var encryptedAddrs sync.Map

// modeCert is the certificate of all of them.
var modeCert = sync.OnceValue(func() tls.Certificate {
	return authority().issue(new(testing.T), certSpec{hosts: []string{"site"}})
})

// encryptTest makes the only endpoint of a test's server an encrypted one, if that is wanted.
func encryptTest(srv *Server) {
	if !tlsMode || len(srv.Endpoints) > 0 {
		return
	}
	srv.Endpoints = []Endpoint{{
		Addr: "127.0.0.1:0", Protocols: HTTP1,
		TLS: &tls.Config{Certificates: []tls.Certificate{modeCert()}},
	}}
}

// encryptedTest remembers where such a server listens, as long as it does.
func encryptedTest(t testing.TB, srv *Server) {
	if addr := srv.Addrs()[0].String(); tlsMode && srv.Endpoints[0].TLS != nil {
		encryptedAddrs.Store(addr, true)
		t.Cleanup(func() { encryptedAddrs.Delete(addr) })
	}
}

// tcpConn is what tests do with a socket.
type tcpConn interface {
	net.Conn
	CloseWrite() error
	SetLinger(sec int) error
	SetReadBuffer(bytes int) error
}

// tlsConn is an encrypted connection with that.
type tlsConn struct {
	*tls.Conn
	tcp    *net.TCPConn
	resets bool
}

// CloseWrite says goodbye, and sends a FIN.
func (c *tlsConn) CloseWrite() error {
	return errors.Join(c.Conn.CloseWrite(), c.tcp.CloseWrite())
}

// SetLinger with 0 makes Close a reset, before which nothing is said.
func (c *tlsConn) SetLinger(sec int) error {
	c.resets = sec == 0
	return c.tcp.SetLinger(sec)
}

func (c *tlsConn) Close() error {
	if c.resets {
		return c.tcp.Close()
	}
	return c.Conn.Close()
}

func (c *tlsConn) SetReadBuffer(bytes int) error { return c.tcp.SetReadBuffer(bytes) }

// dialServer is net.Dial, and a handshake where the server wants one.
func dialServer(network, addr string) (net.Conn, error) {
	c, err := net.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	return encryptedTo(c)
}

func encryptedTo(c net.Conn) (net.Conn, error) {
	if _, yes := encryptedAddrs.Load(c.RemoteAddr().String()); !yes {
		return c, nil
	}
	conn := tls.Client(c, clientTLS())
	if err := conn.Handshake(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &tlsConn{Conn: conn, tcp: c.(*net.TCPConn)}, nil
}

// inTheClear skips a test that means something else, or nothing, where all is encrypted.
func inTheClear(t testing.TB, why string) {
	if tlsMode {
		t.Skip("skipped with " + tlsVariable + ": " + why)
	}
}

func init() {
	if !tlsMode {
		return
	}
	tr := http.DefaultTransport.(*http.Transport)
	tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return encryptedTo(c)
	}
}

// lonelyTransport has a connection for each request.
func lonelyTransport() *http.Transport {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.DisableKeepAlives = true
	return tr
}
