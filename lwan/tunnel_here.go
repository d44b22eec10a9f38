package lwan

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// hereTunnel is a tunnel where no loop joins its ends: the handler's goroutine brings what the
// backend sends, another one what the client sends. It lives as long as the handler.
type hereTunnel struct {
	client  net.Conn
	backend net.Conn
	used    atomic.Int64 // when the last byte moved, in nanoseconds since start
	start   time.Time
	ahead   []byte // of the client's, was read before
	in, out atomic.Int64

	once  sync.Once
	cause error // of end; known when both directions are over
}

// tunnelHere is Tunnel in the handler's own goroutine.
func (r *Response) tunnelHere(proto string, c *Conn, t Tunnel) error {
	if r.req.method == "CONNECT" {
		return errors.ErrUnsupported
	}
	u, ok := c.up.(*netUpstream)
	if !ok {
		return ErrForeign
	}
	if err := r.prepareHead(switching); err != nil {
		return err
	}
	conn, err := r.switchTo(proto)
	if err != nil {
		return err
	}
	if !c.unbind(r.req) || c.broken {
		c.finish()
		return net.ErrClosed
	}
	defer c.finish()
	h := &hereTunnel{client: conn, backend: u.nc, start: time.Now()}
	defer func() { tellDone(r.req.table.core.process, t.Done, h.in.Load(), h.out.Load(), h.cause) }()
	h.run(r.req, c, t)
	return nil
}

// run moves bytes until both directions are over.
func (h *hereTunnel) run(req *Request, c *Conn, t Tunnel) {
	if idle := orPause(t.Idle, defaultTunnelIdle); idle > 0 {
		stop := h.watch(idle)
		defer stop()
	}
	grace := orPause(t.Grace, defaultTunnelGrace)
	core := req.table.core
	unwatch := context.AfterFunc(core.stopping, func() {
		time.AfterFunc(grace, func() { h.end(ErrStopping) })
	})
	defer unwatch()
	leave := context.AfterFunc(req.Context(), func() {
		// a client that has left may have ended its own direction only: reading tells
		if cause := context.Cause(req.Context()); cause != ErrGone {
			h.end(cause)
		}
	})
	defer leave()
	var other sync.WaitGroup
	other.Go(func() { h.move(h.backend, h.client, &h.in, h.ahead) })
	h.move(h.client, h.backend, &h.out, c.rest.b)
	other.Wait()
}

// watch ends the tunnel when nothing has moved for idle.
func (h *hereTunnel) watch(idle time.Duration) (stop func()) {
	var mu sync.Mutex
	var timer *time.Timer
	over := false
	var look func()
	look = func() {
		mu.Lock()
		defer mu.Unlock()
		left := idle - (time.Since(h.start) - time.Duration(h.used.Load()))
		switch {
		case over:
		case left <= 0:
			h.end(ErrTimeout)
		default:
			timer = time.AfterFunc(left, look)
		}
	}
	look()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
		timer.Stop()
	}
}

// end ends both directions. The first cause counts.
func (h *hereTunnel) end(cause error) {
	h.once.Do(func() {
		h.cause = cause
		_ = h.client.SetDeadline(past) // they fail if they are closed already
		_ = h.backend.SetDeadline(past)
	})
}

// move copies first, and then from one end to the other, and passes the end on.
func (h *hereTunnel) move(to, from net.Conn, count *atomic.Int64, first []byte) {
	buf := takePiece()
	defer givePiece(buf)
	for p := first; ; {
		if len(p) > 0 {
			n, err := to.Write(p)
			count.Add(int64(n))
			h.used.Store(int64(time.Since(h.start)))
			if err != nil {
				h.end(err)
				return
			}
		}
		n, err := from.Read(buf[:])
		if p = buf[:n]; n > 0 {
			continue
		}
		if err != io.EOF {
			h.end(err)
			return
		}
		half, ok := to.(interface{ CloseWrite() error })
		if !ok {
			h.end(nil)
			return
		}
		if err := half.CloseWrite(); err != nil {
			h.end(err)
		}
		return
	}
}
