package conf

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// selfSigned writes a certificate for a host, and its key, to one file, and returns what it is.
func selfSigned(t *testing.T, file, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
	}
	public, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// tlsServer is a running server of a configuration, whose files are in dir.
type tlsServer struct {
	*Server
	t *testing.T
}

func startTLS(t *testing.T, dir, text string) *tlsServer {
	t.Helper()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	c, err := LoadText("x.conf", strings.ReplaceAll(text, "DIR", dir), Standard(),
		Options{Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	srv, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Server.Run(ctx) }()
	select {
	case <-srv.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &tlsServer{srv, t}
}

// get asks a listener for a host, on a connection of its own. The certificate is trusted, and must
// be the host's.
func (s *tlsServer) get(
	listener int, url string, trusted tls.Certificate, cfg *tls.Config,
) (*http.Response, string, error) {
	s.t.Helper()
	cfg.RootCAs = x509.NewCertPool()
	cfg.RootCAs.AddCert(trusted.Leaf)
	request, err := http.NewRequestWithContext(s.t.Context(), "GET", url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	cfg.ServerName = request.URL.Hostname()
	request.Host, request.URL.Host = request.URL.Host, s.Addrs()[listener].String()
	transport := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(request)
	if err != nil {
		return nil, "", err
	}
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), errors.Join(err, resp.Body.Close())
}

// TestTLS: sites have their certificates, which listeners find by name; each speaks what it is told
// to.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	a := selfSigned(t, filepath.Join(dir, "a.pem"), "a.example")
	b := selfSigned(t, filepath.Join(dir, "b.pem"), "b.example")
	own := selfSigned(t, filepath.Join(dir, "own.pem"), "own.example")
	s := startTLS(t, dir, `
listener 127.0.0.1:0 { tls }
listener localhost:0 { tls { cert = DIR/own.pem
	key = DIR/own.pem
	protocols = http/1.1
	min_version = 1.3
	tickets = no }
	site { response / { code = 200
		body = own } } }
tls_listener *:0 { cert = DIR/b.pem
	key = DIR/b.pem
	hsts = yes }
listener 0.0.0.0:0
https
site a.example { response / { code = 200
	body = a }
	tls { cert = DIR/a.pem } }
site b.example { response / { code = 200
	body = b }
	tls { cert = DIR/b.pem } }
`)
	for _, tt := range []struct {
		listener    int
		url         string
		trusted     tls.Certificate
		body, proto string
		version     uint16
	}{
		{0, "https://a.example/", a, "a", "HTTP/2.0", tls.VersionTLS13},
		{0, "https://b.example/", b, "b", "HTTP/2.0", tls.VersionTLS12},
		{1, "https://own.example/", own, "own", "HTTP/1.1", tls.VersionTLS13},
		{2, "https://b.example/", b, "b", "HTTP/2.0", tls.VersionTLS13},
	} {
		resp, body, err := s.get(tt.listener, tt.url, tt.trusted,
			&tls.Config{MaxVersion: tt.version})
		if err != nil || body != tt.body || resp.Proto != tt.proto ||
			resp.TLS.Version != tt.version {
			t.Errorf("%s of listener %d: %q, %+v, %v", tt.url, tt.listener, body, resp, err)
			continue
		}
		const policy = "max-age=31536000; includeSubDomains"
		if got := resp.Header.Get("Strict-Transport-Security"); got != policy {
			t.Errorf("%s of listener %d: %q", tt.url, tt.listener, got)
		}
	}
	old := &tls.Config{MaxVersion: tls.VersionTLS12}
	if _, _, err := s.get(1, "https://own.example/", own, old); err == nil {
		t.Error("TLS 1.2 was taken where 1.3 is the least")
	}
	_, port, _ := strings.Cut(s.Addrs()[0].String(), ":")
	resp, _, err := s.get(3, "http://a.example/x?y", a, &tls.Config{})
	if want := "https://a.example:" + port + "/x?y"; err != nil || resp.StatusCode != 308 ||
		resp.Header.Get("Location") != want {
		t.Errorf("in the clear: %+v, %v, want %s", resp, err, want)
	}
}

// TestClientCertificates: a listener that requires them refuses who has none, or another one.
func TestClientCertificates(t *testing.T) {
	dir := t.TempDir()
	a := selfSigned(t, filepath.Join(dir, "a.pem"), "a.example")
	client := selfSigned(t, filepath.Join(dir, "client.pem"), "client")
	for _, tt := range []struct {
		mode  string
		shown []tls.Certificate
		good  bool
	}{
		{"require", nil, false},
		{"require", []tls.Certificate{a}, false},
		{"require", []tls.Certificate{client}, true},
		{"request", nil, true},
		{"request", []tls.Certificate{client}, true},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			s := startTLS(t, dir, `
listener 127.0.0.1:0 { tls { cert = DIR/a.pem
	client_ca = DIR/client.pem
	client_cert = `+tt.mode+`
	ciphers = TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 } }
site { response / { code = 200 } }
`)
			_, _, err := s.get(0, "https://a.example/", a, &tls.Config{Certificates: tt.shown})
			if (err == nil) != tt.good {
				t.Errorf("%s with %d certificates: %v", tt.mode, len(tt.shown), err)
			}
		})
	}
}

