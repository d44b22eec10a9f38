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
	Pipeline    int // requests sent at once on a connection (RFC 9112, section 9.3.2); 0 is 1
	// each request asks the server to close the connection, and the next one gets a new one
	Reconnect bool

	// Steady keeps what opening the connections costs out of the figures: they begin when every
	// connection has had its first answer, and Duration begins then. It needs Server.
	Steady bool
	// Bulk is for long answers, which are not to be copied: a load that is slower than its server
	// is none.
	Bulk bool
	// Subscribers is not 0 for the load of a topic: that many connections send Requests[0] and read
	// the stream which is the answer, and one more sends Requests[1] whenever all of them have got
	// what the time before has published. The figures begin when all are subscribed. Connections is
	// not used; Server is needed.
	Subscribers int
	// Rate is not 0 for an open loop: so many requests a second are sent on average, whether
	// answers have come or not. They are due at random times, which are the same in every run, and
	// latencies count from when a request was due: one that finds no connection free, or a server
	// that stalls, is not left out. The figures begin when all connections have had an answer.
	// Pipeline and Reconnect are not used; Server is needed.
	Rate float64
	// Spin has an open loop wait for the next request without sleeping: the load has its CPU for
	// itself, and its own wake-ups shall not count as the server's latency.
	Spin bool
	// Server is the process whose CPU time is read, with its descendants': see Result.Used.
	Server int
}

// special reports whether only our own generator can do the job.
func (j Job) special() bool { return j.Metered() || j.Bulk }

// Metered reports whether the CPU time that counts is Result.Used.
func (j Job) Metered() bool { return j.Steady || j.Subscribers > 0 || j.Rate > 0 }

// depth is Pipeline with its default.
func (j Job) depth() int { return max(j.Pipeline, 1) }

// wholeSeconds is Duration rounded up, for the generators that measure whole seconds only.
func (j Job) wholeSeconds() string {
	return strconv.Itoa(max(1, int(math.Ceil(j.Duration.Seconds()))))
}
