package load

import (
	"math"
	"strconv"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// Job is the load that a generator puts on a server.
type Job struct {
	Addr        string             // host:port of the server
	Requests    []contract.Request // sent in turn; at least one
	Connections int                // at least 1
	Duration    time.Duration
	Pipeline    int  // requests sent at once on a connection (RFC 9112, section 9.3.2); 0 is 1
	Reconnect   bool // each request asks the server to close the connection, and the next one gets a new one
}

// depth is Pipeline with its default.
func (j Job) depth() int { return max(j.Pipeline, 1) }

// wholeSeconds is Duration rounded up, for the generators that measure whole seconds only.
func (j Job) wholeSeconds() string {
	return strconv.Itoa(max(1, int(math.Ceil(j.Duration.Seconds()))))
}
