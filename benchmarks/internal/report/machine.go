package report

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is where it was measured.
type Machine struct {
	CPU         string `json:"cpu"`
	CPUs        int    `json:"cpus"`
	MemoryMiB   int64  `json:"memory_mib"`
	Kernel      string `json:"kernel"`
	LoadAverage string `json:"load_average"` // of 1, 5 and 15 minutes, before the first round
	Go          string `json:"go"`
	Commit      string `json:"commit"` // of golwan; with "-dirty" when there were changes
}

// ThisMachine describes the machine it runs on.
func ThisMachine(ctx context.Context) (Machine, error) {
	m := Machine{
		CPUs: runtime.NumCPU(), Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
	}
	cpus, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m, err
	}
	m.CPU = Model(cpus)
	memory, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return m, err
	}
	if m.MemoryMiB, err = Memory(memory); err != nil {
		return m, err
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return m, err
	}
	m.LoadAverage = strings.Join(strings.Fields(string(load))[:3], " ")
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		return m, fmt.Errorf("uname: %w", err)
	}
	m.Kernel = unix.ByteSliceToString(uname.Sysname[:]) + " " +
		unix.ByteSliceToString(uname.Release[:])
	m.Commit = commit(ctx)
	return m, nil
}

// Crowded reports whether other work kept more than a tenth of the CPUs busy in the minute before:
// figures of such a machine vary more than the contenders differ. The zero value is not crowded.
func (m Machine) Crowded() bool {
	minute, _, _ := strings.Cut(m.LoadAverage, " ")
	load, err := strconv.ParseFloat(minute, 64)
	return err == nil && load > 0.1*float64(m.CPUs)
}

// Model is the model of the first CPU in the content of /proc/cpuinfo. Not every architecture tells
// it.
func Model(cpuinfo []byte) string {
	for line := range bytes.Lines(cpuinfo) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		key := string(bytes.TrimSpace(name))
		if key == "model name" || key == "Model" || key == "cpu model" {
			return string(bytes.TrimSpace(value))
		}
	}
	return runtime.GOARCH
}

// Memory is the memory in MiB in the content of /proc/meminfo.
func Memory(meminfo []byte) (int64, error) {
	for line := range bytes.Lines(meminfo) {
		fields := bytes.Fields(line)
		if len(fields) >= 2 && string(fields[0]) == "MemTotal:" {
			kib, err := strconv.ParseInt(string(fields[1]), 10, 64)
			return kib >> 10, err
		}
	}
	return 0, fmt.Errorf("meminfo: no MemTotal in %.100q", meminfo)
}

// commit is what git says of the folder, which is for information only: a copy without a repository
// is "unknown".
func commit(ctx context.Context) string {
	output, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty",
		"--abbrev=12").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(output))
}
