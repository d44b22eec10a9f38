package http3

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/golwan/golwan/lwan"
)

// TestConns: beyond Config.Conns connections are refused, until one has ended.
func TestConns(t *testing.T) {
	cert, trusted := certificate()
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	srv := routes(&lwan.Server{Addr: "127.0.0.1:0"}, nil)
	h3, err := Add(srv, routes(new(lwan.Server), nil), Config{
		Addr: "127.0.0.1:0", TLS: config, Conns: 2, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	<-h3.Ready()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	// connect asks by a connection of its own, which stays open until close is called.
	connect := func() (close func() error, err error) {
		transport := &http3.Transport{
			TLSClientConfig: &tls.Config{RootCAs: trusted, ServerName: "example.com"},
		}
		client := &http.Client{Transport: transport, Timeout: patience}
		resp, err := client.Get("https://" + h3.Addr().String() + "/proto")
		if err != nil {
			transport.Close()
			return nil, err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return transport.Close, err
	}
	first, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	second, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	defer second()
	if third, err := connect(); err == nil {
		third()
		t.Error("a third one was let in")
	}
	first()
	for late := time.Now().Add(patience); ; { // the server hears of the end a moment later
		third, err := connect()
		if err == nil {
			third()
			return
		}
		if time.Now().After(late) {
			t.Fatal("nobody is let in any more:", err)
		}
	}
}
