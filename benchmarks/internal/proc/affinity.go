package proc

import (
	"fmt"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// AnyCPU leaves a process on the CPUs that its parent may use.
const AnyCPU = -1

// startOn starts cmd on one CPU. A child inherits the affinity of the thread that forks it, so the
// pinning is in force before the child's first instruction: a Go program sizes itself by it.
func startOn(cmd *exec.Cmd, cpu int) error {
	if cpu == AnyCPU {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("sched_getaffinity: %w", err)
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("CPU %d: sched_setaffinity: %w", cpu, err)
	}
	err := cmd.Start()
	if restored := unix.SchedSetaffinity(0, &before); restored != nil {
		runtime.LockOSThread() // keep other goroutines off a thread that stays pinned
		return fmt.Errorf("sched_setaffinity: %w", restored)
	}
	return err
}
