package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
)

// TestBothWays: a client that comes by TCP is told where HTTP/3 is, and gets the page there, too.
func TestBothWays(t *testing.T) {
	file, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file)
	pair, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		t.Fatal(err)
	}
	srv, h3, err := servers("127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	<-srv.Ready()
	<-h3.Ready()

	trusted := x509.NewCertPool()
	trusted.AddCert(pair.Leaf)
	config := &tls.Config{RootCAs: trusted, ServerName: "localhost"}
	tcp := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer tcp.CloseIdleConnections()
	told, page := get(t, tcp, "https://"+srv.Addrs()[0].String()+"/")
	if page != "Hello over HTTP/2.0!\n" {
		t.Errorf("by TCP: %q", page)
	}
	want := fmt.Sprintf(`h3=":%d"; ma=86400`, h3.Addr().Port)
	if told != want {
		t.Fatalf("Alt-Svc: %q, want %q", told, want)
	}
	port, _, _ := strings.Cut(strings.TrimPrefix(told, `h3=":`), `"`)
	udp := &http3.Transport{TLSClientConfig: config.Clone()}
	defer udp.Close()
	if _, page = get(t, udp, "https://127.0.0.1:"+port+"/"); page != "Hello over HTTP/3.0!\n" {
		t.Errorf("by UDP: %q", page)
	}
}

func get(t *testing.T, by http.RoundTripper, url string) (altSvc, body string) {
	t.Helper()
	resp, err := (&http.Client{Transport: by, Timeout: time.Minute}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp.Status, err)
	}
	return resp.Header.Get("Alt-Svc"), string(text)
}
