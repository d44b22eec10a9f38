package gateway

import (
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

// TestUpgradeSpoiled: whatever middleware and hooks do around a tunnel that is about to begin, the
// place at the member is given back, and both connections are closed.
func TestUpgradeSpoiled(t *testing.T) {
	for name, spoil := range map[string]func(req *lwan.Request, resp *lwan.Response) lwan.Status{
		"error":  func(*lwan.Request, *lwan.Response) lwan.Status { return 500 },
		"panic":  func(*lwan.Request, *lwan.Response) lwan.Status { panic("after the tunnel") },
		"goexit": func(*lwan.Request, *lwan.Response) lwan.Status { runtime.Goexit(); return 200 },
		"fail": func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Fail(io.ErrUnexpectedEOF)
		},
		"park": func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if err := req.Sleep(10 * time.Millisecond); err != nil {
				return resp.Fail(err)
			}
			return 200
		},
		"reroute": func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return req.Reroute(resp, "/other")
		},
		"hook": nil,
	} {
		b := echoing(t, "websocket")
		g := groupOf(b)
		g.Backends[0].MaxConns = 1
		c := ProxyConfig{Common: Common{To: g}, Upgrade: []string{"websocket"}}
		if spoil == nil {
			c.Response = func(*lwan.Request, *lwan.Response) { panic("in the hook") }
		}
		s := serveProxy(t, c, func(srv *lwan.Server) {
			if spoil != nil {
				srv.Use(func(next lwan.Handler) lwan.Handler {
					return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
						if st := next(req, resp); req.Path() != "/ws" || st >= 400 {
							return st
						}
						return spoil(req, resp)
					}
				})
			}
		})
		for range 3 {
			conn := s.dial(t)
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			io.WriteString(conn, upgradeRequest)
			io.ReadFull(conn, make([]byte, 20)) // whatever it is
			conn.Close()
			until(t, name+": the place is free", func() bool { return g.Stats()[0].Active == 0 })
			until(t, name+": the backend's end", func() bool { return b.connections() == 0 })
		}
	}
}
