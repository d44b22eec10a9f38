//go:build linux

package evloop

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Kernel is the seam to the operating system's sockets and threads: what a loop asks of them while it runs. Tests put Faults in
// its place. Every method is non-blocking except sendfile, which may read a disk. Poller is the seam to readiness.
type Kernel interface {
	read(fd int, p []byte) (int, syscall.Errno)
	peek(fd int, p []byte) (int, syscall.Errno)
	write(fd int, p []byte) (int, syscall.Errno)
	writeMore(fd int, p []byte) (int, syscall.Errno) // more follows at once: what fills no segment is held back for it
	writev(fd int, iov []unix.Iovec) (int, syscall.Errno)
	sendfile(out, in int, off *int64, n int) (int, syscall.Errno)
	accept(fd int, from *sockaddr) (int, syscall.Errno) // from: the peer's address
	close(fd int) syscall.Errno
	shutdown(fd, how int) syscall.Errno
	pin(n int) error
}

// linux is the kernel itself. Non-blocking calls go straight to it (RawSyscall): telling the scheduler costs more than
// a tenth of a request. That is sound only because they cannot block, and because no single one moves more than
// maxTransfer bytes: the garbage collector cannot stop a thread inside a raw call. recvfrom and sendto are cheaper on
// sockets than read and write, which go through the file system's layer.
type linux struct{}

// maxTransfer bounds the bytes that one raw call moves.
const maxTransfer = 256 << 10

func (linux) read(fd int, p []byte) (int, syscall.Errno) {
	if len(p) > maxTransfer {
		p = p[:maxTransfer]
	}
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
	return int(n), e
}

// peek is read that leaves what it reads where it is.
func (linux) peek(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
		unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return int(n), e
}

func (linux) write(fd int, p []byte) (int, syscall.Errno) {
	return send(fd, p, unix.MSG_NOSIGNAL)
}

func (linux) writeMore(fd int, p []byte) (int, syscall.Errno) {
	return send(fd, p, unix.MSG_NOSIGNAL|unix.MSG_MORE)
}

func send(fd int, p []byte, flags uintptr) (int, syscall.Errno) {
	if len(p) > maxTransfer {
		p = p[:maxTransfer]
	}
	n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	return int(n), e
}

func (linux) writev(fd int, iov []unix.Iovec) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(iov))), uintptr(len(iov)))
	return int(n), e
}

func (linux) sendfile(out, in int, off *int64, n int) (int, syscall.Errno) {
	r, _, e := unix.Syscall6(unix.SYS_SENDFILE, uintptr(out), uintptr(in), uintptr(unsafe.Pointer(off)), uintptr(n), 0, 0)
	return int(r), e
}

func (linux) accept(fd int, from *sockaddr) (int, syscall.Errno) {
	size := sockaddrLen
	n, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(from)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	return int(n), e
}

func (linux) close(fd int) syscall.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return e
}

func (linux) shutdown(fd, how int) syscall.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0)
	return e
}

// pin ties the calling thread to the n-th of the CPUs that it may use.
func (linux) pin(n int) error {
	var may, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return err
	}
	n %= may.Count()
	for cpu := 0; ; cpu++ {
		if !may.IsSet(cpu) {
			continue
		}
		if n == 0 {
			one.Set(cpu)
			return unix.SchedSetaffinity(0, &one)
		}
		n--
	}
}
