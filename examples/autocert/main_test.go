package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

// issued is a certificate as autocert keeps it in its cache, and who trusts it.
func issued(t *testing.T, host string) ([]byte, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 3, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	var file bytes.Buffer
	for _, b := range []*pem.Block{
		{Type: "EC PRIVATE KEY", Bytes: private}, {Type: "CERTIFICATE", Bytes: der},
	} {
		if err := pem.Encode(&file, b); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes(), pool
}

// start runs the example's server with one certificate that was issued before.
func start(t *testing.T) (addrs []net.Addr, pool *x509.CertPool) {
	t.Helper()
	file, pool := issued(t, "example.com")
	cache := autocert.DirCache(t.TempDir())
	if err := cache.Put(t.Context(), "example.com", file); err != nil {
		t.Fatal(err)
	}
	return serve(t, &autocert.Manager{
		Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist("example.com"), Cache: cache,
	}), pool
}

// serve runs the example's server on free ports.
func serve(t *testing.T, m *autocert.Manager) []net.Addr {
	t.Helper()
	srv := newServer(m, "127.0.0.1:0", "127.0.0.1:0")
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
			t.Error(err)
		}
	})
	return srv.Addrs()
}

// client speaks to addr, whatever its URLs say, and follows no redirect.
func client(t *testing.T, addr net.Addr, cfg *tls.Config) *http.Client {
	tr := &http.Transport{
		TLSClientConfig: cfg, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, addr.Network(), addr.String())
		},
	}
	t.Cleanup(tr.CloseIdleConnections)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: tr, CheckRedirect: stay, Timeout: 30 * time.Second}
}

func TestAutocert(t *testing.T) {
	addrs, pool := start(t)
	cfg := &tls.Config{RootCAs: pool}
	resp, err := client(t, addrs[0], cfg).Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || string(text) != "Hello, example.com!\n" || resp.ProtoMajor != 2 {
		t.Errorf("%s %q, %v", resp.Proto, text, err)
	}
	if _, err := client(t, addrs[0], cfg).Get("https://example.org/"); err == nil {
		t.Error("another host has a certificate")
	}
	challenge := cfg.Clone()
	challenge.ServerName, challenge.NextProtos = "example.com", []string{"acme-tls/1"}
	conn, err := tls.Dial("tcp", addrs[0].String(), challenge)
	if err == nil { // nobody has asked for a challenge
		conn.Close()
		t.Error("there is a certificate for a challenge that nobody has made")
	}
}

func TestChallengesInTheClear(t *testing.T) {
	addrs, _ := start(t)
	c := client(t, addrs[1], nil)
	for path, want := range map[string]struct {
		status   int
		location string
	}{
		"/a?b":                             {302, "https://example.com/a?b"},
		"/.well-known/acme-challenge/none": {404, ""},
	} {
		resp, err := c.Get("http://example.com" + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		got := resp.Header.Get("Location")
		if resp.StatusCode != want.status || got != want.location {
			t.Errorf("%s: %d %q", path, resp.StatusCode, got)
		}
	}
}
