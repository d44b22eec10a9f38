package handlers

import (
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// Patterns are the only text in the metrics that is not ours.
func TestMetricsOfStalls(t *testing.T) {
	got := lwantest.Get(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		exposition{resp}.stalls([]lwan.Stall{
			{Pattern: `GET /{a}`, For: 1500 * time.Millisecond, Count: 2},
			{Pattern: "GET /\"\\\n", For: time.Microsecond, Count: 1},
		})
		return 200
	}, "/")
	const want = `# HELP golwan_stalls_total Times that a handler has held its loop for too long.
# TYPE golwan_stalls_total counter
golwan_stalls_total{route="GET /{a}"} 2
golwan_stalls_total{route="GET /\"\\\n"} 1
# HELP golwan_stall_longest_seconds Longest time that a handler has held its loop.
# TYPE golwan_stall_longest_seconds gauge
golwan_stall_longest_seconds{route="GET /{a}"} 1.5
golwan_stall_longest_seconds{route="GET /\"\\\n"} 1e-06
`
	if got.Body != want {
		t.Errorf("%s", got.Body)
	}
}
