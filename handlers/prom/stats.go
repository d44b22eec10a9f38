package prom

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/golwan/golwan/lwan"
)

// Stats is a collector of what srv.Stats says, with the names that handlers.Metrics uses:
// golwan_connections by state, golwan_requests_total, golwan_responses_total by class, and so on.
func Stats(srv *lwan.Server) prometheus.Collector { return &stats{srv} }

type stats struct{ srv *lwan.Server }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("golwan_"+name, help, labels, nil)
}

var (
	connections = desc("connections", "Open connections by what they do.", "state")
	accepted    = desc("connections_accepted_total", "Connections accepted.")
	rejected    = desc("connections_rejected_total", "Connections closed for want of room.")
	givenUp     = desc("connections_given_up_total",
		"Idle connections closed to make room for new ones.")
	answered  = desc("requests_total", "Requests that are over.")
	responses = desc("responses_total", "Requests that are over, by the class of their status; "+
		"none: no answer could be sent.", "class")
	received  = desc("received_bytes_total", "Bytes read from connections.")
	sent      = desc("sent_bytes_total", "Bytes written to connections.")
	parks     = desc("parks_total", "Waits of handlers.")
	offloaded = desc("offloaded", "Functions of Await and Blocking.", "state")
	stalls    = desc("stalls_total", "Times that a handler has held its loop for too long.",
		"route")
)

// Describe implements prometheus.Collector.
func (s *stats) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		connections, accepted, rejected, givenUp, answered, responses, received, sent, parks,
		offloaded, stalls,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *stats) Collect(to chan<- prometheus.Metric) {
	st := s.srv.Stats()
	gauge := func(d *prometheus.Desc, n int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	counter := func(d *prometheus.Desc, n int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge(connections, st.Conns.Idle, "idle")
	gauge(connections, max(st.Conns.Active-st.Conns.Parked, 0), "running")
	gauge(connections, st.Conns.Parked, "waiting")
	gauge(connections, st.Conns.Subscribed, "subscribed")
	counter(accepted, st.Accepted)
	counter(rejected, st.Rejected)
	counter(givenUp, st.GivenUp)
	counter(answered, st.Requests)
	for class, n := range st.Status {
		name := "none"
		if class > 0 {
			name = strconv.Itoa(class) + "xx"
		}
		counter(responses, n, name)
	}
	counter(received, st.BytesIn)
	counter(sent, st.BytesOut)
	counter(parks, st.Parks)
	gauge(offloaded, st.Awaiting, "running")
	gauge(offloaded, st.Queued, "queued")
	byRoute := map[string]int64{} // a route has several stalls: of its handler, of hooks
	for _, stall := range st.Stalls {
		byRoute[stall.Pattern] += stall.Count
	}
	for route, n := range byRoute {
		counter(stalls, n, route)
	}
}
