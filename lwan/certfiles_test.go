package lwan

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/asn1"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestCertFilesChoose: by name, wildcard, address and what the client can use.
func TestCertFilesChoose(t *testing.T) {
	dir := t.TempDir()
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	files := &CertFiles{Pairs: []CertPair{
		certSpec{name: "first", hosts: []string{"first.example"}}.write(t, dir, "first"),
		certSpec{name: "many", hosts: []string{"*.Example", "x.y.example"}}.write(t, dir, "many"),
		certSpec{name: "ec", hosts: []string{"both.example"}}.write(t, dir, "ec"),
		certSpec{name: "rsa", hosts: []string{"both.example"}, key: old}.write(t, dir, "rsa"),
		certSpec{name: "address", ips: loopback}.write(t, dir, "address"),
	}}
	addrs := serveSecure(t, &Server{}, Endpoint{Certs: files})
	rsaOnly := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	for _, tt := range []struct {
		host   string
		suites []uint16 // of TLS 1.2; nil: all of 1.3
		want   string
	}{
		{"first.example", nil, "first"}, {"FIRST.example.", nil, "first"},
		{"a.example", nil, "many"}, {"x.y.example", nil, "many"},
		{"a.b.example", nil, "first"}, // a wildcard is one label (RFC 9525 section 6.3)
		{"example", nil, "first"}, {"other", nil, "first"},
		{"both.example", nil, "ec"}, {"both.example", rsaOnly, "rsa"},
		{"", nil, "address"},
	} {
		cfg := &tls.Config{ServerName: tt.host, InsecureSkipVerify: true, CipherSuites: tt.suites}
		if tt.host == "" {
			cfg.ServerName = "127.0.0.1" // which is not sent
		}
		if tt.suites != nil {
			cfg.MaxVersion = tls.VersionTLS12
		}
		state := dialTLS(t, addrs[0], cfg).ConnectionState()
		if got := state.PeerCertificates[0].Subject.CommonName; got != tt.want {
			t.Errorf("%q: %s, want %s", tt.host, got, tt.want)
		}
	}
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestCertFilesRenewed: a file that changes is served to the next connection, one that is broken
// leaves the last good one and is logged once, and connections that are open live on.
func TestCertFilesRenewed(t *testing.T) {
	dir, log := t.TempDir(), &syncBuffer{}
	spec := certSpec{name: "one", hosts: []string{"site"}, serial: 10}
	files := &CertFiles{Pairs: []CertPair{spec.write(t, dir, "site")}, Check: time.Millisecond}
	srv := &Server{Log: slog.New(slog.NewTextHandler(log, nil))}
	srv.Handle("GET /about", aboutHandler)
	addrs := serveSecure(t, srv, Endpoint{Certs: files}, Endpoint{Certs: files})
	serial := func() int64 {
		conn := dialTLS(t, addrs[0], clientTLS())
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	before := secureClient(t, addrs[1], clientTLS(), HTTP1)
	fetch(t, before, "https://site/about")
	if n := serial(); n != 10 {
		t.Fatal(n)
	}
	spec.serial = 11
	spec.write(t, dir, "site")
	settledNow(t, func() bool { return serial() == 11 })

	good := files.Pairs[0]
	if err := os.WriteFile(good.Cert, []byte("not yet"), 0o600); err != nil {
		t.Fatal(err)
	}
	settledNow(t, func() bool { return strings.Contains(log.String(), "last good") })
	for range 3 {
		if n := serial(); n != 11 {
			t.Errorf("certificate %d after a broken file", n)
		}
	}
	if err := files.Reload(); err == nil || !strings.Contains(err.Error(), good.Cert) {
		t.Error(err)
	}
	if err := os.Remove(good.Key); err != nil {
		t.Fatal(err)
	}
	settledNow(t, func() bool { return strings.Count(log.String(), "last good") >= 2 })
	spec.serial = 12
	spec.write(t, dir, "site")
	settledNow(t, func() bool { return serial() == 12 })
	if n := strings.Count(log.String(), "last good"); n > 6 { // of two files
		t.Errorf("%d lines of the log: %s", n, log)
	}
	if resp, _ := fetch(t, before, "https://site/about"); resp.TLS.PeerCertificates[0].SerialNumber.
		Int64() != 10 || srv.Stats().Secure.Handshakes == 0 {
		t.Error("the connection that was open has ended")
	}
}

// TestCertFilesByHand: with a negative Check only Reload reads.
func TestCertFilesByHand(t *testing.T) {
	dir := t.TempDir()
	spec := certSpec{hosts: []string{"site"}, serial: 10}
	files := &CertFiles{Pairs: []CertPair{spec.write(t, dir, "site")}, Check: -1}
	addrs := serveSecure(t, &Server{}, Endpoint{Certs: files})
	spec.serial = 11
	spec.write(t, dir, "site")
	for want := int64(10); want <= 11; want++ {
		state := dialTLS(t, addrs[0], clientTLS()).ConnectionState()
		if got := state.PeerCertificates[0].SerialNumber.Int64(); got != want {
			t.Errorf("%d, want %d", got, want)
		}
		if err := files.Reload(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCertFilesUnderLoad replaces certificates while many clients connect: no handshake fails, in
// either version of TLS.
func TestCertFilesUnderLoad(t *testing.T) {
	dir := t.TempDir()
	spec := certSpec{hosts: []string{"site"}, serial: 10}
	files := &CertFiles{Pairs: []CertPair{spec.write(t, dir, "site")}, Check: time.Millisecond}
	srv := &Server{}
	addrs := serveSecure(t, srv, Endpoint{Certs: files})
	done := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			cfg := clientTLS()
			if i%2 == 0 {
				cfg.MaxVersion = tls.VersionTLS12
			}
			for n := 0; n < 1000; n++ {
				select {
				case <-done:
					return
				default:
				}
				conn, err := tls.Dial("tcp", addrs[0].String(), cfg)
				if err != nil {
					t.Error(err)
					return
				}
				conn.Close()
			}
		})
	}
	for serial := int64(11); serial < 40; serial++ {
		spec.serial = serial
		spec.write(t, dir, "site") // first the chain, then the key: for a moment they do not fit
		want := big.NewInt(serial)
		settledNow(t, func() bool {
			return files.current.Load().certs[0].without.Leaf.SerialNumber.Cmp(want) == 0
		})
	}
	close(done)
	clients.Wait()
	if s := srv.Stats().Secure; s.Failed != 0 || s.Handshakes == 0 {
		t.Errorf("%+v", s)
	}
}

// TestOCSPByOpenSSL staples what openssl has made.
func TestOCSPByOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("skipped: there is no openssl")
	}
	dir := t.TempDir()
	pair := certSpec{hosts: []string{"site"}, serial: 0xbeef}.write(t, dir, "site")
	other := certSpec{hosts: []string{"site"}, serial: 0xdead}.write(t, dir, "other")
	writePEM(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", authority().cert.Raw)
	writeKey(t, filepath.Join(dir, "ca.key"), authority().key)
	index := "V\t400101000000Z\t\tBEEF\tunknown\t/CN=\n" +
		"R\t400101000000Z\t250101000000Z\tDEAD\tunknown\t/CN=x\n"
	if err := os.WriteFile(filepath.Join(dir, "index"), []byte(index), 0o600); err != nil {
		t.Fatal(err)
	}
	respond := func(cert, out string, more ...string) string {
		args := append([]string{"ocsp", "-index", "index", "-CA", "ca.pem", "-rsigner", "ca.pem",
			"-rkey", "ca.key", "-issuer", "ca.pem", "-cert", cert, "-respout", out, "-noverify",
		}, more...)
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return filepath.Join(dir, out)
	}
	pair.OCSP = respond(pair.Cert, "good.der", "-ndays", "1")
	files := &CertFiles{Pairs: []CertPair{pair}}
	addrs := serveSecure(t, &Server{}, Endpoint{Certs: files})
	want, err := os.ReadFile(pair.OCSP)
	if err != nil {
		t.Fatal(err)
	}
	if got := dialTLS(t, addrs[0], clientTLS()).OCSPResponse(); !bytes.Equal(got, want) {
		t.Errorf("%d bytes were stapled, want %d", len(got), len(want))
	}
	cert := files.current.Load().certs[0]
	if now := time.Now(); cert.at(now.Add(12*time.Hour)).OCSPStaple == nil ||
		cert.at(now.Add(25*time.Hour)).OCSPStaple != nil {
		t.Error("the response is good until ", cert.until)
	}
	pair.OCSP = respond(pair.Cert, "ever.der") // it does not say until when
	if err := (&CertFiles{Pairs: []CertPair{pair}}).Reload(); err != nil {
		t.Error(err)
	}
	for file, why := range map[string]string{
		respond(other.Cert, "revoked.der"): "another certificate", pair.Cert: "asn1",
	} {
		pair.OCSP = file
		err := (&CertFiles{Pairs: []CertPair{pair}}).Reload()
		text := fmt.Sprint(err)
		if !strings.Contains(text, file) || !strings.Contains(text, why) {
			t.Errorf("%s: %v", file, err)
		}
	}
	other.OCSP = filepath.Join(dir, "revoked.der")
	err = (&CertFiles{Pairs: []CertPair{other}}).Reload()
	if err == nil || !strings.Contains(err.Error(), "is good") {
		t.Error("revoked: ", err)
	}
}

// TestOCSPUnsuccessful: a responder that had no answer.
func TestOCSPUnsuccessful(t *testing.T) {
	der, err := asn1.Marshal(struct{ Status asn1.Enumerated }{3}) // tryLater
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checkOCSP(der, big.NewInt(1)); err == nil {
		t.Error("it was taken")
	}
	if _, err := checkOCSP(append(der, 0), big.NewInt(1)); err == nil {
		t.Error("with something behind it, it was taken")
	}
}

func FuzzOCSP(f *testing.F) {
	f.Add([]byte{0x30, 3, 0x0a, 1, 3})
	f.Fuzz(func(t *testing.T, der []byte) {
		if until, err := checkOCSP(der, big.NewInt(1)); err != nil && !until.IsZero() {
			t.Error(until, err)
		}
	})
}
