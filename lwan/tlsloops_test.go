//go:build linux

package lwan

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// overTLS serves HTTP/1 over TLS: on loops, where there are some.
func overTLS(t testing.TB, srv *Server, cfg *tls.Config) net.Addr {
	t.Helper()
	end := Endpoint{TLS: cfg, Protocols: HTTP1}
	if cfg == nil || len(cfg.Certificates) == 0 && cfg.GetCertificate == nil {
		end.Certs = certFor(t, "site")
	}
	return serveSecure(t, srv, end)[0]
}

// tlsClient is a client of tests whose bytes are encrypted.
func tlsClient(t testing.TB, addr net.Addr) *client {
	t.Helper()
	return newClient(t, dialTLS(t, addr, clientTLS()))
}

// TestHTTP1OverTLS: bodies both ways, files, streams, pipelined requests and upgrades.
func TestHTTP1OverTLS(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	srv := &Server{}
	srv.Limits.Body = 4 << 20
	srv.Handle("GET /about", aboutHandler)
	echo := func(req *Request, resp *Response) Status {
		body, err := io.ReadAll(req.Body())
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Data(200, "text/plain", body)
	}
	srv.Handle("POST /echo", echo)
	srv.Handle("POST /blocking", Blocking(echo))
	srv.Handle("GET /file", func(_ *Request, resp *Response) Status {
		if err := resp.SendFile(file, 1, int64(len(text))-2); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	srv.Handle("GET /stream", func(_ *Request, resp *Response) Status {
		for rest := text; len(rest) > 0; rest = rest[min(len(rest), 12345):] {
			if _, err := resp.Write([]byte(rest[:min(len(rest), 12345)])); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	})
	srv.Handle("GET /upgrade", func(_ *Request, resp *Response) Status {
		return mirror(resp)
	})
	srv.Handle("GET /upgradeblocking", Blocking(func(_ *Request, resp *Response) Status {
		return mirror(resp)
	}))
	addr := overTLS(t, srv, nil)
	for range 2 {
		w := tlsClient(t, addr)
		w.send("GET /about HTTP/1.1\r\nHost: site\r\n\r\n")
		w.want("GET", 200, "HTTP/1.1 https site site")
		w.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\nGET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
		w.want("GET", 200, text[1:len(text)-1])
		w.want("GET", 200, text)
		for _, path := range []string{"/echo", "/blocking"} {
			w.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path,
				len(text), text))
			w.want("POST", 200, text)
			w.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
				"3\r\nabc\r\n0\r\n\r\n")
			w.want("POST", 200, "abc")
		}
		w.send("GET /about HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n")
		w.want("GET", 200, "HTTP/1.1 https site site")
		w.leaves()
	}
	for _, path := range []string{"/upgrade", "/upgradeblocking"} {
		w := tlsClient(t, addr)
		w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: mirror\r\n\r\n")
		if a, _ := w.head("GET"); a.status != 101 {
			t.Fatalf("%s: %v", path, a)
		}
		for _, word := range []string{"one\n", strings.Repeat("x", 100_000) + "\n", "bye\n"} {
			w.send(word)
			if got, err := w.r.ReadString('\n'); got != word || err != nil {
				t.Fatalf("%s: %d bytes, %v", path, len(got), err)
			}
		}
		w.leaves()
	}
}

// mirror sends back lines until "bye".
func mirror(resp *Response) Status {
	conn, err := resp.Upgrade("mirror")
	if err != nil {
		return resp.Fail(err)
	}
	defer conn.Close()
	for lines := bufio.NewReader(conn); ; {
		line, err := lines.ReadString('\n')
		if err == nil {
			_, err = io.WriteString(conn, line)
		}
		if err != nil {
			return resp.Fail(err)
		}
		if line == "bye\n" {
			return 101
		}
	}
}

