//go:build !race

package handlers_test

import (
	"io"
	"testing"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// TestAccessLogAllocations: a line costs one allocation, the target's copy. Not under the race
// detector, under which pools drop values.
func TestAccessLogAllocations(t *testing.T) {
	log := handlers.AccessLog(io.Discard)
	defer log.Close()
	var n float64
	observed(t, func(req *lwan.Request, resp *lwan.Response, took time.Duration) {
		n = testing.AllocsPerRun(1000, func() { log.Done(req, resp, took) })
	})
	if n > 1 {
		t.Errorf("%v allocations a line", n)
	}
}
