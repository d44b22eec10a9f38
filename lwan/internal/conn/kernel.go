//go:build linux

package conn

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Kernel is the seam to the operating system's sockets: what a loop asks of them while it runs.
// Tests put one in its place that does its work badly (package faults). Every method is
// non-blocking except Sendfile, which may read a disk if not cached. loop.Poller is the seam to
// readiness.
type Kernel interface {
	Read(fd int, p []byte) (int, syscall.Errno)
	Peek(fd int, p []byte) (int, syscall.Errno)
	Write(fd int, p []byte) (int, syscall.Errno)
	// more follows at once: what fills no segment is held back for it
	WriteMore(fd int, p []byte) (int, syscall.Errno)
	Writev(fd int, iov []unix.Iovec) (int, syscall.Errno)
	// cached: the piece of the file is in memory, as far as one knows
	Sendfile(out, in int, off *int64, n int, cached bool) (int, syscall.Errno)
	Accept(fd int, from *Sockaddr) (int, syscall.Errno) // from: the peer's address
	Close(fd int) syscall.Errno
	Shutdown(fd, how int) syscall.Errno
	Socket(domain int) (int, syscall.Errno) // a stream socket
	Connect(fd int, to unix.Sockaddr) syscall.Errno
	Connected(fd int) syscall.Errno // what has become of a connection that was in progress
}

// Linux is the kernel itself. Non-blocking calls go straight to it (RawSyscall): telling the
// scheduler costs more than a tenth of a request. That is sound only because they cannot block, and
// because no single one moves more than maxTransfer bytes: the garbage collector cannot stop a
// thread inside a raw call. recvfrom and sendto are cheaper on sockets than read and write, which
// go through the file system's layer.
type Linux struct{}

// maxTransfer bounds the bytes that one raw call moves.
const maxTransfer = 256 << 10

func (Linux) Read(fd int, p []byte) (int, syscall.Errno) {
	if len(p) > maxTransfer {
		p = p[:maxTransfer]
	}
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
	return int(n), e
}

// Peek is Read that leaves what it reads where it is.
func (Linux) Peek(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
		unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return int(n), e
}

func (Linux) Write(fd int, p []byte) (int, syscall.Errno) {
	return send(fd, p, unix.MSG_NOSIGNAL)
}

func (Linux) WriteMore(fd int, p []byte) (int, syscall.Errno) {
	return send(fd, p, unix.MSG_NOSIGNAL|unix.MSG_MORE)
}

func send(fd int, p []byte, flags uintptr) (int, syscall.Errno) {
	if len(p) > maxTransfer {
		p = p[:maxTransfer]
	}
	n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	return int(n), e
}

func (Linux) Writev(fd int, iov []unix.Iovec) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(iov))), uintptr(len(iov)))
	return int(n), e
}

func (Linux) Sendfile(out, in int, off *int64, n int, cached bool) (int, syscall.Errno) {
	if cached {
		r, _, e := unix.RawSyscall6(unix.SYS_SENDFILE, uintptr(out), uintptr(in),
			uintptr(unsafe.Pointer(off)), uintptr(min(n, maxTransfer)), 0, 0)
		return int(r), e
	}
	r, _, e := unix.Syscall6(unix.SYS_SENDFILE, uintptr(out), uintptr(in),
		uintptr(unsafe.Pointer(off)), uintptr(n), 0, 0)
	return int(r), e
}

func (Linux) Accept(fd int, from *Sockaddr) (int, syscall.Errno) {
	size := sockaddrLen
	n, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(from)),
		uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	return int(n), e
}

func (Linux) Close(fd int) syscall.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return e
}

func (Linux) Shutdown(fd, how int) syscall.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0)
	return e
}

func (Linux) Socket(domain int) (int, syscall.Errno) {
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return fd, errnoOf(err)
}

func (Linux) Connect(fd int, to unix.Sockaddr) syscall.Errno {
	return errnoOf(unix.Connect(fd, to))
}

func (Linux) Connected(fd int) syscall.Errno {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && n != 0 {
		return syscall.Errno(n)
	}
	if err == nil {
		_, err = unix.Getpeername(fd)
	}
	if err == unix.ENOTCONN {
		return unix.EINPROGRESS
	}
	return errnoOf(err)
}

// errnoOf is what package unix returns as an error; 0: nil.
func errnoOf(err error) syscall.Errno {
	switch e := err.(type) {
	case nil:
		return 0
	case syscall.Errno:
		return e
	}
	return syscall.EINVAL // package unix has found a fault in an argument
}
