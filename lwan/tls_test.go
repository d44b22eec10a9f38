package lwan

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// aboutHandler tells how the request came.
func aboutHandler(req *Request, resp *Response) Status {
	name := "-"
	if state := req.TLS(); state != nil {
		name = state.ServerName
	}
	return resp.Text(200, fmt.Sprint(req.Proto(), " ", req.Scheme(), " ", name, " ", req.Host()))
}

// TestTLS serves the same routes encrypted, in both versions of HTTP, and in the clear.
func TestTLS(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /about", aboutHandler)
	srv.Handle("POST /echo", func(req *Request, resp *Response) Status {
		body, err := req.BodyBytes()
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Data(200, "text/plain", body)
	})
	addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site")}, Endpoint{})
	for _, tt := range []struct {
		version Protocols
		at      int
		url     string
		want    string
	}{
		{HTTP1, 0, "https://site", "HTTP/1.1 https site site"},
		{HTTP2, 0, "https://site", spoken("HTTP/2.0") + " https site site"},
		{HTTP1, 1, "http://site", "HTTP/1.1 http - site"},
	} {
		c := secureClient(t, addrs[tt.at], clientTLS(), tt.version)
		for range 2 {
			if _, got := fetch(t, c, tt.url+"/about"); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.url, got, tt.want)
			}
		}
		text := strings.Repeat("0123456789", 100_000)
		resp, err := c.Post(tt.url+"/echo", "text/plain", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil || string(got) != text {
			t.Errorf("%s: %d bytes of %d came back, %v", tt.want, len(got), len(text), err)
		}
		resp.Body.Close()
		if resp, _ := fetch(t, c, tt.url+"/nothing"); resp.StatusCode != 404 {
			t.Errorf("%s: %d", tt.want, resp.StatusCode)
		}
	}
	settledNow(t, func() bool { // loops publish what they count a little later
		s := srv.Stats()
		return s.Requests == 12 && s.Status[2] == 9 && s.Status[4] == 3 && s.Accepted == 3 &&
			s.Secure.Handshakes == 2 && s.Secure.Failed == 0 && s.Conns.Idle == 3
	})
}

// TestObserversOfTwoEngines: they see each request once, on whichever engine it came.
func TestObserversOfTwoEngines(t *testing.T) {
	seen := &doneCounter{}
	srv := &Server{}
	srv.Observe(seen)
	srv.Handle("GET /about", aboutHandler)
	addrs := serveSecure(t, srv, Endpoint{}, Endpoint{Certs: certFor(t, "site")})
	fetch(t, secureClient(t, addrs[0], nil, HTTP1), "http://site/about")
	fetch(t, secureClient(t, addrs[1], clientTLS(), HTTP2), "https://site/about")
	settledNow(t, func() bool { return seen.n.Load() == 2 && srv.Stats().Requests == 2 })
}

