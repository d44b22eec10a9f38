package conf

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const howToConfine = "build it with CGO_ENABLED=0: with C code in it no thread can speak for all"

// canConfine: with cgo a system call is a thread's alone, and not the process's.
var canConfine = sync.OnceValue(func() bool {
	_, _, e := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_GET_NO_NEW_PRIVS, 0, 0)
	return e == 0
})

// enter goes into the chroot.
func (c *jacket) enter() error {
	if c == nil || c.Chroot == "" {
		return nil
	}
	err := unix.Chroot(c.Chroot)
	if err == nil {
		err = os.Chdir("/")
	}
	if err != nil {
		return fmt.Errorf("%s: straitjacket: chroot %s: %w", c.n.at.pos(), c.Chroot, err)
	}
	c.entered = true
	return nil
}

// confine gives up, for all threads, what is to be given up.
func (c *jacket) confine() error {
	if c.Chroot != "" && !c.entered {
		return errNotEntered
	}
	if c.DropCapabilities && unix.Geteuid() == 0 {
		err := dropBounds()
		if errors.Is(err, unix.EPERM) && c.NoNewPrivileges {
			err = nil // root of a container may not, and then no program gains any
		}
		if err != nil {
			return fmt.Errorf("drop_capabilities: %w", err)
		}
	}
	if err := c.who.become(); err != nil {
		return err
	}
	if c.NoNewPrivileges {
		if err := all("no_new_privileges", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS,
			1); err != nil {
			return err
		}
	}
	if c.DropCapabilities {
		if err := dropCapabilities(); err != nil {
			return err
		}
	}
	if !c.Landlock {
		return nil
	}
	paths := slices.Clone(c.opens)
	for _, p := range c.Read {
		paths = append(paths, openedPath{path: p})
	}
	for _, p := range c.Write {
		paths = append(paths, openedPath{p, true})
	}
	if err := landlock(paths); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	return nil
}

var errNotEntered = errors.New("chroot: the server was not started by Run of this package")

// all calls the system for each thread.
func all(what string, trap, a, b uintptr) error {
	if _, _, e := syscall.AllThreadsSyscall6(trap, a, b, 0, 0, 0, 0); e != 0 {
		return fmt.Errorf("%s: %w", what, e)
	}
	return nil
}

var errNotRoot = errors.New("user: only root can become another user")

// become makes the process another user's.
func (who *identity) become() error {
	switch {
	case who == nil:
		return nil
	case unix.Geteuid() == who.uid && unix.Getuid() == who.uid && unix.Getegid() == who.gid:
		return nil // a successor, or who has been started so
	case unix.Geteuid() != 0:
		return errNotRoot
	}
	if err := syscall.Setgroups(who.groups); err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	if err := syscall.Setresgid(who.gid, who.gid, who.gid); err != nil {
		return fmt.Errorf("group: %w", err)
	}
	if err := syscall.Setresuid(who.uid, who.uid, who.uid); err != nil {
		return fmt.Errorf("user: %w", err)
	}
	if syscall.Setuid(0) == nil {
		return errors.New("user: the process could become root again")
	}
	return nil
}

// dropBounds drops what a program that is started could get, for which the process still needs
// capabilities.
func dropBounds() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		_, _, e := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0, 0, 0, 0)
		if e == unix.EINVAL { // this kernel has no more
			return nil
		}
		if e != 0 {
			return e
		}
	}
	return nil
}
