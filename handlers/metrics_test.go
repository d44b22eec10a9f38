package handlers_test

import (
	"bufio"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

var (
	metricHelp   = regexp.MustCompile(`^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ([^\\]*)$`)
	metricType   = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)$`)
	metricSample = regexp.MustCompile(
		`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"\})? (\S+)$`)
)

// readMetrics reads the text format as strictly as Prometheus does: a family is HELP, TYPE and its
// samples, in one piece, and every sample is unique.
func readMetrics(text string) (samples map[string]float64, err error) {
	samples = map[string]float64{}
	families := map[string]bool{}
	var family, kind string
	for in := bufio.NewScanner(strings.NewReader(text)); in.Scan(); {
		line := in.Text()
		if m := metricHelp.FindStringSubmatch(line); m != nil {
			if family, kind = m[1], ""; families[family] {
				return nil, fmt.Errorf("%s comes twice", family)
			}
			families[family] = true
			continue
		}
		if m := metricType.FindStringSubmatch(line); m != nil {
			if kind = m[2]; m[1] != family ||
				(kind == "counter") != strings.HasSuffix(family, "_total") {
				return nil, fmt.Errorf("%s after HELP of %s", line, family)
			}
			continue
		}
		m := metricSample.FindStringSubmatch(line)
		if m == nil || m[1] != family || kind == "" {
			return nil, fmt.Errorf("%q in the family %s", line, family)
		}
		if _, ok := samples[m[1]+m[2]]; ok {
			return nil, fmt.Errorf("%s comes twice", m[1]+m[2])
		}
		if samples[m[1]+m[2]], err = strconv.ParseFloat(m[3], 64); err != nil {
			return nil, err
		}
	}
	if !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("the last line is not ended")
	}
	return samples, nil
}

func TestMetrics(t *testing.T) {
	srv := &lwan.Server{}
	srv.Handle("GET /metrics", handlers.Metrics)
	srv.Handle("GET /hello", page(200, "hello"))
	s := lwantest.Start(t, srv)
	for _, path := range []string{"/hello", "/hello", "/nowhere"} {
		roundTrip(t, s, newRequest(t, "GET", s.URL+path))
	}
	// Counts are published a little late: the answer has all that came before it once they are.
	for {
		head, text := roundTrip(t, s, newRequest(t, "GET", s.URL+"/metrics"))
		if ct := head.Header.Get("Content-Type"); ct != "text/plain; version=0.0.4; charset=utf-8" {
			t.Fatal(ct)
		}
		got, err := readMetrics(text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if got["golwan_requests_total"] < 4 {
			continue
		}
		st := s.Stats()
		if got[`golwan_responses_total{class="4xx"}`] != 1 ||
			got[`golwan_responses_total{class="2xx"}`] < 3 ||
			got["golwan_connections_accepted_total"] < 4 ||
			got["golwan_workers"] < float64(min(st.Workers, 1)) ||
			got["golwan_sent_bytes_total"] < 300 || got["golwan_received_bytes_total"] < 100 ||
			got["golwan_requests_total"] > float64(st.Requests) {
			t.Errorf("%v", got)
		}
		for _, name := range []string{
			`golwan_connections{state="idle"}`, `golwan_connections{state="running"}`,
			`golwan_connections{state="waiting"}`, `golwan_connections{state="subscribed"}`,
			"golwan_connections_rejected_total", "golwan_connections_given_up_total",
			`golwan_responses_total{class="none"}`, `golwan_responses_total{class="1xx"}`,
			`golwan_responses_total{class="5xx"}`, "golwan_parks_total", "golwan_loop_turns_total",
			`golwan_offloaded{state="running"}`, `golwan_offloaded{state="queued"}`,
		} {
			if n, ok := got[name]; !ok || n < 0 {
				t.Errorf("%s: %v", name, n)
			}
		}
		return
	}
}

// In memory too, where most is zero.
func TestMetricsInMemory(t *testing.T) {
	srv := &lwan.Server{}
	srv.Handle("GET /metrics", handlers.Metrics)
	got := lwantest.Get(t, lwantest.Build(t, srv), "/metrics")
	if _, err := readMetrics(got.Body); err != nil || got.Status != 200 {
		t.Errorf("%v %+v", err, got)
	}
}
