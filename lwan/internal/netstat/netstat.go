// Package netstat reads what the system counts of its TCP connections: tests of load ask it whether
// a connection was ended by the system and not by the server.
package netstat

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// Aborts is how many TCP connections the system has ended for want of memory, which others on the
// machine can bring it to: TCPAbortOnMemory of /proc/net/netstat; 0 where there is none.
func Aborts() int64 {
	text, err := os.ReadFile("/proc/net/netstat")
	if err != nil {
		return 0
	}
	lines := strings.Split(string(text), "\n")
	for i := 0; i+1 < len(lines); i += 2 { // names, then values
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		if k := slices.Index(names, "TCPAbortOnMemory"); k >= 0 && k < len(values) {
			n, err := strconv.ParseInt(values[k], 10, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}
