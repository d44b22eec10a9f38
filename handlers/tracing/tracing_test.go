package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/golwan/golwan/handlers/tracing"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func ExampleTraces() {
	t := new(testing.B)
	spans := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	traces, err := tracing.New(tracing.Config{TracerProvider: provider})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{}
	srv.Use(traces.Middleware)
	srv.Observe(traces)
	srv.Handle("GET /users/{id}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.Param("id"))
	})
	lwantest.Get(t, lwantest.Build(t, srv), "/users/17")
	fmt.Println(spans.Ended()[0].Name())
	// Output: GET /users/{id}
}

// rig is a server whose traces are recorded.
type rig struct {
	spans  *tracetest.SpanRecorder
	reader *metric.ManualReader
	srv    *lwan.Server
	tracer *trace.TracerProvider
}

func newRig(t *testing.T) *rig {
	r := &rig{
		spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader(), srv: new(lwan.Server),
	}
	r.tracer = trace.NewTracerProvider(trace.WithSpanProcessor(r.spans))
	traces, err := tracing.New(tracing.Config{
		TracerProvider: r.tracer, Propagator: propagation.TraceContext{},
		MeterProvider: metric.NewMeterProvider(metric.WithReader(r.reader)),
		Untraced:      func(req *lwan.Request) bool { return req.Path() == "/health" },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.srv.Use(traces.Middleware)
	r.srv.Observe(traces)
	return r
}

func attributes(s trace.ReadOnlySpan) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes() {
		all[string(a.Key)] = a.Value.Emit()
	}
	return all
}

// TestSpans: a span is a child of the client's, what Await starts is a child of it, and it says how
// the request has ended.
func TestSpans(t *testing.T) {
	r := newRig(t)
	r.srv.Handle("GET /await/{id}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		text, err := lwan.Await(req, func(ctx context.Context) (string, error) {
			_, span := r.tracer.Tracer("test").Start(ctx, "query")
			defer span.End()
			return "rows", nil
		})
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, text)
	})
	r.srv.Handle("GET /fails", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Fail(errors.New("no disk"))
	})
	r.srv.Handle("GET /health", func(*lwan.Request, *lwan.Response) lwan.Status { return 204 })
	h := lwantest.Build(t, r.srv)
	q := httptest.NewRequest("GET", "http://example.com:8080/await/7?a=b", nil)
	q.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	q.Header.Set("User-Agent", "test")
	lwantest.Do(t, h, q)
	lwantest.Get(t, h, "/fails")
	lwantest.Get(t, h, "/none")
	lwantest.Get(t, h, "/health")
	ended := r.spans.Ended()
	if len(ended) != 4 {
		t.Fatalf("%d spans", len(ended))
	}
	query, server, fails, none := ended[0], ended[1], ended[2], ended[3]
	if server.Parent().SpanID().String() != "b7ad6b7169203331" ||
		query.Parent().SpanID() != server.SpanContext().SpanID() ||
		query.SpanContext().TraceID().String() != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("parents: %v, %v", server.Parent(), query.Parent())
	}
	got := attributes(server)
	for name, want := range map[string]string{
		"http.request.method": "GET", "http.route": "/await/{id}", "url.path": "/await/7",
		"url.query": "a=b", "url.scheme": "http", "server.address": "example.com",
		"server.port": "8080", "http.response.status_code": "200", "user_agent.original": "test",
		"http.response.body.size": "4", "network.protocol.version": "1.1",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if server.Status().Code != codes.Unset || none.Status().Code != codes.Unset ||
		none.Name() != "GET" {
		t.Errorf("good ones: %v, %v %s", server.Status(), none.Status(), none.Name())
	}
	if s := fails.Status(); s.Code != codes.Error || s.Description != "no disk" ||
		attributes(fails)["error.type"] != "500" {
		t.Errorf("a failure: %v", s)
	}
}

// TestStream: the span of a subscription ends with the subscription.
func TestStream(t *testing.T) {
	r := newRig(t)
	topic := new(lwan.Topic)
	r.srv.Handle("GET /events", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return topic.Subscribe(resp, lwan.Subscription{First: []lwan.Event{{Data: "first"}}})
	})
	s := lwantest.Start(t, r.srv)
	q, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for ev := range lwantest.Events(resp.Body) {
		if ev.Data != "first" {
			continue
		}
		if n := len(r.spans.Ended()); n != 0 {
			t.Errorf("%d spans have ended while the stream goes on", n)
		}
		topic.Close()
	}
	if err := r.srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(r.spans.Ended()); n != 1 {
		t.Errorf("%d spans at the end", n)
	}
}

func TestMetrics(t *testing.T) {
	r := newRig(t)
	r.srv.Handle("GET /a/{x}", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "12345")
	})
	h := lwantest.Build(t, r.srv)
	for i := range 3 {
		lwantest.Get(t, h, fmt.Sprint("/a/", i))
	}
	var all metricdata.ResourceMetrics
	if err := r.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Histogram[float64]:
			found++
			p := data.DataPoints[0]
			route, _ := p.Attributes.Value(attribute.Key("http.route"))
			if m.Name != "http.server.request.duration" || m.Unit != "s" || p.Count != 3 ||
				len(data.DataPoints) != 1 || route.AsString() != "/a/{x}" {
				t.Errorf("%s: %+v", m.Name, data)
			}
		case metricdata.Histogram[int64]:
			found++
			if p := data.DataPoints[0]; m.Name != "http.server.response.body.size" || p.Sum != 15 {
				t.Errorf("%s: %+v", m.Name, data)
			}
		}
	}
	if found != 2 {
		t.Errorf("%d metrics", found)
	}
}
