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
	if err := c.giveLogs(); err != nil {
		return fmt.Errorf("user: %w", err)
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

// giveLogs makes the user the owner of logs that root owns: they are opened again at a reload, and
// by a successor. Links are left alone, and so is what has several names: in a directory of the
// user's they could be anything.
func (c *jacket) giveLogs() error {
	if c.who == nil || unix.Geteuid() != 0 {
		return nil
	}
	for _, name := range c.logs {
		fd, err := unix.Open(name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENOENT) { // outside of the chroot, or made later
			continue
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		err = c.who.give(fd)
		unix.Close(fd) // it was a name
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// give makes the user the owner of a file of root's.
func (who *identity) give(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink != 1 || st.Uid != 0 {
		return nil
	}
	return unix.Fchownat(fd, "", who.uid, who.gid, unix.AT_EMPTY_PATH)
}

var errNotRoot = errors.New("user: only root can become another user")

// become makes the process another user's.
func (who *identity) become() error {
	if who == nil {
		return nil
	}
	if unix.Geteuid() != 0 { // a successor, or who has been started so
		if unix.Geteuid() != who.uid || unix.Getegid() != who.gid {
			return errNotRoot
		}
		if err := who.hasNoOther(); err != nil {
			return err
		}
	} else if err := syscall.Setgroups(who.groups); err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	// also what is saved: who is somebody already may still be allowed to be another one
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

// hasNoOther finds groups that the process has been started with, and that only root could leave.
func (who *identity) hasNoOther() error {
	groups, err := syscall.Getgroups()
	if err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	for _, id := range groups {
		if id != who.gid && !slices.Contains(who.groups, id) {
			return fmt.Errorf("groups: the process was started with group %d, and only root can "+
				"leave it", id)
		}
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
