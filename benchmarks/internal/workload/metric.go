package workload

// Metric is something that is measured. Of all of them less is better, except of Rate and Busy.
type Metric struct {
	Key    string // in the data
	Title  string // in tables
	Digits int    // after the decimal point
}

// The metrics of servers under load.
var (
	// CPU is the main one: the time that the server, with all its threads and processes, used for a
	// request, in user mode and in the kernel, in microseconds.
	CPU = Metric{"cpu_us", "CPU µs/req", 2}
	// Rate is the number of requests per second. On two CPUs it says as much of the load generator
	// as of the server.
	Rate = Metric{"rps", "req/s", 0}
	// Busy is the server's CPU time for each second of the run: below 1, the server waited for the
	// load generator.
	Busy = Metric{"busy", "busy", 2}
	// P50 and the others are latencies in microseconds, see load.Latency.
	P50   = Metric{"p50_us", "p50 µs", 0}
	P90   = Metric{"p90_us", "p90 µs", 0}
	P99   = Metric{"p99_us", "p99 µs", 0}
	P999  = Metric{"p999_us", "p99.9 µs", 0}
	P9999 = Metric{"p9999_us", "p99.99 µs", 0}
	Max   = Metric{"max_us", "max µs", 0}
	// Resident is the memory at the end of the run, in MiB.
	Resident = Metric{"rss_mib", "RSS MiB", 1}
	// Syscalls is the number of system calls for a request, from a run of its own.
	Syscalls = Metric{"syscalls", "syscalls/req", 2}
)

// The metrics of the other workloads.
var (
	// Delivery is the server's CPU time for an event and one of its subscribers, in microseconds.
	Delivery = Metric{"event_us", "CPU µs/event", 2}
	// P99Ratio is how many times that of a quiet run P99 is; QuietP99 and QuietCPU are that run's.
	P99Ratio = Metric{"p99_ratio", "p99 to quiet", 2}
	QuietP99 = Metric{"quiet_p99_us", "quiet p99 µs", 0}
	QuietCPU = Metric{"quiet_cpu_us", "quiet CPU µs/req", 2}
	// PerConnection is how much the resident memory has grown for each connection that is held, in
	// bytes.
	PerConnection = Metric{"conn_bytes", "bytes/conn", 0}
	// Empty is the resident memory before, in MiB.
	Empty = Metric{"rss_empty_mib", "RSS before MiB", 1}
	// Start is the time from starting the process to its first answer, in milliseconds.
	Start = Metric{"start_ms", "start ms", 1}
	// BinarySize is the size of the program's file, in MiB; libraries that it loads are not in it.
	BinarySize = Metric{"binary_mib", "binary MiB", 1}
)

const mebi = 1 << 20
