package gateway

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent lets the process be killed when the server is.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

// reap waits for the end of the process, and kills what it has left behind while its number is
// still its own.
func (c *child) reap() error {
	for {
		err := unix.Waitid(unix.P_PID, c.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break // an error is one of Wait as well
		}
	}
	c.signal(syscall.SIGKILL, true)
	return c.cmd.Wait()
}
