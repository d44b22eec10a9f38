//go:build !linux || golwan_nethttp

package lwan

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/tlslayer"
)

// handshakeCounts are for Stats.Secure.
type handshakeCounts struct{ done, resumed, failed, pending atomic.Int64 }

// shakingListener hands out connections that have said whom they stand for, where they have to, and
// whose handshake is done, to net/http, which has no bound for them. Each has a goroutine meanwhile:
//
//	accepted ──header of PROXY──▶ first record whole ──▶ waits for its turn ──▶ handshake ──▶ Accept
type shakingListener struct {
	*countingListener
	sec *security // nil: nothing is encrypted

	results chan shaken   // what Accept returns
	gone    chan struct{} // closed by Close: nobody asks for results any more
	leave   sync.Once     // of gone
	begin   sync.Once     // of accepting
	under   sync.WaitGroup
	over    chan struct{} // closed when nothing is under way any more
}

type shaken struct {
	conn net.Conn
	err  error
}

// handshakes is a listener for net/http; sec is nil where nothing is encrypted.
func (e *httpEngine) handshakes(l *countingListener, sec *security) net.Listener {
	if sec == nil && len(l.end.Proxy) == 0 {
		return l
	}
	s := &shakingListener{
		countingListener: l, sec: sec,
		results: make(chan shaken), gone: make(chan struct{}), over: make(chan struct{}),
	}
	e.shakers = append(e.shakers, s)
	return s
}

// wait waits for the end of the handshakes under way, behind Close.
func (l *shakingListener) wait() {
	l.begin.Do(func() { close(l.over) })
	<-l.over
}

// Accept returns a connection that speaks HTTP, or an error of the listener below. One that was
// closed is told of when the handshakes under way have ended.
func (l *shakingListener) Accept() (net.Conn, error) {
	l.begin.Do(func() { go l.accept() })
	select {
	case r := <-l.results:
		return r.conn, r.err
	case <-l.gone:
		return nil, net.ErrClosed
	}
}

// Close ends handshakes under way, too.
func (l *shakingListener) Close() error {
	l.leave.Do(func() { close(l.gone) })
	return l.countingListener.Close()
}

// accept ends with the listener. After other errors net/http asks again when it thinks fit.
func (l *shakingListener) accept() {
	defer close(l.over)
	for {
		conn, err := l.countingListener.Accept()
		if err == nil {
			l.under.Go(func() { l.shake(conn.(*countingConn)) })
			continue
		}
		closed := errors.Is(err, net.ErrClosed)
		if closed {
			l.under.Wait()
		}
		if !l.give(nil, err) || closed {
			l.under.Wait()
			return
		}
	}
}

// give gives Accept something to return. It reports false if nobody asks any more.
func (l *shakingListener) give(conn net.Conn, err error) bool {
	select {
	case l.results <- shaken{conn, err}:
		return true
	case <-l.gone:
		return false
	}
}

// shake does the handshake of one connection.
func (l *shakingListener) shake(raw *countingConn) {
	stop := make(chan struct{})
	defer close(stop)
	go func() { // ends what waits when the server is closed
		select {
		case <-l.gone:
			_ = raw.SetDeadline(time.Unix(1, 0)) // it fails for one that is closed already
		case <-stop:
		}
	}()
	limit := orPause(l.eng.core.srv.HandshakeTimeout, defaultHandshake)
	if limit > 0 {
		if err := raw.SetDeadline(time.Now().Add(limit)); err != nil {
			_ = raw.Close() // the client has gone
			return
		}
	}
	if raw.announced && !l.hear(raw) {
		return
	}
	if l.sec == nil {
		if raw.SetDeadline(time.Time{}) != nil || !l.give(raw, nil) {
			_ = raw.Close() // it is gone, or nobody asks any more
		}
		return
	}
	conn := l.attempt(raw, limit)
	if conn == nil {
		return
	}
	state := conn.ConnectionState()
	l.eng.secure.done.Add(1)
	if state.DidResume {
		l.eng.secure.resumed.Add(1)
	}
	if !l.sec.speaks(state.NegotiatedProtocol) || !l.give(conn, nil) {
		_ = conn.Close() // the client has all that it wanted, or finds the end of the server
	}
}

// attempt is handshake, whose failure is counted, and where callbacks of the program's may panic or
// end the goroutine; nil: it has failed.
func (l *shakingListener) attempt(raw *countingConn, limit time.Duration) (conn *tls.Conn) {
	counts, err, returned := &l.eng.secure, errNoReturn, false
	counts.pending.Add(1)
	defer func() {
		if v := recover(); v != nil {
			l.eng.core.log.Error("lwan: panic in a callback of tls.Config", "panic", v,
				"stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", v)
		}
		counts.pending.Add(-1)
		if err != nil {
			counts.failed.Add(1)
			l.eng.core.log.Debug("lwan: no handshake", "remote", raw.RemoteAddr(), "err", err)
		}
		if !returned {
			_ = raw.Close() // it fails if the callback has done that
		}
	}()
	conn, err = l.handshake(raw, limit)
	returned = true
	return conn
}

// handshake closes raw if it fails: at once, or when a client that is refused has read why.
func (l *shakingListener) handshake(raw *countingConn, limit time.Duration) (*tls.Conn, error) {
	hello, err := readHello(raw)
	if errors.Is(err, tlslayer.ErrPlain) {
		l.refusePlain(raw, hello)
		return nil, err
	}
	if err == nil {
		err = l.turn(limit)
	}
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	defer l.done()
	raw.first = hello
	conn := tls.Server(raw, l.sec.config)
	if err := conn.Handshake(); err != nil {
		return nil, errors.Join(err, raw.Close()) // the alert has been sent
	}
	return conn, raw.SetDeadline(time.Time{})
}

// readHello reads the first record, or at least a header that is none.
func readHello(conn net.Conn) (hello []byte, err error) {
	for {
		missing, err := tlslayer.Hello(hello)
		if missing == 0 || err != nil {
			return hello, err
		}
		have := len(hello)
		hello = append(hello, make([]byte, missing)...)
		n, err := io.ReadFull(conn, hello[have:])
		hello = hello[:have+n]
		if err != nil {
			return hello, err
		}
	}
}

var errHandshakes = errors.New("lwan: too many handshakes at a time")

// turn waits until the handshake may begin.
func (l *shakingListener) turn(limit time.Duration) error {
	if l.eng.shaking == nil {
		return nil
	}
	select {
	case l.eng.shaking <- struct{}{}:
		return nil
	default:
	}
	var late <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case l.eng.shaking <- struct{}{}:
		return nil
	case <-late:
		return errHandshakes
	case <-l.gone:
		return net.ErrClosed
	}
}

func (l *shakingListener) done() {
	if l.eng.shaking != nil {
		<-l.eng.shaking
	}
}

// refusePlain tells a client of HTTP that it should have encrypted, and closes the connection.
func (l *shakingListener) refusePlain(raw *countingConn, first []byte) {
	if l.sec.bare || !plainHTTP(first) {
		_ = raw.Close()
		return
	}
	l.refuse(raw, plainRefusal)
}
