//go:build !golwan_nethttp

package lwan

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan/internal/loop"
)

// goroutineOf finds the stack of a worker in a goroutine profile, by its label: its functions,
// innermost first, and as text. A profile stops the world only for a moment, which a dump of all
// stacks does not. taken is called as soon as it is there: to write it takes milliseconds for each
// thousand of goroutines.
func goroutineOf(worker uint64, taken func()) (names []string, stack []byte) {
	profile := profileText{taken: taken}
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return nil, nil
	}
	label := fmt.Sprintf("# labels: {%q:\"%d\"}", loop.WorkerLabel, worker)
	for record := range bytes.SplitSeq(profile.Bytes(), []byte("\n\n")) {
		if !bytes.Contains(record, []byte(label)) {
			continue
		}
		names, stack := readableStack(record)
		// goroutines inherit the labels of those who start them
		if slices.ContainsFunc(names, isWorker) {
			return names, stack
		}
	}
	return nil, nil
}

// profileText is a profile as text. It says when the first of it comes.
type profileText struct {
	bytes.Buffer
	taken func()
}

func (p *profileText) Write(b []byte) (int, error) {
	if p.Len() == 0 {
		p.taken()
	}
	return p.Buffer.Write(b)
}

func isWorker(function string) bool { return strings.HasSuffix(function, "loop.(*Worker).run") }

// readableStack turns a record of a profile, "1 @ 0xpc 0xpc ...", into lines of functions and
// places.
func readableStack(record []byte) (names []string, stack []byte) {
	head, _, _ := bytes.Cut(record, []byte("\n"))
	_, list, ok := bytes.Cut(head, []byte(" @ "))
	if !ok {
		return nil, nil
	}
	var pcs []uintptr
	for word := range bytes.FieldsSeq(list) {
		pc, err := strconv.ParseUint(strings.TrimPrefix(string(word), "0x"), 16, 64)
		if err != nil {
			return nil, nil
		}
		pcs = append(pcs, uintptr(pc))
	}
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		names = append(names, f.Function)
		stack = fmt.Appendf(stack, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return names, stack
		}
	}
}

// isWaiting reports whether the innermost functions are those of a goroutine that gave up its
// processor, or is in a system call: of its own accord, not because it has to help the collector.
func isWaiting(names []string) bool {
	switch {
	case len(names) == 0:
		return false
	case strings.Contains(names[0], "yscall"): // syscall.Syscall, internal/runtime/syscall.Syscall6
		return true
	case names[0] != "runtime.gopark":
		return false
	}
	for _, name := range names[1:] {
		if !strings.HasPrefix(name, "runtime.") {
			break
		}
		if strings.HasPrefix(name, "runtime.gc") || strings.HasPrefix(name, "runtime.malloc") {
			return false
		}
	}
	return true
}
