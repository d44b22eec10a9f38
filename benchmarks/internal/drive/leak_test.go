package drive

import (
	"os"
	"testing"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// descriptors counts the open files of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestRunLeavesNoDescriptors takes runs that end well, and runs that lose their connections. The
// servers are in this process too: they close their ends when they notice, which is waited for.
func TestRunLeavesNoDescriptors(t *testing.T) {
	s, broken := serve(t), script(t, "nonsense\r\n\r\n")
	before := descriptors(t)
	for _, job := range []load.Job{
		{Addr: s.Listener.Addr().String()}, {Addr: s.Listener.Addr().String(), Reconnect: true},
		{Addr: broken},
	} {
		job.Requests, job.Connections, job.Duration = contract.Requests(contract.Hello),
			20, 50*time.Millisecond
		if _, err := Run(job); err != nil {
			t.Fatal(err)
		}
		s.CloseClientConnections()
	}
	h, err := Hold(s.Listener.Addr().String(), contract.Requests(contract.Hello)[0], 20)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for s.CloseClientConnections(); descriptors(t) > before; s.CloseClientConnections() {
	}
}
