package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: USER_HZ is 100 on every architecture that Go
// runs on.
const tick = time.Second / 100

// Stat is what a measurement needs from /proc/PID/stat; see proc_pid_stat(5).
type Stat struct {
	PID, Parent int
	User        time.Duration // in user mode, all threads, those that have ended included
	System      time.Duration // in the kernel
	Reaped      time.Duration // both, of children that have ended and were waited for
	Threads     int
}

// CPU is the time that the process and its ended children have used.
func (s Stat) CPU() time.Duration { return s.User + s.System + s.Reaped }

// Positions in the line after the name, counted from the state, which proc_pid_stat(5) calls field
// 3.
const (
	fieldParent  = 4 - 3
	fieldUser    = 14 - 3
	fieldSystem  = 15 - 3
	fieldReapedU = 16 - 3
	fieldReapedS = 17 - 3
	fieldThreads = 20 - 3
)

// ParseStat parses the content of /proc/PID/stat. The name of the program stands in parentheses and
// may contain spaces and parentheses itself, so the fields are counted from the last one.
func ParseStat(content []byte) (Stat, error) {
	open, end := bytes.IndexByte(content, '('), bytes.LastIndexByte(content, ')')
	if open < 0 || end < open {
		return Stat{}, fmt.Errorf("stat: no name in %.60q", content)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(content[:open])))
	if err != nil {
		return Stat{}, fmt.Errorf("stat: %w", err)
	}
	fields := bytes.Fields(content[end+1:])
	if len(fields) <= fieldThreads {
		return Stat{}, fmt.Errorf("stat: %d fields after the name", len(fields))
	}
	var n [fieldThreads + 1]int64
	for _, i := range []int{
		fieldParent, fieldUser, fieldSystem, fieldReapedU, fieldReapedS, fieldThreads,
	} {
		if n[i], err = strconv.ParseInt(string(fields[i]), 10, 64); err != nil {
			return Stat{}, fmt.Errorf("stat: %w", err)
		}
	}
	return Stat{
		PID: pid, Parent: int(n[fieldParent]), Threads: int(n[fieldThreads]),
		User: time.Duration(n[fieldUser]) * tick, System: time.Duration(n[fieldSystem]) * tick,
		Reaped: time.Duration(n[fieldReapedU]+n[fieldReapedS]) * tick,
	}, nil
}

func readStat(pid int) (Stat, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Stat{}, err
	}
	return ParseStat(content)
}
