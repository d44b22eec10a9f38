package handlers

import (
	"fmt"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// Metrics answers the server's Stats in the text format of Prometheus (version 0.0.4), as
// golwan_requests_total and others. It shows what is going on: put it on an endpoint that the
// public cannot reach.
func Metrics(req *lwan.Request, resp *lwan.Response) lwan.Status {
	st := req.Server().Stats()
	resp.SetContentType("text/plain; version=0.0.4; charset=utf-8")
	resp.SetHeader("Cache-Control", "no-store")
	m := exposition{resp}
	m.connections(&st)
	m.requests(&st)
	m.loops(&st)
	m.stalls(st.Stalls)
	return lwan.StatusOK
}

// exposition writes metrics.
type exposition struct{ to *lwan.Response }

func (m exposition) connections(st *lwan.Stats) {
	c := st.Conns
	m.family("golwan_connections", "gauge", "Open connections by what they do.")
	m.sample("golwan_connections", "state", "idle", c.Idle)
	m.sample("golwan_connections", "state", "running", max(c.Active-c.Parked, 0))
	m.sample("golwan_connections", "state", "waiting", c.Parked)
	m.sample("golwan_connections", "state", "subscribed", c.Subscribed)
	m.single("golwan_connections_accepted_total", "counter", "Connections accepted.", st.Accepted)
	m.single("golwan_connections_rejected_total", "counter",
		"Connections closed for want of room.", st.Rejected)
	m.single("golwan_connections_given_up_total", "counter",
		"Idle connections closed to make room for new ones.", st.GivenUp)
}

func (m exposition) requests(st *lwan.Stats) {
	m.single("golwan_requests_total", "counter", "Requests that are over.", st.Requests)
	m.family("golwan_responses_total", "counter",
		"Requests that are over, by the class of their status; none: no answer could be sent.")
	for class, n := range st.Status {
		name := "none"
		if class > 0 {
			name = fmt.Sprintf("%dxx", class)
		}
		m.sample("golwan_responses_total", "class", name, n)
	}
	m.single("golwan_received_bytes_total", "counter", "Bytes read from connections.", st.BytesIn)
	m.single("golwan_sent_bytes_total", "counter", "Bytes written to connections.", st.BytesOut)
}

func (m exposition) loops(st *lwan.Stats) {
	m.single("golwan_workers", "gauge", "Coroutines, resting ones included.", st.Workers)
	m.single("golwan_parks_total", "counter", "Waits of handlers.", st.Parks)
	m.single("golwan_loop_turns_total", "counter", "Turns of the event loops.", st.Turns)
	m.family("golwan_offloaded", "gauge", "Functions of Await and Blocking.")
	m.sample("golwan_offloaded", "state", "running", st.Awaiting)
	m.sample("golwan_offloaded", "state", "queued", st.Queued)
}

func (m exposition) stalls(list []lwan.Stall) {
	m.family("golwan_stalls_total", "counter",
		"Times that a handler has held its loop for too long.")
	for _, s := range list {
		m.sample("golwan_stalls_total", "route", s.Pattern, s.Count)
	}
	m.family("golwan_stall_longest_seconds", "gauge",
		"Longest time that a handler has held its loop.")
	for _, s := range list {
		m.sample("golwan_stall_longest_seconds", "route", s.Pattern, s.For.Seconds())
	}
}

// family begins the samples of a name. Text of ours: nothing in it needs escaping.
func (m exposition) family(name, kind, help string) {
	m.to.Printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// single is a family of one sample.
func (m exposition) single(name, kind, help string, value int64) {
	m.family(name, kind, help)
	m.to.Printf("%s %d\n", name, value)
}

func (m exposition) sample(name, label, value string, number any) {
	m.to.Printf("%s{%s=\"%s\"} %v\n", name, label, labelEscapes.Replace(value), number)
}

// labelEscapes is for label values, which may be any UTF-8 otherwise.
var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