const reloading = "listener 127.0.0.1:0 { tls { cert = DIR/a.pem\n} }\n" +
	"site { response / { code = 200\n} }\n"

// checkReload renews the certificate of a server and has it read again. A file that is broken
// changes nothing.
func checkReload(t *testing.T, reload func(s *Server) error) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.pem")
	first := selfSigned(t, file, "a.example")
	s := startTLS(t, dir, reloading)
	check := func(now tls.Certificate) {
		t.Helper()
		if _, _, err := s.get(0, "https://a.example/", now, &tls.Config{}); err != nil {
			t.Error(err)
		}
	}
	check(first)
	second := selfSigned(t, file, "a.example")
	check(first)
	if err := reload(s.Server); err != nil {
		t.Error(err)
	}
	check(second)
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := reload(s.Server); err == nil {
		t.Error("nothing is wrong with a broken certificate")
	}
	check(second)
}

func TestReloadCertificates(t *testing.T) { checkReload(t, (*Server).ReloadCertificates) }

// TestTLSFiles: what is wrong with files is found by -t too, with the place of the listener.
func TestTLSFiles(t *testing.T) {
	dir := t.TempDir()
	selfSigned(t, filepath.Join(dir, "a.pem"), "a.example")
	selfSigned(t, filepath.Join(dir, "b.pem"), "b.example")
	for text, want := range map[string]string{
		"listener :1 { tls { cert = /none\n} }":                     "x.conf:1:1: tls: certificate",
		"listener :1 { tls { cert = DIR/a.pem\nkey = DIR/b.pem } }": "x.conf:1:1: tls: ",
		"listener :1 { tls { cert = DIR/a.pem\nkey = /none } }":     "x.conf:1:1: tls: key",
		"listener :1 { tls }\nsite { tls { cert = /none } }":        "x.conf:1:1: tls: certificate",
		"tls_listener :1 { cert = /none\nkey = /none\n}":            "x.conf:1:1: tls: certificate",
		"listener :1 { tls { cert = DIR/a.pem\nclient_cert = require\nclient_ca = /none } }": "" +
			"x.conf:1:1: tls: client_ca: ",
		"listener :1 { tls { cert = DIR/a.pem\nclient_cert = request\nclient_ca = DIR } }": "" +
			"x.conf:1:1: tls: client_ca: ",
	} {
		c, err := LoadText("x.conf", strings.ReplaceAll(text, "DIR", dir), Standard(),
			Options{Getenv: noEnv})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Open(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestTLSChecks: what several sections say together.
func TestTLSChecks(t *testing.T) {
	const site = "listener :1 { tls }\nsite { tls { cert = x\n}\n"
	for text, want := range map[string]string{
		"listener :1 { tls }":                          "no certificate for this listener",
		"listener :1 { tls }\nsite { }":                "no certificate for this listener",
		"listener :1 { tls = x\n}":                     "this is a section: tls { }",
		"site { tls { cert = x\n}\n}":                  "no listener with tls for this certificate",
		"listener :1 { site { tls { cert = x\n}\n}\n}": "no listener with tls for this",
		"listener :1 { tls\nsite { }\n}\nsite { tls { cert = x\n}\n}": "no certificate for this " +
			"listener",
		"tls { cert = x\n}":                                           "tls belongs into",
		site + "at /x { tls { cert = x\n}\n}\n}":                      "tls belongs into",
		site + "if always { tls { cert = x\n}\n}\n}":                  "tls belongs into",
		site + "tls { cert = x\n}\n}":                                 "a site has one tls",
		"listener :1 { tls }\nsite { tls { cert = a b\nkey = c\n}\n}": "not as many keys",
		"listener :1 { tls { cert = a\nkey = b c\n}\n}":               "not as many keys",
		"listener :1 { tls }\nsite { tls { key = c\n}\n}":             "tls: cert is missing",
		"listener :1 { tls { cert = a\nclient_ca = b\n}\n}":           "need each other",
		"listener :1 { tls { cert = a\nclient_cert = require\n}\n}":   "need each other",
		"listener :1 { tls { cert = a\nciphers = TLS_RSA_WITH_RC4_128_SHA\n}\n}": "is no cipher " +
			"suite of TLS 1.2 that is safe",
		"listener :1 { tls { cert = a\nciphers = TLS_AES_128_GCM_SHA256\n}\n}": "is no cipher " +
			"suite of TLS 1.2 that is safe",
		"listener :1 { tls { cert = a\nciphers = TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n}\n}": "" +
			"TLS.CipherSuites lacks what HTTP/2 needs",
		"tls_listener :1":                              "tls_listener: cert is missing",
		"tls_listener x { cert = x\n}":                 `"x" is no address`,
		"listener :1 { key = x\n}":                     "listener: cert is missing",
		"listener :1 { hsts = yes\n}":                  "listener: cert is missing",
		"listener :1 { cert = x\ntls { cert = x\n}\n}": "cert and key are here, and tls too",
	} {
		_, err := LoadText("x", text+"\n", Standard(), Options{Getenv: noEnv})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
