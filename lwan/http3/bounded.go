package http3

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// boundedListener refuses connections beyond a number: each costs memory before it asks for
// anything, and a client may keep it open for ever. While there are as many as may be, others are
// refused before their handshake; those whose handshake was under way then, behind it.
type boundedListener struct {
	*quic.EarlyListener
	most int64
	open *atomic.Int64 // connections that were accepted and have not ended
}

var errFull = errors.New("http3: there are too many connections")

func listenBounded(conn net.PacketConn, c Config) (*boundedListener, error) {
	ln := &boundedListener{most: int64(c.Conns), open: new(atomic.Int64)}
	q := &quic.Config{MaxIncomingStreams: int64(c.Streams), MaxIdleTimeout: c.Idle}
	q.GetConfigForClient = func(*quic.ClientInfo) (*quic.Config, error) {
		if ln.open.Load() >= ln.most {
			return nil, errFull
		}
		return q, nil
	}
	var err error
	ln.EarlyListener, err = quic.ListenEarly(conn, http3.ConfigureTLSConfig(c.TLS), q)
	return ln, err
}

// Accept implements http3.QUICListener.
func (l *boundedListener) Accept(ctx context.Context) (*quic.Conn, error) {
	for {
		conn, err := l.EarlyListener.Accept(ctx)
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.most {
			context.AfterFunc(conn.Context(), func() { l.open.Add(-1) })
			return conn, nil
		}
		l.open.Add(-1)
		_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), "")
	}
}
