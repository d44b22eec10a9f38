package prom_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/golwan/golwan/handlers/prom"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func ExampleRequests() {
	t := new(testing.B)
	registry := prometheus.NewRegistry()
	requests, err := prom.Requests(prom.Config{Registerer: registry})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{}
	srv.Observe(requests)
	srv.Handle("GET /users/{id}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.Param("id"))
	})
	h := lwantest.Build(t, srv)
	lwantest.Get(t, h, "/users/17")
	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(families[0].GetName(), families[0].GetMetric()[0].GetLabel()[1].GetValue())
	// Output: http_server_request_duration_seconds GET /users/{id}
}

// TestPage: a server's own endpoint shows all that was asked of it, with few labels.
func TestPage(t *testing.T) {
	registry := prometheus.NewRegistry()
	requests, err := prom.Requests(prom.Config{Registerer: registry, Buckets: []float64{1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prom.Requests(prom.Config{Registerer: registry}); err == nil {
		t.Error("registered twice")
	}
	srv := &lwan.Server{}
	registry.MustRegister(prom.Stats(srv))
	srv.Observe(requests)
	srv.Handle("GET /metrics", lwan.FromHTTP(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})))
	srv.Handle("/a/{x}", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "12345")
	})
	s := lwantest.Start(t, srv)
	ask := func(method, path string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var text strings.Builder
		if _, err := fmt.Fprint(&text, resp.StatusCode, " "); err != nil {
			t.Fatal(err)
		}
		if err := resp.Write(&text); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	for i := range 3 {
		ask("GET", fmt.Sprint("/a/", i))
	}
	ask("PURGE", "/a/1")
	ask("GET", "/nothing/here")
	page := ask("GET", "/metrics")
	for _, want := range []string{
		`http_server_request_duration_seconds_count{method="GET",route="/a/{x}",status="200"} 3`,
		`http_server_response_body_bytes_total{method="GET",route="/a/{x}",status="200"} 15`,
		`http_server_request_duration_seconds_count{method="GET",route="",status="404"} 1`,
		`golwan_connections{state="running"}`, `golwan_responses_total{class="4xx"}`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in %s", want, page)
		}
	}
	if strings.Contains(page, "PURGE") || strings.Contains(page, "nothing") {
		t.Errorf("a client has made a label: %s", page)
	}
}
