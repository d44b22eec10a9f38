// Package http3 serves HTTP/3 (RFC 9114) beside a lwan.Server, on quic-go. It is a module of its
// own.
//
//	srv, site := routes(new(lwan.Server)), routes(new(lwan.Server))
//	h3, err := http3.Add(srv, site, http3.Config{Addr: ":443", TLS: config})
//	...
//	srv.Use(h3.AltSvc)
//
// srv serves TCP, and site answers what comes by HTTP/3: a server of its own with the same routes,
// since each server opens its modules. What both are to have in common, as a topic or a database,
// the program gives to both. Fields of site count as with lwan.ToHTTP: each request has a goroutine
// for as long as it lasts, and Limits, ErrorStatus, ErrorPage, Log and observers mean what they
// mean. Endpoints, Loops and what else is about sockets do not count; for these there is Config.
//
// Clients come by TCP first and are told of HTTP/3 by the field Alt-Svc (RFC 7838).
//
// The socket is opened when srv starts, and closed when the last request on TCP has ended: then
// clients are told to go (GOAWAY), requests under way have Config.Grace, and site is closed. It is
// not handed over at a restart (SIGUSR2): as long as the old process has it, the new one tries
// again and again, and serves TCP meanwhile, as it does if somebody else has the address; the log
// says so. Event streams are cut at the end, and their clients come back.
//
// There is no 0-RTT (RFC 8470), no WebSocket and no datagram.
package http3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/golwan/golwan/lwan"
)

// Config is for Add. The zero value of a field is its default.
type Config struct {
	Addr string      // where to listen, by UDP: ":443"
	TLS  *tls.Config // certificates; required. NextProtos and versions are set

	Conns   int           // connections at once: 4096; beyond it they are refused
	Streams int           // requests of a connection at once: 128
	Idle    time.Duration // after which a connection without a request is closed: 60 s
	Header  int           // bytes of a request's head: 32 KiB
	Grace   time.Duration // for requests under way at the end: 5 s
	MaxAge  time.Duration // for which clients remember that there is HTTP/3: 24 h
	Log     *slog.Logger  // nil: slog.Default()
}

func (c Config) withDefaults() (Config, error) {
	if c.TLS == nil {
		return c, errors.New("http3: Config.TLS is missing")
	}
	if c.Addr == "" {
		c.Addr = ":443"
	}
	if c.Conns <= 0 {
		c.Conns = 4096
	}
	if c.Streams <= 0 {
		c.Streams = 128
	}
	if c.Idle <= 0 {
		c.Idle = time.Minute
	}
	if c.Header <= 0 {
		c.Header = 32 << 10
	}
	if c.Grace <= 0 {
		c.Grace = 5 * time.Second
	}
	if c.MaxAge <= 0 {
		c.MaxAge = 24 * time.Hour
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c, nil
}

// Server is what Add has added to a server.
type Server struct {
	c      Config
	site   *lwan.Server
	altSvc atomic.Pointer[string] // nil: it does not serve
	addr   atomic.Pointer[net.UDPAddr]
	ready  chan struct{}
}

// Add lets srv serve site by HTTP/3 for as long as it runs; call it before srv starts. The error is
// that of Config. What is wrong with site is an error of srv's Run.
func Add(srv, site *lwan.Server, c Config) (*Server, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{c: c, site: site, ready: make(chan struct{})}
	srv.Go(s.run)
	return s, nil
}

// Ready is closed when HTTP/3 is served.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr is where HTTP/3 is served; nil before Ready.
func (s *Server) Addr() *net.UDPAddr { return s.addr.Load() }

// AltSvc is middleware that tells clients of HTTP/3, while it is served.
func (s *Server) AltSvc(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if v := s.altSvc.Load(); v != nil {
			resp.SetHeader("Alt-Svc", *v)
		}
		return next(req, resp)
	}
}

// tryAgain is how often an address is tried that is in use.
const tryAgain = 200 * time.Millisecond

// listen opens the socket. It returns nil when ctx is over.
func (s *Server) listen(ctx context.Context) (net.PacketConn, error) {
	for said := false; ; {
		conn, err := net.ListenPacket("udp", s.c.Addr)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return conn, err
		}
		if !said {
			said = true
			s.c.Log.Warn("http3: the address is in use; it is tried again", "addr", s.c.Addr)
		}
		select {
		case <-time.After(tryAgain):
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// run serves until ctx is over.
func (s *Server) run(ctx context.Context) error {
	h, err := s.site.Build()
	if err != nil {
		return fmt.Errorf("http3: %w", err)
	}
	return errors.Join(s.serve(ctx, lwan.ToHTTP(h)), s.site.Close())
}

func (s *Server) serve(ctx context.Context, h http.Handler) error {
	conn, err := s.listen(ctx)
	if err != nil {
		return fmt.Errorf("http3: %w", err)
	}
	if conn == nil {
		return nil
	}
	defer conn.Close()
	srv := &http3.Server{
		Handler: h, MaxHeaderBytes: s.c.Header, IdleTimeout: s.c.Idle, Logger: s.c.Log,
	}
	ln, err := listenBounded(conn, s.c)
	if err != nil {
		return fmt.Errorf("http3: %w", err)
	}
	defer ln.Close()
	ended := make(chan error, 1)
	go func() { ended <- srv.ServeListener(ln) }()
	at := conn.LocalAddr().(*net.UDPAddr) // ListenPacket's, of udp
	value := `h3=":` + strconv.Itoa(at.Port) + `"; ma=` +
		strconv.Itoa(int(s.c.MaxAge/time.Second))
	s.addr.Store(at)
	s.altSvc.Store(&value)
	defer s.altSvc.Store(nil)
	close(s.ready)
	select {
	case err := <-ended:
		return fmt.Errorf("http3: %w", errors.Join(err, srv.Close()))
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), s.c.Grace)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil && grace.Err() == nil {
		s.c.Log.Warn("http3: shutdown", "err", err)
	}
	err = srv.Close() // what is left
	<-ended           // it says that it was told to
	return err
}