// TestProtocols: what clients may choose from.
func TestProtocols(t *testing.T) {
	none := errors.New("none")
	for _, tt := range []struct {
		offered Protocols // by the endpoint
		named   []string  // TLS.NextProtos
		clear   bool
		client  Protocols
		want    string
		err     error
	}{
		{0, nil, false, HTTP1 | HTTP2, "HTTP/2.0", nil},
		{0, nil, false, HTTP1, "HTTP/1.1", nil},
		{HTTP1, nil, false, HTTP1 | HTTP2, "HTTP/1.1", nil},
		{HTTP2, nil, false, HTTP1 | HTTP2, "HTTP/2.0", nil},
		{HTTP1, nil, false, HTTP2, "", none},
		{HTTP2, nil, false, HTTP1, "", none},
		{0, []string{"http/1.1"}, false, HTTP1 | HTTP2, "HTTP/1.1", nil},
		{0, []string{"acme-tls/1"}, false, HTTP1 | HTTP2, "HTTP/2.0", nil},
		{HTTP1 | HTTP2, []string{"http/1.1"}, false, HTTP1 | HTTP2, "HTTP/2.0", nil},
		{0, nil, true, HTTP1, "HTTP/1.1", nil},
		{0, nil, true, HTTP2, "", none},
		{HTTP1 | HTTP2, nil, true, HTTP1, "HTTP/1.1", nil},
		{HTTP1 | HTTP2, nil, true, HTTP2, "HTTP/2.0", nil},
		{HTTP2, nil, true, HTTP2, "HTTP/2.0", nil},
	} {
		name := fmt.Sprint(tt.offered, tt.named, " clear ", tt.clear, ", client ", tt.client)
		t.Run(name, func(t *testing.T) {
			srv, end, url := &Server{}, Endpoint{Protocols: tt.offered}, "http://site/about"
			if !tt.clear {
				end.Certs, url = certFor(t, "site"), "https://site/about"
				end.TLS = &tls.Config{NextProtos: tt.named}
			}
			srv.Handle("GET /about", aboutHandler)
			addrs := serveSecure(t, srv, end)
			resp, err := secureClient(t, addrs[0], clientTLS(), tt.client).Get(url)
			if tt.err != nil {
				if err == nil {
					t.Errorf("%s was spoken", resp.Proto)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if resp.Proto != tt.want || !strings.HasPrefix(string(text), tt.want) || err != nil {
				t.Errorf("%s %q %v, want %s", resp.Proto, text, err, tt.want)
			}
		})
	}
}

// TestTLSAtStart: what cannot work is an error that names the endpoint, and the file.
func TestTLSAtStart(t *testing.T) {
	dir := t.TempDir()
	good := certSpec{hosts: []string{"site"}}.write(t, dir, "good")
	other := certSpec{hosts: []string{"site"}}.write(t, dir, "other")
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cert := authority().issue(t, certSpec{hosts: []string{"site"}})
	own := []tls.Certificate{cert}
	weak := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}
	files := func(cert, key, ocsp string) *CertFiles {
		return &CertFiles{Pairs: []CertPair{good, {Cert: cert, Key: key, OCSP: ocsp}}}
	}
	for _, tt := range []struct {
		end  Endpoint
		want string
	}{
		{Endpoint{TLS: &tls.Config{}}, "neither Certificates nor"},
		{Endpoint{Certs: &CertFiles{}}, "without Pairs"},
		{Endpoint{Certs: certFor(t, "x"), TLS: &tls.Config{Certificates: own}}, "use one"},
		{Endpoint{TLS: &tls.Config{Certificates: own, MinVersion: tls.VersionTLS10}}, "TLS 1.2"},
		{Endpoint{TLS: &tls.Config{Certificates: own, MaxVersion: tls.VersionTLS11}}, "TLS 1.2"},
		{Endpoint{TLS: &tls.Config{Certificates: own, CipherSuites: weak}}, "9.2.2"},
		{Endpoint{TLS: &tls.Config{Certificates: own}, Protocols: 8}, "Protocols"},
		{Endpoint{Certs: files("no.pem", good.Key, "")}, "open no.pem: no such file"},
		{Endpoint{Certs: files(good.Cert, "no.key", "")}, "open no.key: no such file"},
		{Endpoint{Certs: files(good.Cert, good.Key, "no.der")}, "open no.der: no such file"},
		{Endpoint{Certs: files(good.Cert, other.Key, "")}, other.Key + ": tls: private key does"},
		{Endpoint{Certs: files(empty, good.Key, "")}, empty},
		{Endpoint{Certs: files(good.Cert, good.Key, empty)}, empty},
	} {
		closed := false
		srv := &Server{Log: slog.New(slog.DiscardHandler)}
		srv.OnClose(func() error { closed = true; return nil })
		tt.end.Addr = "127.0.0.1:0"
		srv.Endpoints = []Endpoint{{Addr: "127.0.0.1:0"}, tt.end}
		err := srv.ListenAndServe()
		if err == nil || !strings.Contains(err.Error(), "endpoint 1 (127.0.0.1:0)") ||
			!strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
		if !closed {
			t.Error("OnClose was not called: ", err)
		}
	}
	fine := &Server{}
	serveSecure(t, fine, Endpoint{Protocols: HTTP1,
		TLS: &tls.Config{Certificates: own, CipherSuites: weak}})
}

// TestTLSConfigIsCopied: what the program does to its configuration later changes nothing, and the
// server changes nothing in it.
func TestTLSConfigIsCopied(t *testing.T) {
	cfg := &tls.Config{Certificates: []tls.Certificate{
		authority().issue(t, certSpec{hosts: []string{"site"}})}}
	srv := &Server{}
	srv.Handle("GET /about", aboutHandler)
	addrs := serveSecure(t, srv, Endpoint{TLS: cfg})
	if cfg.NextProtos != nil || cfg.MinVersion != 0 {
		t.Error("the program's configuration was changed")
	}
	cfg.Certificates = nil
	fetch(t, secureClient(t, addrs[0], clientTLS(), HTTP2), "https://site/about")
}

// TestOldTLSIsRefused: nothing below 1.2 is spoken, whatever a client asks for.
func TestOldTLSIsRefused(t *testing.T) {
	srv := &Server{}
	addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site")})
	cfg := clientTLS()
	cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if conn, err := tls.Dial("tcp", addrs[0].String(), cfg); err == nil {
		conn.Close()
		t.Error("TLS 1.1 was spoken")
	}
	settledNow(t, func() bool { return srv.Stats().Secure.Failed == 1 })
}

// TestOldSuites: block by block is for those who ask for it.
func TestOldSuites(t *testing.T) {
	for _, tt := range []struct {
		cfg  *tls.Config
		done bool
	}{
		{nil, false},
		{&tls.Config{CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
		}}, true},
	} {
		srv := &Server{}
		addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site"), TLS: tt.cfg})
		cfg := clientTLS()
		cfg.MaxVersion = tls.VersionTLS12
		cfg.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		conn, err := tls.Dial("tcp", addrs[0].String(), cfg)
		if err == nil {
			conn.Close()
		}
		if (err == nil) != tt.done {
			t.Errorf("%+v: %v", tt.cfg, err)
		}
	}
}

