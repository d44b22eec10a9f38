package conf

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dropCapabilities drops all capabilities of all threads. The two structs are read by the kernel
// and not kept, and do not move while it does: they are on the heap.
func dropCapabilities() error {
	err := all("drop_capabilities", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT,
		unix.PR_CAP_AMBIENT_CLEAR_ALL)
	if err != nil {
		return err
	}
	head := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	none := &[2]unix.CapUserData{}
	_, _, e := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(head)),
		uintptr(unsafe.Pointer(none)), 0)
	if e != 0 {
		return fmt.Errorf("drop_capabilities: %w", e)
	}
	return nil
}
