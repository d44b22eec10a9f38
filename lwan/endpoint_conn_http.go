//go:build !linux || golwan_nethttp

package lwan

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/nethttp"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// connServer serves the connections of an endpoint that has a function for them: each on a
// goroutine of its own, which nethttp.Call knows as that of a request.
type connServer struct {
	eng   *httpEngine
	place opened
	ln    net.Listener
	under sync.WaitGroup // connections, and the listener
	hard  atomic.Bool    // nobody waits any more
}

// run accepts until the listener is closed. One that fails ends the server.
func (s *connServer) run(failed chan<- error) {
	defer s.under.Done()
	for pause := time.Duration(0); ; {
		conn, err := s.ln.Accept()
		var passing net.Error
		switch {
		case err == nil:
			pause = 0
			s.under.Go(func() { s.serve(conn) })
		case errors.Is(err, net.ErrClosed):
			return
		case errors.As(err, &passing) && pause < time.Second: // as net/http: want of descriptors
			pause = max(2*pause, 5*time.Millisecond)
			s.eng.core.log.Warn("lwan: accept fails", "listener", s.ln.Addr(), "err", err)
			time.Sleep(pause)
		default:
			select {
			case failed <- err:
			default: // the server ends already
			}
			return
		}
	}
}

// drain waits until no connection is left: all functions have been told. ctx ends the wait.
func (s *connServer) drain(ctx context.Context) {
	_ = s.ln.Close() // whose error is found by closeListeners again
	over := make(chan struct{})
	go func() {
		s.under.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// serve runs the function for conn.
func (s *connServer) serve(conn net.Conn) {
	e := s.eng
	defer func() { _ = conn.Close() }() // it may have been
	if !e.calls.enter() {
		return
	}
	h := e.hold()
	x := &exchange{core: h.core.process, sites: []endpointTable{{
		table: h.core.tables[s.place.number], conn: s.place.Conn,
	}}}
	x.unlike()
	r := connRequest(conn)
	x.via = &viaHTTP{r: r, w: noAnswer{conn}}
	c := nethttp.New(noAnswer{}, r, nethttp.Config{Exchange: x, Log: h.core.log})
	x.via.call = c
	counted(conn).began()
	c.OnLeave(func() {
		counted(conn).ended()
		e.calls.remove(c)
		e.release(h)
	})
	e.calls.add(c)
	c.Serve()
	s.linger(conn)
}

// linger lets the peer read what was written, though it may still be sending.
func (s *connServer) linger(conn net.Conn) {
	pause := orPause(s.eng.core.srv.LingerTimeout, defaultLinger)
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || pause <= 0 || s.hard.Load() || half.CloseWrite() != nil {
		return
	}
	if conn.SetReadDeadline(time.Now().Add(pause)) == nil {
		_, _ = io.CopyN(io.Discard, conn, transport.DiscardLimit) // whatever comes
	}
}

// connRequest is what a Call knows of a connection that carries no requests.
func connRequest(conn net.Conn) *http.Request {
	r := &http.Request{
		Method: "GET", URL: &url.URL{Path: "/"}, Host: "-", RequestURI: "/",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
		RemoteAddr: conn.RemoteAddr().String(),
	}
	if t, ok := conn.(*tls.Conn); ok {
		state := t.ConnectionState()
		r.TLS = &state
	}
	ctx := context.WithValue(context.Background(), http.LocalAddrContextKey, conn.LocalAddr())
	return r.WithContext(ctx)
}

// noAnswer is where the answer of a request would go: a served connection has none.
type noAnswer struct{ conn net.Conn }

func (noAnswer) Header() http.Header         { return http.Header{} }
func (noAnswer) WriteHeader(int)             {}
func (noAnswer) Write(p []byte) (int, error) { return len(p), nil }

// hereClient is a served connection of package net.
type hereClient struct {
	netUpstream
	x       *exchange
	drained bool // guarded by mu
	mine    bool // Join has taken it
}

var _ clientUpstream = (*hereClient)(nil)

// clientUpstream is the connection of the exchange, for c.
func (x *exchange) clientUpstream(c *Conn) clientUpstream {
	return &hereClient{netUpstream: netUpstream{of: c, nc: x.via.w.(noAnswer).conn}, x: x}
}

// drain implements clientUpstream.
func (u *hereClient) drain() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.drained = true; !u.mine {
		_ = u.nc.SetReadDeadline(past) // it fails if it is closed
	}
}

// release takes the connection from the function, for a tunnel.
func (u *hereClient) release() net.Conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.mine = true
	_ = u.nc.SetDeadline(time.Time{}) // it fails if it is closed: reading says so
	return u.nc
}

// read implements upstream.
func (u *hereClient) read(req *Request, p []byte) (int, error) {
	n, err := u.netUpstream.read(req, p)
	return n, u.drains(err)
}

// drains finds out whether the beginning of draining has ended reading. What has come by then was
// read before.
func (u *hereClient) drains(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	late := !u.readBy.IsZero() && !time.Now().Before(u.readBy)
	if u.drained && !late {
		return errDraining
	}
	return err
}

// wait implements upstream.
func (u *hereClient) wait(req *Request, limit time.Duration) error {
	began := time.Now()
	err := u.netUpstream.wait(req, limit)
	if limit > 0 && time.Since(began) >= limit {
		return err
	}
	return u.drains(err)
}

// write implements upstream. Without a deadline a peer may take nothing for Limits.Write.
func (u *hereClient) write(req *Request, p []byte) (done int, err error) {
	u.mu.Lock()
	own := !u.writeBy.IsZero()
	u.mu.Unlock()
	_, pause := u.x.Pauses()
	if own || pause <= 0 {
		return u.netUpstream.write(req, p)
	}
	for done < len(p) && err == nil {
		var n int
		u.setWriteBy(time.Now().Add(pause))
		n, err = u.netUpstream.write(req, p[done:min(done+writePiece, len(p))])
		done += n
	}
	u.deadline(time.Time{}, false, true)
	return done, err
}

// writePiece is what a peer is given Limits.Write for.
const writePiece = 64 << 10

// writev implements upstream.
func (u *hereClient) writev(req *Request, a, b []byte) (int, error) {
	n, err := u.write(req, a)
	if err != nil {
		return n, err
	}
	m, err := u.write(req, b)
	return n + m, err
}

// deadline implements upstream. It does not let a read wait again for what draining has ended.
func (u *hereClient) deadline(t time.Time, read, write bool) {
	u.netUpstream.deadline(t, read, write)
	u.mu.Lock()
	defer u.mu.Unlock()
	if read && u.drained && !u.mine {
		_ = u.nc.SetReadDeadline(past) // as above
	}
}