// TestClientCertificate: the handler learns who has connected; a request for another host than the
// handshake's is misdirected.
func TestClientCertificate(t *testing.T) {
	srv := &Server{}
	var calls atomic.Int64
	srv.Handle("GET /who", func(req *Request, resp *Response) Status {
		calls.Add(1)
		return resp.Text(200, req.TLS().VerifiedChains[0][0].Subject.CommonName)
	})
	addrs := serveSecure(t, srv, Endpoint{
		Certs: certFor(t, "site", "other"),
		TLS: &tls.Config{
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority().pool(),
		},
	})
	for _, version := range []Protocols{HTTP1, HTTP2} {
		cfg := clientTLS()
		cfg.Certificates = []tls.Certificate{authority().issue(t, certSpec{name: "alice"})}
		c := secureClient(t, addrs[0], cfg, version)
		if _, got := fetch(t, c, "https://site/who"); got != "alice" {
			t.Errorf("%q", got)
		}
		for host, want := range map[string]int{
			"site": 200, "SITE:8443": 200, "site.": 200, "other": 421, "127.0.0.1": 421, "sit": 421,
		} {
			req, err := http.NewRequest("GET", "https://site/who", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != want || err != nil {
				t.Errorf("host %s: %d %q %v, want %d", host, resp.StatusCode, text, err, want)
			}
		}
	}
	if n := calls.Load(); n != 8 {
		t.Errorf("%d calls of the handler", n)
	}
	stranger := clientTLS()
	forged := newIssuer("authority").issue(t, certSpec{name: "alice"})
	stranger.Certificates = []tls.Certificate{forged}
	if resp, err := secureClient(t, addrs[0], stranger, HTTP1).Get("https://site/who"); err == nil {
		t.Error("a stranger has got ", resp.Status)
	}
}

func TestMisdirected(t *testing.T) {
	strict := &security{strict: true}
	for _, tt := range []struct {
		host, server string
		want         bool
	}{
		{"a.example", "a.example", false}, {"a.example:443", "a.example", false},
		{"A.Example.", "a.example", false}, {"b.example", "a.example", true},
		{"", "a.example", true}, {"127.0.0.1:8443", "", false}, {"[::1]:8443", "", false},
		{"[::1]", "", false}, {"a.example", "", true}, {"", "", true},
		{"127.0.0.1", "a.example", true},
	} {
		if got := strict.misdirected(tt.host, tt.server); got != tt.want {
			t.Errorf("%q over %q: %v", tt.host, tt.server, got)
		}
		if new(security).misdirected(tt.host, tt.server) {
			t.Errorf("%q over %q, although anybody may come", tt.host, tt.server)
		}
	}
}

// TestConfigForClient: what the program gives for one client is completed, and Certs stay.
func TestConfigForClient(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /about", aboutHandler)
	addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site", "strict"), TLS: &tls.Config{
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			switch hello.ServerName {
			case "strict":
				cfg := &tls.Config{ClientAuth: tls.RequireAnyClientCert}
				cfg.MinVersion = tls.VersionTLS10
				return cfg, nil
			case "broken":
				return nil, errors.New("secret")
			}
			return nil, nil
		},
	}})
	cfg := clientTLS()
	fetch(t, secureClient(t, addrs[0], cfg, HTTP2), "https://site/about")
	cfg = clientTLS()
	cfg.ServerName = "strict"
	if _, err := secureClient(t, addrs[0], cfg, HTTP2).Get("https://strict/about"); err == nil {
		t.Error("without a certificate")
	}
	cfg.Certificates = []tls.Certificate{authority().issue(t, certSpec{name: "alice"})}
	if _, got := fetch(t, secureClient(t, addrs[0], cfg, HTTP2), "https://strict/about"); got !=
		spoken("HTTP/2.0")+" https strict strict" {
		t.Errorf("%q", got)
	}
	cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	if _, err := tls.Dial("tcp", addrs[0].String(), cfg); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
	cfg = clientTLS()
	cfg.ServerName = "broken"
	if _, err := tls.Dial("tcp", addrs[0].String(), cfg); err == nil {
		t.Error("a callback that fails was passed over")
	}
}

// TestPlainOnTLS: a client that does not encrypt is told so, and one that speaks anything else is
// not answered.
func TestPlainOnTLS(t *testing.T) {
	srv := &Server{}
	addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site")})
	for text, want := range map[string]int{
		"GET / HTTP/1.1\r\nHost: site\r\n\r\n": 400, "\x00\x01\x02": 0, "SSH-2.0-OpenSSH\r\n": 400,
	} {
		conn, err := net.Dial("tcp", addrs[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if want == 0 {
			_ = conn.(*net.TCPConn).CloseWrite() // it fails only if the server has closed already
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if want == 0 {
			if err == nil {
				t.Errorf("%q: %s", text, resp.Status)
			}
			continue
		}
		if err != nil || resp.StatusCode != want {
			t.Fatal(text, resp, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.Contains(body, []byte("HTTPS")) {
			t.Errorf("%q, %v", body, err)
		}
		settledNow(t, func() bool { return srv.Stats().Secure.Failed > 0 })
		// what it still sends is taken, and does not make the system take the answer back
		if _, err := io.WriteString(conn, "Foot: 1\r\n\r\n"); err != nil {
			t.Error(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	settledNow(t, func() bool { return srv.Stats().Secure.Failed == 3 })
}
