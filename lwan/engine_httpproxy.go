//go:build !linux || golwan_nethttp

package lwan

import (
	"errors"
	"io"
	"net"
	"net/netip"

	"github.com/golwan/golwan/lwan/internal/proxyhead"
)

// addrOf is the address of a peer; invalid on a unix socket.
func addrOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// hear reads the header with which a proxy says whom a connection is of. It reports false if that is
// no more.
func (l *shakingListener) hear(raw *countingConn) bool {
	client, err := readProxyHead(raw)
	if err != nil {
		var broken net.Error
		if err != io.EOF && !errors.As(err, &broken) {
			l.eng.core.log.Warn("lwan: closed for want of a PROXY protocol header", "peer",
				raw.RemoteAddr(), "err", err)
		}
		_ = raw.Close() // it fails if that has been done
		return false
	}
	if client.IsValid() {
		raw.client = net.TCPAddrFromAddrPort(client)
	}
	addr, ok := l.addrs.enter(raw.RemoteAddr())
	if raw.addr = addr; ok {
		return true
	}
	l.eng.rejected.Add(1)
	conn := raw.Release()
	if l.sec != nil || l.end.Conn != nil {
		_ = conn.Close() // its peer could not read what is in the clear
		return false
	}
	l.refuse(conn, refusal)
	return false
}

// readProxyHead reads a header, and no byte behind it. io.EOF: nothing was sent.
func readProxyHead(conn net.Conn) (netip.AddrPort, error) {
	var head []byte
	for {
		have := len(head)
		head = append(head, make([]byte, proxyhead.Missing(head))...)
		got, err := io.ReadAtLeast(conn, head[have:], 1)
		head = head[:have+got]
		if err != nil {
			if have > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return netip.AddrPort{}, err
		}
		if client, n, err := proxyhead.Parse(head); n > 0 || err != nil {
			return client, err
		}
	}
}
