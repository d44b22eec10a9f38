package tlslayer

import (
	"crypto/tls"
	"net"
	"sync"
)

// released is a connection after Release. As with a socket, and other than with a *tls.Conn, a
// deadline that ends a Write costs nothing but what Write says is missing: what was sealed by then
// counts as written, and the rest of its record leaves before everything else. A record is never
// cut by another one, which the peer would take for an attack (RFC 8446 section 5.2).
//
//	sealing ──all has left──▶ sealing
//	   │                         ▲
//	   └──the time is up──▶ kept ┘ the next Write, CloseWrite or Close
type released struct {
	*tls.Conn
	l  *Layer
	mu sync.Mutex // who writes
}

// Write counts what was sealed, whether or not it has left: n may be len(p) together with an error,
// and then nothing of p is to be written again.
func (r *released) Write(p []byte) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if err := r.l.c.settle(); err != nil || n == len(p) {
			return n, err
		}
		m, err := r.Conn.Write(p[n:min(len(p), n+r.l.record())])
		n, r.l.sent = n+m, r.l.sent+m
		if err != nil {
			return n, err
		}
	}
}

// Close interrupts who writes, as that of a *tls.Conn does: then nobody is told anything.
func (r *released) Close() error {
	if !r.mu.TryLock() {
		return r.l.c.Close()
	}
	defer r.mu.Unlock()
	return r.Conn.Close()
}

// NetConn is the connection below, of which nothing may be read and written.
func (r *released) NetConn() net.Conn { return r.l.c.over }
