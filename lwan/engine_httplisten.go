//go:build !linux || golwan_nethttp

package lwan

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/lwan/internal/unixsocket"
)

// listen opens an endpoint, or takes over the socket that another process has left for it. FastOpen,
// DeferAccept and Congestion are hints to a kernel, and left out.
func listen(end Endpoint, left *os.File) (net.Listener, error) {
	switch where := end.where(); {
	case left != nil:
		ln, err := net.FileListener(left)
		return ln, errors.Join(err, left.Close())
	case end.Listener != nil:
		return end.Listener, nil
	case strings.HasPrefix(where, "systemd:"):
		return listenSystemd(where)
	case strings.HasPrefix(where, "unix:"):
		return unixsocket.Listen(strings.TrimPrefix(where, "unix:"), end.Mode)
	default:
		return net.Listen("tcp", where)
	}
}

// countingListener counts connections and what goes over them, and refuses those over a limit.
type countingListener struct {
	net.Listener
	eng *httpEngine
	max int64 // 0: no limit

	addrs *addrCounts // the engine's, or its own
	given bool        // by the caller
	end   Endpoint
}

// sockets implements engine.
func (e *httpEngine) sockets() (files []*os.File, err error) {
	for _, l := range e.lanes {
		f, err := duplicate(l.Listener)
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// share implements engine: the file of a unix socket is the other process's.
func (e *httpEngine) share() { e.removeFiles(false) }

// own implements engine.
func (e *httpEngine) own() { e.removeFiles(true) }

func (e *httpEngine) removeFiles(on bool) {
	for _, l := range e.lanes {
		if ln, ok := l.Listener.(*net.UnixListener); ok && !l.given {
			ln.SetUnlinkOnClose(on)
		}
	}
}

func (l *countingListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if n := l.eng.conns.Add(1); l.max == 0 || n <= l.max {
			if l.end.announces(addrOf(conn.RemoteAddr())) { // counted when its client is known
				l.eng.accepted.Add(1)
				return &countingConn{
					Conn: conn, eng: l.eng, addrs: l.addrs, announced: true,
				}, nil
			}
			if addr, ok := l.addrs.enter(conn.RemoteAddr()); ok {
				l.eng.accepted.Add(1)
				return &countingConn{Conn: conn, eng: l.eng, addrs: l.addrs, addr: addr}, nil
			}
		}
		l.eng.conns.Add(-1)
		l.eng.rejected.Add(1)
		if l.end.encrypted() || l.end.Conn != nil {
			_ = conn.Close()
			continue
		}
		l.refuse(conn, refusal)
	}
}

// maxRefusing is how many refused connections may linger; more are closed at once.
const maxRefusing = 64

// refuse is a courtesy, which the socket's buffer always has room for: a client that is gone
// already needs none. What the client has sent is read, or the reset that it causes would destroy
// the answer.
func (l *countingListener) refuse(conn net.Conn, answer string) {
	_, _ = io.WriteString(conn, answer)
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || l.eng.refusing.Add(1) > maxRefusing {
		if ok {
			l.eng.refusing.Add(-1)
		}
		_ = conn.Close()
		return
	}
	go func() {
		defer l.eng.refusing.Add(-1)
		_ = half.CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(orPause(l.eng.core.srv.LingerTimeout, defaultLinger)))
		_, _ = io.CopyN(io.Discard, conn, transport.DiscardLimit)
		_ = conn.Close()
	}()
}

// countingConn has the methods besides net.Conn's that net/http looks for.
type countingConn struct {
	net.Conn
	eng    *httpEngine
	addrs  *addrCounts // where it is counted
	addr   netip.Addr  // as it is counted; invalid: it is not
	closed atomic.Bool // or somebody else's: it is not counted any more

	announced bool     // it begins with a header of the PROXY protocol
	client    net.Addr // whom that has announced; nil: the peer

	requests atomic.Int64 // that came
	active   atomic.Int64 // of those, under way: one, or many of HTTP/2

	// of the goroutine of net/http
	first  []byte // is read before everything else
	behind func() // to be run when the answer has been sent
}

// counted is the connection of the engine's that net/http or a handler has.
func counted(conn net.Conn) *countingConn {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	return conn.(*countingConn)
}

// began and ended are told of each request.
func (c *countingConn) began() {
	if c.active.Add(1) == 1 {
		c.eng.busy.Add(1)
	}
}

func (c *countingConn) ended() {
	if c.active.Add(-1) == 0 {
		c.eng.busy.Add(-1)
	}
}

// answered runs what waits for the end of the answer.
func (c *countingConn) answered() {
	if fn := c.behind; fn != nil {
		c.behind = nil
		fn()
	}
}

// RemoteAddr is that of the client, for whom a proxy may stand.
func (c *countingConn) RemoteAddr() net.Addr {
	if c.client != nil {
		return c.client
	}
	return c.Conn.RemoteAddr()
}

func (c *countingConn) Read(p []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	c.eng.in.Add(int64(n))
	return n, err
}

func (c *countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.eng.out.Add(int64(n))
	return n, err
}

// ReadFrom lets the kernel copy files.
func (c *countingConn) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(c.Conn, r)
	c.eng.out.Add(n)
	return n, err
}

// CloseWrite lets the client read the last answer before the connection is closed.
func (c *countingConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// SetLinger makes Close a reset, so that the client sees that an answer is not whole.
func (c *countingConn) SetLinger(seconds int) error {
	if tcp, ok := c.Conn.(interface{ SetLinger(seconds int) error }); ok {
		return tcp.SetLinger(seconds)
	}
	return nil
}

// Release counts the connection no more, and returns it as it was accepted.
func (c *countingConn) Release() net.Conn {
	if c.closed.CompareAndSwap(false, true) {
		c.addrs.leave(c.addr)
		if c.eng.conns.Add(-1) == 0 {
			select {
			case c.eng.quiet <- struct{}{}:
			default:
			}
		}
	}
	return c.Conn
}

func (c *countingConn) Close() error { return c.Release().Close() }
