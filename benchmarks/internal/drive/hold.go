package drive

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// patience is how long an answer may take when connections are opened one by one.
const patience = 5 * time.Second

// Held is a number of open, idle connections. Their sockets are not known to the Go runtime, so
// that only the goroutine that asks for it is woken when something comes.
type Held struct {
	fds    []int
	window int // what the kernel keeps of what was not read, in bytes; 0: as it likes
}

// Hold opens n connections to addr, one after the other, sends request on each, reads the answer
// and leaves the connection open. The answer must be the right one; of an endless one, the head is
// read, and what comes with it.
func Hold(addr string, request contract.Request, n int) (*Held, error) {
	h := &Held{fds: make([]int, 0, n)}
	bytes := request.Bytes(addr, false)
	for i := range n {
		err := h.open(addr)
		if err == nil {
			err = ask(h.fds[i], bytes, request)
		}
		if err == nil {
			err = unix.SetNonblock(h.fds[i], true)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("drive: connection %d of %d: %w", i+1, n, err),
				h.Close())
		}
	}
	return h, nil
}

// open adds a connection, on which nothing was sent.
func (h *Held) open(addr string) error {
	family, server, err := resolve(addr)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("drive: socket: %w", err)
	}
	h.fds = append(h.fds, fd)
	if h.window > 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, h.window); err != nil {
			return fmt.Errorf("drive: SO_RCVBUF: %w", err)
		}
	}
	limit := unix.NsecToTimeval(int64(patience))
	return errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit), connect(fd, server))
}

// connect connects a blocking socket. A signal, such as those with which the Go runtime preempts,
// interrupts a connect with a timeout and does not restart it (signal(7)); the kernel goes on
// connecting, and connect must not be called again.
func connect(fd int, server unix.Sockaddr) error {
	err := unix.Connect(fd, server)
	if err != unix.EINTR {
		return err
	}
	ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for n := 0; n == 0; {
		n, err = unix.Poll(ready, int(patience.Milliseconds()))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n == 0:
			return unix.ETIMEDOUT
		}
	}
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	return err
}

// ask sends a request on a blocking socket and reads the answer.
func ask(fd int, bytes []byte, request contract.Request) error {
	if err := write(fd, bytes); err != nil {
		return err
	}
	if request.Endless {
		return receiveHead(fd)
	}
	return receiveOne(fd, request.Status)
}

func receiveOne(fd, status int) error {
	s := scanner{want: status}
	var buf [4096]byte
	for {
		n, err := read(fd, buf[:])
		if err != nil {
			return err
		}
		found, err := s.feed(buf[:n])
		switch {
		case err != nil:
			return err
		case found.bad > 0 || found.last:
			return errors.New("not answered rightly, or not kept open")
		case found.done > 0:
			return nil
		}
	}
}

// receiveHead reads until the head of a stream is complete. What of its body came with the head is
// thrown away: what a stream begins with is not what is counted.
func receiveHead(fd int) error {
	var head []byte
	var buf [4096]byte
	for !bytes.Contains(head, blank) {
		n, err := read(fd, buf[:])
		if err != nil {
			return err
		}
		if head = append(head, buf[:n]...); len(head) > maxHead {
			return errHead
		}
	}
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	status, err := parseStatus(line)
	if err == nil && status != 200 {
		err = fmt.Errorf("a stream with status %d", status)
	}
	return err
}

// read reads something; the end is an error.
func read(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, errors.New("no answer in time")
		case err != nil:
			return 0, err
		case n == 0:
			return 0, errors.New("closed by the server")
		default:
			return n, nil
		}
	}
}

// write writes all of p.
func write(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(fd, p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return errors.New("not taken in time")
		case err != nil:
			return err
		default:
			p = p[n:]
		}
	}
	return nil
}

// Alive counts the connections that the server has not closed. What it has sent meanwhile is read.
func (h *Held) Alive() int {
	alive := 0
	var buf [4096]byte
	for _, fd := range h.fds {
		n, err := unix.Read(fd, buf[:])
		for n > 0 && err == nil {
			n, err = unix.Read(fd, buf[:])
		}
		if err == unix.EAGAIN {
			alive++
		}
	}
	return alive
}

// Close closes all connections. They are reset (SO_LINGER 0), so that thousands of them leave no
// local port in TIME_WAIT for the contender after.
func (h *Held) Close() error {
	var failed error
	for _, fd := range h.fds {
		failed = errors.Join(failed,
			unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}),
			unix.Close(fd))
	}
	h.fds = nil
	return failed
}
