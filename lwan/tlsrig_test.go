package lwan

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// issuer signs certificates for tests.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// authority is whom clients of tests trust.
var authority = sync.OnceValue(func() *issuer { return newIssuer("authority") })

func newIssuer(name string) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &issuer{cert, key}
}

func (i *issuer) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(i.cert)
	return p
}

// certSpec says what is to stand in a certificate.
type certSpec struct {
	name   string // of the subject
	hosts  []string
	ips    []net.IP
	serial int64
	key    crypto.Signer // nil: a new one of type ECDSA
}

func (i *issuer) issue(t testing.TB, spec certSpec) tls.Certificate {
	t.Helper()
	if spec.key == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		spec.key = key
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(max(spec.serial, 2)), Subject: pkix.Name{CommonName: spec.name},
		DNSNames: spec.hosts, IPAddresses: spec.ips,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.cert, spec.key.Public(), i.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: spec.key, Leaf: leaf}
}

// write writes a certificate of the authority's to two files, and returns their names.
func (spec certSpec) write(t testing.TB, dir, base string) CertPair {
	t.Helper()
	cert := authority().issue(t, spec)
	p := CertPair{Cert: filepath.Join(dir, base+".pem"), Key: filepath.Join(dir, base+".key")}
	writePEM(t, p.Cert, "CERTIFICATE", cert.Certificate[0])
	writeKey(t, p.Key, cert.PrivateKey)
	return p
}

func writeKey(t testing.TB, path string, key any) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, path, "PRIVATE KEY", der)
}

// writePEM replaces a file as those do who renew certificates: nobody sees half of it.
func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// certFor is a CertFiles with one certificate for some hosts.
func certFor(t testing.TB, hosts ...string) *CertFiles {
	t.Helper()
	pair := certSpec{name: hosts[0], hosts: hosts}.write(t, t.TempDir(), "site")
	return &CertFiles{Pairs: []CertPair{pair}}
}

// onlyHTTP1 makes the encrypted endpoints of tests that say nothing else offer HTTP/1 only, and
// their clients ask for that: on loops. See TestEncryptedHTTP1.
var onlyHTTP1 bool

// spoken is a version of HTTP as a handler sees it.
func spoken(version string) string {
	if onlyHTTP1 {
		return "HTTP/1.1"
	}
	return version
}

// serveSecure starts srv with one endpoint, on a free port, and ends it with the test.
func serveSecure(t testing.TB, srv *Server, ends ...Endpoint) []net.Addr {
	t.Helper()
	for i := range ends {
		if ends[i].Addr == "" && ends[i].Listener == nil {
			ends[i].Addr = "127.0.0.1:0"
		}
		if onlyHTTP1 && ends[i].encrypted() && ends[i].Protocols == 0 && ends[i].Conn == nil {
			ends[i].Protocols = HTTP1
		}
	}
	srv.Endpoints = ends
	if srv.Log == nil {
		srv.Log = slog.New(slog.DiscardHandler)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	select {
	case <-srv.Ready():
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error("Shutdown: ", err)
		}
		if err := <-ended; err != nil {
			t.Error("ListenAndServe: ", err)
		}
		s := srv.Stats()
		if s.Conns.Idle != 0 || s.Conns.Active != 0 || s.Secure.Pending != 0 {
			t.Errorf("left behind: %+v", s)
		}
	})
	return srv.Addrs()
}

// clientTLS is what clients of tests connect with, for a host "site".
func clientTLS() *tls.Config {
	return &tls.Config{ServerName: "site", RootCAs: authority().pool()}
}

// secureClient speaks to addr, whatever its URLs say, in one version of HTTP.
func secureClient(t testing.TB, addr net.Addr, cfg *tls.Config, version Protocols) *http.Client {
	if onlyHTTP1 {
		version = HTTP1
	}
	tr := &http.Transport{
		TLSClientConfig: cfg, Protocols: new(http.Protocols),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, addr.Network(), addr.String())
		},
	}
	tr.Protocols.SetHTTP1(version&HTTP1 != 0)
	tr.Protocols.SetHTTP2(version&HTTP2 != 0)
	tr.Protocols.SetUnencryptedHTTP2(version&HTTP2 != 0)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

// fetch gets a URL, and returns the status and the text.
func fetch(t testing.TB, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// dialTLS does a handshake.
func dialTLS(t testing.TB, addr net.Addr, cfg *tls.Config) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial(addr.Network(), addr.String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// settledNow waits until ok, as what ends takes a moment, and fails the test if it never is.
func settledNow(t testing.TB, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it has not come to that")
		}
	}
}

// doneCounter counts the ends of requests.
type doneCounter struct{ n atomic.Int64 }

func (c *doneCounter) Done(*Request, *Response, time.Duration) { c.n.Add(1) }
func (c *doneCounter) Close() error                            { return nil }