// TestCallbacksOfTLS: the program's callbacks may block, panic and never return, and RSA keys sign,
// beside a loop that goes on with others.
func TestCallbacksOfTLS(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cert := authority().issue(t, certSpec{name: "site", hosts: []string{"site"}, key: key})
	hold, in := make(chan struct{}), make(chan struct{}, 10)
	var held atomic.Bool
	wait := func() {
		if held.Load() {
			in <- struct{}{}
			<-hold
		}
	}
	pool := authority().pool()
	for name, cfg := range map[string]*tls.Config{
		"Certificates": {Certificates: []tls.Certificate{cert}},
		"GetCertificate": {GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			wait()
			return &cert, nil
		}},
		"GetConfigForClient": {
			Certificates: []tls.Certificate{cert},
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				wait()
				return &tls.Config{Certificates: []tls.Certificate{cert}}, nil
			},
		},
		"GetCertificate of GetConfigForClient, beside Certs": {
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				return &tls.Config{
					GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
						wait()
						return &cert, nil
					},
				}, nil
			},
		},
		"VerifyConnection": {
			Certificates:     []tls.Certificate{cert},
			VerifyConnection: func(tls.ConnectionState) error { wait(); return nil },
		},
		"VerifyPeerCertificate": {
			Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert,
			ClientCAs: pool,
			VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error {
				wait()
				return nil
			},
		},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			held.Store(false)
			srv := &Server{Loops: 1}
			srv.Handle("GET /about", aboutHandler)
			addr := overTLS(t, srv, cfg)
			client := clientTLS()
			client.MaxVersion = version
			client.Certificates = []tls.Certificate{
				authority().issue(t, certSpec{name: "user", hosts: []string{"user"}}),
			}
			before := newClient(t, dialTLS(t, addr, client))
			before.send("GET /about HTTP/1.1\r\nHost: site\r\n\r\n")
			before.want("GET", 200, "HTTP/1.1 https site site")
			if name == "Certificates" {
				continue
			}
			held.Store(true)
			done := make(chan error, 1)
			go func() {
				conn, err := tls.Dial("tcp", addr.String(), client)
				if err == nil {
					_, err = io.WriteString(conn, "GET /about HTTP/1.1\r\nHost: site\r\n\r\n")
					if err == nil {
						_, err = http.ReadResponse(bufio.NewReader(conn), nil)
					}
					conn.Close()
				}
				done <- err
			}()
			<-in
			before.send("GET /about HTTP/1.1\r\nHost: site\r\n\r\n") // the loop goes on
			before.want("GET", 200, "HTTP/1.1 https site site")
			held.Store(false)
			hold <- struct{}{}
			if err := <-done; err != nil {
				t.Errorf("%s, %x: %v", name, version, err)
			}
		}
	}
}

// TestChainsOfClients: a client's certificates are looked at beside the loop, which goes on with
// others meanwhile; and so does the end of the server.
func TestChainsOfClients(t *testing.T) {
	if !onLoops {
		t.Skip("there is no loop")
	}
	for _, perClient := range []bool{false, true} {
		hold, in := make(chan struct{}), make(chan struct{}, 10)
		var held atomic.Bool
		cert := authority().issue(t, certSpec{name: "site", hosts: []string{"site"}})
		user := authority().issue(t, certSpec{name: "user", hosts: []string{"user"}})
		cfg := &tls.Config{
			Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true,
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority().pool(),
			Time: func() time.Time { // crypto/tls asks when it verifies
				if held.Load() {
					in <- struct{}{}
					<-hold
				}
				return time.Now()
			},
		}
		if perClient {
			chosen := cfg
			cfg = &tls.Config{
				GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
					return chosen, nil
				},
			}
		}
		srv := &Server{Loops: 1}
		srv.Handle("GET /about", aboutHandler)
		addr := overTLS(t, srv, cfg)
		client := clientTLS()
		client.Certificates = []tls.Certificate{user}
		before := newClient(t, dialTLS(t, addr, client))
		about := func() {
			before.send("GET /about HTTP/1.1\r\nHost: site\r\n\r\n")
			before.want("GET", 200, "HTTP/1.1 https site site")
		}
		about()
		held.Store(true)
		done := make(chan error, 1)
		go func() {
			conn, err := tls.Dial("tcp", addr.String(), client)
			if err == nil {
				_, err = io.WriteString(conn, "GET /about HTTP/1.1\r\nHost: site\r\n\r\n")
			}
			if err == nil {
				_, err = http.ReadResponse(bufio.NewReader(conn), nil)
				conn.Close()
			}
			done <- err
		}()
		received(t, in)
		about()
		held.Store(false)
		close(hold)
		if err := received(t, done); err != nil {
			t.Error(err)
		}
		bad := clientTLS() // what is wrong is told as ever
		bad.Certificates = []tls.Certificate{newIssuer("other").issue(t, certSpec{name: "user"})}
		conn, err := tls.Dial("tcp", addr.String(), bad)
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
			conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("a stranger is told %v", err)
		}
		settledNow(t, func() bool { return srv.Stats().Secure.Failed == 1 })
	}
}

