package drive

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// patience is how long an answer may take when connections are opened one by one.
const patience = 5 * time.Second

// Held is a number of open, idle connections.
type Held struct {
	conns []net.Conn
}

// Hold opens n connections to addr, one after the other, sends request on each, reads the answer and leaves the
// connection open. The answer must be the right one.
func Hold(addr string, request contract.Request, n int) (*Held, error) {
	h := &Held{conns: make([]net.Conn, 0, n)}
	bytes := request.Bytes(addr, false)
	for i := range n {
		if err := h.add(addr, bytes); err != nil {
			return nil, errors.Join(fmt.Errorf("drive: connection %d of %d: %w", i+1, n, err), h.Close())
		}
	}
	return h, nil
}

func (h *Held) add(addr string, request []byte) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	h.conns = append(h.conns, conn)
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	if err := receiveOne(conn); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

func receiveOne(conn net.Conn) error {
	var s scanner
	var buf [4096]byte
	for {
		n, err := conn.Read(buf[:])
		if err != nil {
			return err
		}
		found, err := s.feed(buf[:n])
		switch {
		case err != nil:
			return err
		case found.bad > 0 || found.last:
			return errors.New("not answered with 200, or not kept open")
		case found.done > 0:
			return nil
		}
	}
}

// Alive counts the connections that the server has not closed.
func (h *Held) Alive() (int, error) {
	alive := 0
	for _, conn := range h.conns {
		open, err := isOpen(conn.(*net.TCPConn))
		if err != nil {
			return alive, err
		}
		if open {
			alive++
		}
	}
	return alive, nil
}

// isOpen looks whether there is anything to read: on an idle connection that can only be its end.
func isOpen(conn *net.TCPConn) (bool, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false, err
	}
	var peeked error
	err = raw.Control(func(fd uintptr) {
		_, _, peeked = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	return peeked == unix.EAGAIN, err
}

// Close closes all connections. They are reset (SO_LINGER 0), so that thousands of them leave no local port in
// TIME_WAIT for the contender after.
func (h *Held) Close() error {
	var failed error
	for _, conn := range h.conns {
		failed = errors.Join(failed, conn.(*net.TCPConn).SetLinger(0), conn.Close())
	}
	h.conns = nil
	return failed
}
