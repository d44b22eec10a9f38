package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock (landlock(7)) lets a process forbid itself to open what it has not named. What is open
// stays open.

// What a rule allows below a directory, and of a file.
const (
	landRead  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | landList
	landList  = unix.LANDLOCK_ACCESS_FS_READ_DIR
	landWrite = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_READ_FILE
	landMake = landList | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_SYM |
		unix.LANDLOCK_ACCESS_FS_REFER
)

// handledBy is what each version of the interface can forbid: all of it is forbidden.
func handledBy(version int) (rights uint64) {
	rights = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1 // version 1
	if version >= 2 {
		rights |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		rights |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 5 {
		rights |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return rights
}

var errNoLandlock = errors.New("this kernel has none: Linux 5.13 or later, with landlock among " +
	"its security modules")

// landlock forbids all threads to open anything but the paths. One that is not there cannot be
// opened later either, unless it is below another one.
func landlock(paths []openedPath) error {
	version, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0,
		unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e == unix.ENOSYS || e == unix.EOPNOTSUPP {
		return errNoLandlock
	} else if e != 0 {
		return e
	}
	handled := handledBy(int(version))
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handled}
	// the first field alone is what every version knows
	rules, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)),
		unsafe.Sizeof(attr.Handled_access_fs), 0)
	if e != 0 {
		return e
	}
	defer unix.Close(int(rules)) // the threads have it then
	for _, p := range paths {
		if err := allowPath(int(rules), handled, p); err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
	}
	// without new privileges only: root may do without
	if err := all("no_new_privs", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return err
	}
	if _, _, e := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, rules, 0,
		0); e != 0 {
		return e
	}
	return nil
}

// allowPath adds a rule; what is not there, or out of the user's reach anyway, has none.
func allowPath(rules int, handled uint64, p openedPath) error {
	fd, err := unix.Open(p.path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	} else if err != nil {
		return err
	}
	defer unix.Close(fd) // it was a name
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	rights := uint64(landRead)
	if p.write {
		rights |= landWrite | landMake
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= landWrite | unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
		if !p.write {
			rights &= landRead
		}
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights & handled, Parent_fd: int32(fd)}
	_, _, e := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules),
		unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}
