package lwantest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

// Server is a running server under test.
type Server struct {
	// of the first endpoint that is a TCP one: "http://127.0.0.1:41234", or "https://..." where
	// that is encrypted; "" without
	URL string
	// Client has connections of its own, and gives up if no head comes for 30 s. It trusts the
	// certificates of Endpoint.TLS.Certificates, for any name that they have.
	Client       *http.Client
	*lwan.Server // Addrs has the addresses of all endpoints

	patience time.Duration // with what is to end at the end of the test
	family   *family
	ended    chan error // what serving has returned
}

const headPatience = 30 * time.Second // of Client

// Start serves on a free port of the loopback interface until the test ends. Addr is ignored, and
// addresses of Endpoints are replaced: by free ports, unix sockets by ones in a temporary
// directory. It serves with ListenAndServe, so GOMAXPROCS and the collector are left alone. The
// test fails if the server does not start.
//
// At the end of the test the connections of Client that are not in use are closed, and the server
// is shut down. That fails the test if requests are still under way 5 s later, and so do
// goroutines, workers, connections and listeners of the server that are left behind, goroutines
// that its handlers have started among them.
func Start(t testing.TB, srv *lwan.Server) *Server {
	t.Helper()
	return start(t, srv, patience)
}

// start is Start with less patience, for tests of what it says in the end.
func start(t testing.TB, srv *lwan.Server, patience time.Duration) *Server {
	t.Helper()
	if err := toLoopback(t, srv); err != nil {
		t.Fatalf("lwantest: %v", err)
	}
	s := &Server{Server: srv, patience: patience, family: new(family), ended: make(chan error, 1)}
	s.serve(t)
	s.Client = &http.Client{Transport: &http.Transport{
		ResponseHeaderTimeout: headPatience, TLSClientConfig: trusting(t, srv.Endpoints),
		ForceAttemptHTTP2: true,
	}}
	t.Cleanup(func() { s.stop(t) })
	for i, a := range srv.Addrs() {
		if a.Network() == "tcp" {
			s.URL = schemeOf(srv.Endpoints, i) + "://" + a.String()
			break
		}
	}
	return s
}

// schemeOf is that of an endpoint by its number.
func schemeOf(ends []lwan.Endpoint, i int) string {
	if i < len(ends) && (ends[i].TLS != nil || ends[i].Certs != nil) {
		return "https"
	}
	return "http"
}

// trusting is for a client that believes the certificates of the endpoints.
func trusting(t testing.TB, ends []lwan.Endpoint) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	for _, end := range ends {
		if end.TLS == nil {
			continue
		}
		for _, c := range end.TLS.Certificates {
			for _, der := range c.Certificate {
				cert, err := x509.ParseCertificate(der)
				if err != nil {
					t.Fatalf("lwantest: a certificate of %s: %v", end.Addr, err)
				}
				pool.AddCert(cert)
			}
		}
	}
	return &tls.Config{RootCAs: pool}
}

// serve starts the server and waits until it listens.
func (s *Server) serve(t testing.TB) {
	t.Helper()
	go func() {
		s.family.join()
		s.ended <- s.ListenAndServe()
	}()
	select {
	case <-s.Ready():
	case err := <-s.ended:
		t.Fatalf("lwantest: the server does not start: %v", err)
	}
}

// stop ends the server and says what it leaves behind.
func (s *Server) stop(t testing.TB) {
	t.Helper()
	s.Client.CloseIdleConnections()
	s.family.alive() // as long as those who have started others are there
	ctx, cancel := context.WithTimeout(context.Background(), s.patience)
	defer cancel()
	patience := s.patience
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("lwantest: shutting the server down: %v", err)
		patience = 0
	} else if err := <-s.ended; err != nil && !provoked(err) {
		t.Errorf("lwantest: the server ended by itself: %v", err)
	}
	s.Client.CloseIdleConnections() // those whose answers have just ended
	var left []string
	if !await(patience, func() bool { left = s.left(); return len(left) == 0 }) {
		t.Errorf("lwantest: the server has left behind:\n\n%s", strings.Join(left, "\n\n"))
	}
}

// provoked reports whether a test has shut its server down itself, with too little patience, which
// it may do on purpose.
func provoked(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// left lists what is there of the server.
func (s *Server) left() []string {
	list := append(s.family.alive(), socketsLeft(s.Addrs())...)
	st := s.Stats()
	if c := st.Conns; c.Idle != 0 || c.Active != 0 || c.Subscribed != 0 {
		list = append(list, fmt.Sprintf("connections: %+v", c))
	}
	if st.Workers != 0 {
		list = append(list, fmt.Sprintf("workers: %d", st.Workers))
	}
	return list
}

// toLoopback makes srv listen where it disturbs nobody.
func toLoopback(t testing.TB, srv *lwan.Server) error {
	const free = "127.0.0.1:0"
	if len(srv.Endpoints) == 0 {
		srv.Addr = free
		return nil
	}
	ends := append([]lwan.Endpoint(nil), srv.Endpoints...)
	for i := range ends {
		switch {
		case ends[i].Listener != nil:
		case strings.HasPrefix(ends[i].Addr, "unix:"):
			path, err := socketPath(t)
			if err != nil {
				return err
			}
			ends[i].Addr = "unix:" + path
		default:
			ends[i].Addr = free
		}
	}
	srv.Endpoints = ends
	return nil
}