// TestDyingCallbacksOfTLS: one that panics, or ends its goroutine, fails the handshake and nothing
// else.
func TestDyingCallbacksOfTLS(t *testing.T) {
	cert := authority().issue(t, certSpec{name: "site", hosts: []string{"site"}})
	var dies atomic.Pointer[func()]
	cfg := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if die := dies.Load(); die != nil {
			(*die)()
		}
		return &cert, nil
	}}
	for _, protocols := range []Protocols{HTTP1, HTTP1 | HTTP2} {
		dies.Store(nil)
		srv := &Server{Loops: 1}
		srv.Handle("GET /about", aboutHandler)
		addr := serveSecure(t, srv, Endpoint{TLS: cfg, Protocols: protocols})[0]
		tlsClient(t, addr).open("/about")
		for i, die := range []func(){func() { panic("in a callback") }, runtime.Goexit} {
			dies.Store(&die)
			if _, err := tls.Dial("tcp", addr.String(), clientTLS()); err == nil {
				t.Error("the handshake is done")
			}
			dies.Store(nil)
			tlsClient(t, addr).open("/about")
			settledNow(t, func() bool {
				s := srv.Stats()
				return s.Secure.Failed == int64(i+1) && s.Secure.Pending == 0
			})
		}
	}
}

// TestTruncatedUpload: who leaves without a word has been cut off; who says so has sent too little.
func TestTruncatedUpload(t *testing.T) {
	failed := make(chan error, 1)
	srv := &Server{}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		_, err := io.Copy(io.Discard, req.Body())
		failed <- err
		return resp.Fail(err)
	})
	addr := overTLS(t, srv, nil)
	for _, proper := range []bool{true, false} {
		conn := dialTLS(t, addr, clientTLS())
		w := newClient(t, conn)
		w.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
		if proper {
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
		}
		if err := conn.NetConn().(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; err == nil {
			t.Errorf("said goodbye %v: the body is whole", proper)
		} else if onLoops && !proper && !errors.Is(err, ErrGone) {
			t.Error(err)
		}
	}
}

// TestFirstBytesOfTLS: whatever the record that they come in.
func TestFirstBytesOfTLS(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /about", aboutHandler)
	addr := overTLS(t, srv, nil)
	request := "GET /about HTTP/1.1\r\nHost: site\r\n\r\n"
	for cut := range len(request) {
		w := tlsClient(t, addr)
		w.send(request[:cut], request[cut:]) // a record each
		w.want("GET", 200, "HTTP/1.1 https site site")
	}
}

// TestEncryptedHTTP1 runs the tests of encrypted endpoints with those that offer HTTP/1 only.
func TestEncryptedHTTP1(t *testing.T) {
	onlyHTTP1 = true
	defer func() { onlyHTTP1 = false }()
	for name, test := range map[string]func(*testing.T){
		"TLS": TestTLS, "Observers": TestObserversOfTwoEngines,
		"ConfigIsCopied": TestTLSConfigIsCopied, "OldTLS": TestOldTLSIsRefused,
		"ClientCertificate": TestClientCertificate, "ConfigForClient": TestConfigForClient,
		"Plain": TestPlainOnTLS, "HandshakeTimeout": TestHandshakeTimeout,
		"MaxHandshakes": TestMaxHandshakes, "UnspokenProtocol": TestUnspokenProtocol,
		"MaxConns": TestMaxConnsEncrypted, "Drain": TestDrainEncrypted,
		"Cut": TestCutEncrypted, "Upgrade": TestUpgradeEncrypted,
		"Streams": TestStreamsEncrypted, "Choose": TestCertFilesChoose,
		"Renewed": TestCertFilesRenewed, "UnderLoad": TestCertFilesUnderLoad,
		"OCSP": TestOCSPByOpenSSL, "ResumedElsewhere": TestResumedElsewhere,
	} {
		t.Run(name, test)
	}
}
