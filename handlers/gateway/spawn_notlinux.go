//go:build unix && !linux

package gateway

import "syscall"

// dieWithParent does nothing: only Linux tells a process of its parent's death.
func dieWithParent(*syscall.SysProcAttr) {}

// reap waits for the end of the process, and kills what it has left behind.
func (c *child) reap() error {
	err := c.cmd.Wait()
	c.signal(syscall.SIGKILL, true)
	return err
}
