//go:build linux && !golwan_nethttp

package soak_test

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// report prints the table.
func (s *soak) report() {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	asked, answered, conns := s.ledger.sums()
	st := s.srv.Stats()
	kinds, never := s.ledger.kinds()
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n",
			name, fmt.Sprintf(format, args...))
	}
	row("time", "%v, seed %d, loops' threads %d", time.Since(s.began).Round(time.Second),
		s.seed, s.srv.Threads)
	row("connections", "%d of clients (%s, flood %d), %d accepted, %d rejected, %d given up", conns,
		counted(s.ledger.conns), s.ledger.flood.Load(), st.Accepted, st.Rejected, st.GivenUp)
	row("requests", "%d asked, %d answered and compared, %d seen by the server, %d events", asked,
		answered, st.Requests, s.ledger.events.Load())
	row("by class", "%v of 1xx to 5xx, %d without an answer", st.Status[1:], st.Status[0])
	row("by kind", "%s", kinds)
	row("bytes", "%d in, %d out", st.BytesIn, st.BytesOut)
	row("faults", "%s", counted(s.faults.Counts()))
	row("without descriptors", "%d times", s.ledger.exhausted.Load())
	row("answers not got", "%s", counted(s.ledger.ends))
	row("log", "%s", counted(s.log.lines))
	row("stalled routes", "%d, %d parks", len(st.Stalls), st.Parks)
	row("machine stood still", "%d times", s.stops.count())
	row("wrong answers", "%d", s.ledger.wrong.Load())
	row("lost", "%d", s.ledger.missing.Load())
	row("doubled or swapped", "%d", s.ledger.displaced.Load())
	row("stalls", "%d", s.ledger.stalled.Load())
	row("leaks", "%d", s.ledger.leaks.Load())
	row("failures of any kind", "%d", s.failures.Load())
	row("probe", "%v", &s.latencies)
	row("resident memory",
		"%d MB at the first look, %d MB at most, %d MB at the end; live heap %d MB, then %d MB",
		s.memory.first>>20, s.memory.peak>>20, s.memory.last>>20, s.memory.heapFirst>>20,
		s.memory.heapLast>>20)
	if err := w.Flush(); err != nil {
		s.t.Error(err)
	}
	s.t.Logf("\n%s", &out)
	if len(never) > 0 && *soakFor >= time.Minute {
		s.t.Errorf("never answered: %v", never)
	}
}
