package gateway

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
)

// counts are of a member's life.
type counts struct {
	requests, failed, timedOut, retried, stale atomic.Int64
	bytesIn, bytesOut                          atomic.Int64
	status                                     [6]atomic.Int64 // by hundreds
	head                                       atomic.Int64    // nanoseconds, averaged
	restarts                                   atomic.Int64
	served                                     atomic.Int64 // requests that went well; of processes
}

// headAfter takes the time until a head into the average over the last ones. Of two that come at
// the same time one may be lost.
func (c *counts) headAfter(d time.Duration) {
	const over = 64
	before := c.head.Load()
	if before == 0 {
		c.head.Store(int64(d))
		return
	}
	c.head.Store(before + (int64(d)-before)/over)
}

// BackendStats are of a backend's life, but for State, Active, Idle and Since, which are of now.
type BackendStats struct {
	Address  string // "127.0.0.1:9000"; of a name, one of its addresses
	State    State
	Active   int64         // requests and tunnels under way
	Idle     int64         // connections that are kept
	Since    time.Time     // of State
	Requests int64         // sent to it, each retry too
	Failed   int64         // no connection, no or a bad answer, a cut body, a status of Retry.On
	TimedOut int64         // of those
	Retried  int64         // that were then sent to another one
	Connects int64         // connections opened
	Reused   int64         // requests on a kept connection
	Stale    int64         // kept connections that had ended
	BytesIn  int64         // of bodies, from the backend
	BytesOut int64         // of bodies, to the backend
	Status   [6]int64      // answers by the hundreds of their status
	Head     time.Duration // until an answer's head, averaged over the last 100 or so
	Restarts int64         // of its process
}

// Stats of each backend; nil if the group is not open. It is for any goroutine.
func (g *Group) Stats() (all []BackendStats) {
	p := g.pool.Load()
	if p == nil {
		return nil
	}
	for _, m := range p.roster.Load().members {
		d := m.dialer.Stats()
		s := BackendStats{
			Address: m.address, State: m.load().shown(), Active: m.active.Load(), Idle: d.Idle,
			Since:    p.start.Add(time.Duration(m.since.Load()) * time.Millisecond),
			Requests: m.requests.Load(), Failed: m.failed.Load(), TimedOut: m.timedOut.Load(),
			Retried: m.retried.Load(), Connects: d.Opened, Reused: d.Reused,
			Stale: d.Stale + m.stale.Load(), BytesIn: m.bytesIn.Load(),
			BytesOut: m.bytesOut.Load(), Head: time.Duration(m.head.Load()),
			Restarts: m.restarts.Load(),
		}
		for i := range s.Status {
			s.Status[i] = m.status[i].Load()
		}
		all = append(all, s)
	}
	return all
}

// Waiting is how many requests are in the queue.
func (g *Group) Waiting() int {
	if p := g.pool.Load(); p != nil {
		return int(p.queue.waiting.Load())
	}
	return 0
}

// metrics are what WriteMetrics writes of each backend.
var metrics = []struct {
	name, kind, help string
	value            func(s *BackendStats) float64
}{
	{"up", "gauge", "1 if the backend is used.", func(s *BackendStats) float64 {
		if s.State == Up || s.State == Trial {
			return 1
		}
		return 0
	}},
	{"active", "gauge", "Requests and tunnels under way.",
		func(s *BackendStats) float64 { return float64(s.Active) }},
	{"idle", "gauge", "Connections that are kept.",
		func(s *BackendStats) float64 { return float64(s.Idle) }},
	{"requests_total", "counter", "Requests sent, retries included.",
		func(s *BackendStats) float64 { return float64(s.Requests) }},
	{"failures_total", "counter", "Requests in which the backend has failed.",
		func(s *BackendStats) float64 { return float64(s.Failed) }},
	{"timeouts_total", "counter", "Those of them that took too long.",
		func(s *BackendStats) float64 { return float64(s.TimedOut) }},
	{"retries_total", "counter", "Requests that were then sent to another backend.",
		func(s *BackendStats) float64 { return float64(s.Retried) }},
	{"connects_total", "counter", "Connections opened.",
		func(s *BackendStats) float64 { return float64(s.Connects) }},
	{"reused_total", "counter", "Requests on a kept connection.",
		func(s *BackendStats) float64 { return float64(s.Reused) }},
	{"stale_total", "counter", "Kept connections that had ended.",
		func(s *BackendStats) float64 { return float64(s.Stale) }},
	{"received_bytes_total", "counter", "Bytes of bodies from the backend.",
		func(s *BackendStats) float64 { return float64(s.BytesIn) }},
	{"sent_bytes_total", "counter", "Bytes of bodies to the backend.",
		func(s *BackendStats) float64 { return float64(s.BytesOut) }},
	{"head_seconds", "gauge", "Average time until an answer's head.",
		func(s *BackendStats) float64 { return s.Head.Seconds() }},
}

// WriteMetrics writes the group's figures as Prometheus reads them:
// golwan_backend_requests_total{group="api",backend="127.0.0.1:9000"} and so on. Groups whose
// figures are on one page need different names, and WriteMetrics. It is for any goroutine.
func (g *Group) WriteMetrics(w io.Writer) error { return WriteMetrics(w, g) }

// WriteMetrics is Group.WriteMetrics for several groups: each name is described once.
func WriteMetrics(w io.Writer, groups ...*Group) error {
	b, all := new(strings.Builder), []labelled{}
	for _, g := range groups {
		for _, s := range g.Stats() {
			all = append(all, labelled{fmt.Sprintf("group=%q,backend=%q", g.name(), s.Address), s})
		}
	}
	for _, m := range metrics {
		fmt.Fprintf(b, "# HELP golwan_backend_%s %s\n# TYPE golwan_backend_%[1]s %[3]s\n",
			m.name, m.help, m.kind)
		for i := range all {
			fmt.Fprintf(b, "golwan_backend_%s{%s} %v\n",
				m.name, all[i].labels, m.value(&all[i].stats))
		}
	}
	const answers = "golwan_backend_answers_total"
	fmt.Fprintf(b, "# HELP %s Answers by their status.\n# TYPE %[1]s counter\n", answers)
	for i := range all {
		for hundreds, n := range all[i].stats.Status {
			if hundreds > 0 {
				fmt.Fprintf(b, "%s{%s,status=\"%dxx\"} %d\n", answers, all[i].labels, hundreds, n)
			}
		}
	}
	const waiting = "golwan_group_waiting"
	fmt.Fprintf(b, "# HELP %s Requests in the queue.\n# TYPE %[1]s gauge\n", waiting)
	for _, g := range groups {
		fmt.Fprintf(b, "%s{group=%q} %d\n", waiting, g.name(), g.Waiting())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// labelled is a backend's figures with what they are labelled by.
type labelled struct {
	labels string
	stats  BackendStats
}
