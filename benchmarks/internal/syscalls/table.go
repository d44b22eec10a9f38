package syscalls

import (
	"bytes"
	"fmt"
	"strconv"
)

// Calls is a number of calls by the name of the system call.
type Calls map[string]int64

// Total is the sum over all names.
func (c Calls) Total() int64 {
	var total int64
	for _, n := range c {
		total += n
	}
	return total
}

// The columns of strace -c: share, seconds, microseconds a call, calls, errors if any, name.
const (
	columnCalls = 3
	columnsMin  = 5
	columnsMax  = 6
)

// Parse reads the table that strace -c prints; when several were printed, the numbers are added up.
func Parse(table []byte) (Calls, error) {
	calls := Calls{}
	for line := range bytes.Lines(table) {
		fields := bytes.Fields(line)
		if len(fields) < columnsMin || len(fields) > columnsMax {
			continue // the head of the table, or a message
		}
		if _, err := strconv.ParseFloat(string(fields[0]), 64); err != nil {
			continue
		}
		n, err := strconv.ParseInt(string(fields[columnCalls]), 10, 48)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("strace: no number of calls in %q", line)
		}
		if name := string(fields[len(fields)-1]); name != "total" {
			calls[name] += n
		}
	}
	if len(calls) == 0 {
		return nil, fmt.Errorf("strace: no table in %.200q", table)
	}
	return calls, nil
}
