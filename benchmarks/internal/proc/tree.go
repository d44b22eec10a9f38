package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Usage is what a process and all its living descendants have used together.
type Usage struct {
	CPU       time.Duration
	Resident  int64 // bytes; pages that several of them share are counted for each
	Processes int
	Threads   int
}

// Descendants picks root and its descendants from all, parents first.
func Descendants(all []Stat, root int) []Stat {
	children := make(map[int][]Stat, len(all))
	var tree []Stat
	for _, s := range all {
		if s.PID == root {
			tree = append(tree, s)
		} else {
			children[s.Parent] = append(children[s.Parent], s)
		}
	}
	for i := 0; i < len(tree); i++ {
		below := children[tree[i].PID]
		delete(children, tree[i].PID) // so that a nonsensical circle ends
		tree = append(tree, below...)
	}
	return tree
}

// tree reads root and its living descendants, parents first.
func tree(root int) ([]Stat, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []Stat
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue // not a process
		}
		stat, err := readStat(pid)
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, stat)
	}
	found := Descendants(all, root)
	if len(found) == 0 {
		return nil, fmt.Errorf("process %d: %w", root, os.ErrProcessDone)
	}
	return found, nil
}

// UsageOf is what the process root, which this program need not have started, and its descendants
// have used.
func UsageOf(root int) (Usage, error) { return usage(root) }

// usage sums over the tree of root.
func usage(root int) (Usage, error) {
	members, err := tree(root)
	if err != nil {
		return Usage{}, err
	}
	var sum Usage
	for _, m := range members {
		resident, err := readResident(m.PID)
		if gone(err) && m.PID != root {
			continue // a worker that has just ended: its parent's Reaped has its time
		}
		if err != nil {
			return Usage{}, err
		}
		sum.CPU += m.CPU()
		sum.Resident += resident
		sum.Processes++
		sum.Threads += m.Threads
	}
	return sum, nil
}

// gone says that a process ended between being listed and being read.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
