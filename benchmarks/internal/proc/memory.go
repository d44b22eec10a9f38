package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// ParseResident returns the resident memory, in bytes, that the content of /proc/PID/smaps_rollup
// states. Unlike the figure in /proc/PID/statm it is counted page by page at the moment of reading.
func ParseResident(content []byte) (int64, error) {
	for line := range bytes.Lines(content) {
		value, found := bytes.CutPrefix(line, []byte("Rss:"))
		if !found {
			continue
		}
		value, found = bytes.CutSuffix(bytes.TrimSpace(value), []byte(" kB"))
		if !found {
			return 0, fmt.Errorf("smaps_rollup: no unit in %q", line)
		}
		kib, err := strconv.ParseInt(string(value), 10, 53)
		if err != nil || kib < 0 {
			return 0, fmt.Errorf("smaps_rollup: %q is no size", value)
		}
		return kib << 10, nil
	}
	return 0, fmt.Errorf("smaps_rollup: no line Rss")
}

func readResident(pid int) (int64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	return ParseResident(content)
}
