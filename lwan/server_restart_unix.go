//go:build unix

package lwan

import (
	"os"
	"os/signal"
	"syscall"
)

// canHandOver: a process can start with the descriptors of another one.
const canHandOver = true

// notifyRestart sends to c when the process is asked to restart.
func notifyRestart(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR2) }

// inheritedFile is a descriptor that this process was started with, and that its own children must
// not get.
func inheritedFile(fd int, name string) *os.File {
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name)
}
