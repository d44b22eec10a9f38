package http3

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/golwan/golwan/lwan"
)

const patience = time.Minute

// certificate is that of httptest, and who trusts it.
func certificate() (tls.Certificate, *x509.CertPool) {
	ts := httptest.NewUnstartedServer(nil)
	ts.StartTLS()
	defer ts.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(ts.Certificate())
	return ts.TLS.Certificates[0], trusted
}

func routes(srv *lwan.Server, h3 func() *Server) *lwan.Server {
	srv.Log = slog.New(slog.DiscardHandler)
	if h3 != nil {
		srv.Use(func(next lwan.Handler) lwan.Handler {
			return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				return h3().AltSvc(next)(req, resp)
			}
		})
	}
	srv.Handle("GET /proto", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.Proto())
	})
	srv.Handle("POST /echo", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		body, err := io.ReadAll(req.Body())
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Data(200, "application/octet-stream", body)
	})
	srv.Handle("GET /events", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		for range req.Every(10 * time.Millisecond) {
			if err := resp.Events().Send(lwan.Event{Data: "x"}); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	})
	return srv
}

// TestHTTP3: clients are told of it by TCP, get the same answers by it, and are let go at the end.
func TestHTTP3(t *testing.T) {
	cert, trusted := certificate()
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	var h3 *Server
	srv := routes(&lwan.Server{
		Endpoints: []lwan.Endpoint{{Addr: "127.0.0.1:0", TLS: config}},
	}, func() *Server { return h3 })
	site := routes(new(lwan.Server), nil)
	closed := make(chan struct{})
	site.OnClose(func() error { close(closed); return nil })
	h3, err := Add(srv, site, Config{
		Addr: "127.0.0.1:0", TLS: config, Grace: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	for _, ready := range []<-chan struct{}{srv.Ready(), h3.Ready()} {
		select {
		case <-ready:
		case err := <-ended:
			t.Fatal(err)
		}
	}
	trust := &tls.Config{RootCAs: trusted, ServerName: "example.com"}
	byTCP := &http.Client{
		Transport: &http.Transport{TLSClientConfig: trust.Clone()}, Timeout: patience,
	}
	defer byTCP.CloseIdleConnections()
	told, _ := get(t, byTCP, "https://"+srv.Addrs()[0].String()+"/proto")
	_, port, _ := strings.Cut(h3.Addr().String(), ":")
	if want := `h3=":` + port + `"; ma=86400`; told.Get("Alt-Svc") != want {
		t.Errorf("Alt-Svc: %s, want %s", told.Get("Alt-Svc"), want)
	}

	transport := &http3.Transport{TLSClientConfig: trust.Clone()}
	defer transport.Close()
	client := &http.Client{Transport: transport, Timeout: patience}
	base := "https://" + h3.Addr().String()
	if _, body := get(t, client, base+"/proto"); body != "HTTP/3.0" {
		t.Errorf("%q", body)
	}
	sent := bytes.Repeat([]byte("0123456789abcdef"), 50_000)
	resp, err := client.Post(base+"/echo", "text/plain", bytes.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(resp.Body); !bytes.Equal(got, sent) || err != nil {
		t.Errorf("%d bytes of %d, %v", len(got), len(sent), err)
	}
	resp.Body.Close()
	large := io.LimitReader(neverEnding('x'), 2<<20)
	if resp, err = client.Post(base+"/echo", "text/plain", large); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("a body over the limit: %s", resp.Status)
	}

	events, err := client.Get(base + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	if _, err := io.ReadFull(events.Body, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := io.Copy(io.Discard, events.Body); err == nil {
		t.Error("a stream that was cut looks complete")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-closed
}

// neverEnding is a reader of one byte.
type neverEnding byte

func (b neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

func get(t *testing.T, c *http.Client, url string) (http.Header, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp.Status, err)
	}
	return resp.Header, string(body)
}

// TestAddressInUse: as at a restart, TCP is served, and HTTP/3 once the address is free.
func TestAddressInUse(t *testing.T) {
	cert, _ := certificate()
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	start := func(addr string) (*Server, *lwan.Server, func()) {
		srv := routes(&lwan.Server{Addr: "127.0.0.1:0"}, nil)
		h3, err := Add(srv, routes(new(lwan.Server), nil), Config{
			Addr: addr, TLS: config, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- srv.Run(ctx) }()
		<-srv.Ready()
		return h3, srv, func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	first, _, endFirst := start("127.0.0.1:0")
	<-first.Ready()
	next, srv, endNext := start(first.Addr().String())
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	if _, body := get(t, client, "http://"+srv.Addrs()[0].String()+"/proto"); body != "HTTP/1.1" {
		t.Error(body)
	}
	client.CloseIdleConnections()
	_, _, endThird := start(first.Addr().String())
	endThird() // before it has come to serve
	endFirst()
	<-next.Ready()
	endNext()
}

// TestConfig: what cannot work is an error.
func TestConfig(t *testing.T) {
	if _, err := Add(new(lwan.Server), new(lwan.Server), Config{}); err == nil {
		t.Error("without certificates")
	}
	cert, _ := certificate()
	srv, site := &lwan.Server{Addr: "127.0.0.1:0"}, new(lwan.Server)
	site.Handle("no pattern", nil)
	_, err := Add(srv, site, Config{
		Addr: "127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no pattern") {
		t.Errorf("a site that cannot be built: %v", err)
	}
}
