package conf

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestStatusSection: numbers of the server and its backends, for whom they are for, and no secrets.
func TestStatusSection(t *testing.T) {
	p := newProxyRig(t)
	_, addr := serve(t, p.text(`
group api { to = ONE, NOBODY
            balance = round_robin }
group other { to = TWO }
site {
	proxy /api { group = api }
	proxy /other { group = other }
	at /private { auth_basic { users {
		joe = "$2y$05$WRt.1BKFV5lXWjbSMxlVneZKzNgZL/E3oYYNdQZGZ4GmRyAQUjGNu" } } }
	status /status
	status /closed { allow = 10.0.0.0/8 }
	status /few { pages = health }
}
`))
	for range 4 {
		if status, body := sendRaw(t, addr, "/api/", ""); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	for target, want := range map[string]int{
		"/status": 200, "/status/": 200, "/status/health": 200, "/closed": 403,
		"/closed/metrics": 403, "/few": 404, "/few/metrics": 404, "/few/health": 200,
	} {
		if status, _ := sendRaw(t, addr, target, ""); status != want {
			t.Errorf("%s: %d, want %d", target, status, want)
		}
	}
	_, text := sendRaw(t, addr, "/status/status.json", "")
	var page struct {
		Backends []struct {
			Group, Address, State string
			Good                  bool
			Requests, Failed      int64
		}
	}
	if err := json.Unmarshal([]byte(text), &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Backends) != 3 {
		t.Fatalf("%d backends: %s", len(page.Backends), text)
	}
	one, none := page.Backends[0], page.Backends[1]
	if one.Group != "api" || one.Address != p.one || !one.Good || one.Requests != 4 ||
		none.Address != p.none || none.Good || none.Failed == 0 {
		t.Errorf("%+v, %+v", one, none)
	}
	_, metrics := sendRaw(t, addr, "/status/metrics", "")
	for _, line := range []string{
		"golwan_requests_total ", "golwan_request_seconds_bucket{le=\"+Inf\"} ",
		"golwan_backend_requests_total{group=\"api\",backend=\"" + p.one + "\"} 4\n",
		"golwan_group_waiting{group=\"other\"} 0\n",
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("there is no %q in\n%s", line, metrics)
		}
	}
	seen := map[string]bool{}
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "# TYPE") && seen[line] {
			t.Errorf("twice: %s", line)
		}
		seen[line] = true
	}
	_, config := sendRaw(t, addr, "/status/config", "")
	if !strings.Contains(config, "proxy /other") || !strings.Contains(config, "joe = ***") ||
		strings.Contains(config, "$2y$") {
		t.Errorf("the configuration: %s", config)
	}
}
