// Package tracing has spans and metrics of OpenTelemetry for requests, by its semantic conventions
// for HTTP servers. It is a module of its own.
//
//	traces, err := tracing.New(tracing.Config{})
//	...
//	srv.Use(traces.Middleware)
//	srv.Observe(traces)
//
// The span of a request is in its context, and so in that of lwan.Await and of a Blocking handler:
// what they start with it are its children. It ends when the answer has, which for streams and
// subscriptions of a topic is the end of the stream.
package tracing

import (
	"context"
	"net"
	"strconv"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/golwan/golwan/lwan"
)

const scope = "github.com/golwan/golwan/handlers/tracing"

// Config is for New. What is nil is the global one of package otel.
type Config struct {
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	Propagator     propagation.TextMapPropagator

	// Untraced leaves requests out of traces, as those of a health check; nil: none. Metrics have
	// them all the same.
	Untraced func(req *lwan.Request) bool
}

// Traces is middleware and an observer: it needs both Server.Use and Server.Observe.
type Traces struct {
	c      Config
	tracer trace.Tracer
	key    lwan.Key[trace.Span]
	times  metric.Float64Histogram
	sizes  metric.Int64Histogram
}

// New makes the instruments http.server.request.duration, in seconds, and
// http.server.response.body.size, in bytes. The error is the meter's.
func New(c Config) (*Traces, error) {
	if c.TracerProvider == nil {
		c.TracerProvider = otel.GetTracerProvider()
	}
	if c.MeterProvider == nil {
		c.MeterProvider = otel.GetMeterProvider()
	}
	if c.Propagator == nil {
		c.Propagator = otel.GetTextMapPropagator()
	}
	t := &Traces{
		c: c, tracer: c.TracerProvider.Tracer(scope), key: lwan.NewKey[trace.Span]("a span"),
	}
	meter := c.MeterProvider.Meter(scope)
	var err error
	if t.times, err = meter.Float64Histogram("http.server.request.duration",
		metric.WithUnit("s"), metric.WithDescription("Duration of HTTP server requests."),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5,
			5, 7.5, 10)); err != nil {
		return nil, err
	}
	t.sizes, err = meter.Int64Histogram("http.server.response.body.size",
		metric.WithUnit("By"), metric.WithDescription("Size of HTTP server response bodies."))
	return t, err
}

// Middleware begins the span of a request, as a child of the one that the client names.
func (t *Traces) Middleware(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if t.c.Untraced != nil && t.c.Untraced(req) {
			return next(req, resp)
		}
		if _, begun := t.key.Get(req); begun { // a request that was rerouted has its span
			return next(req, resp)
		}
		ctx := t.c.Propagator.Extract(req.Context(), carrier{req})
		name := methodOf(req)
		if route := routeOf(req); route != "" {
			name += " " + route
		}
		ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(beginning(req)...))
		t.key.Set(req, span)
		req.SetContext(ctx)
		return next(req, resp)
	}
}

// Done implements lwan.Observer: it ends the span, and records the metrics.
func (t *Traces) Done(req *lwan.Request, resp *lwan.Response, took time.Duration) {
	status := int(resp.Status())
	with := append(common(req), attribute.Int("http.response.status_code", status))
	if status >= 500 {
		with = append(with, attribute.String("error.type", strconv.Itoa(status)))
	}
	ctx := context.Background()
	if span, ok := t.key.Get(req); ok {
		ctx = trace.ContextWithSpan(ctx, span) // exemplars name it
		end(span, status, resp)
	}
	set := metric.WithAttributeSet(attribute.NewSet(with...))
	t.times.Record(ctx, took.Seconds(), set)
	t.sizes.Record(ctx, resp.BytesSent(), set)
}

// end ends a span with what is known at the end.
func end(span trace.Span, status int, resp *lwan.Response) {
	span.SetAttributes(attribute.Int("http.response.status_code", status),
		attribute.Int64("http.response.body.size", resp.BytesSent()))
	if status >= 500 {
		span.SetAttributes(attribute.String("error.type", strconv.Itoa(status)))
		text := ""
		if err := resp.Err(); err != nil {
			text = err.Error()
		}
		span.SetStatus(codes.Error, text)
	}
	span.End()
}

// Close implements lwan.Observer. Providers are the program's to shut down.
func (t *Traces) Close() error { return nil }

// beginning is what is known of a request when its span begins.
func beginning(req *lwan.Request) []attribute.KeyValue {
	list := append(common(req), attribute.String("url.path", req.Path()))
	if query := req.RawQuery(); query != "" {
		list = append(list, attribute.String("url.query", query))
	}
	host, port, err := net.SplitHostPort(req.Host())
	if err != nil {
		host = req.Host()
	}
	list = append(list, attribute.String("server.address", host))
	if n, err := strconv.Atoi(port); err == nil {
		list = append(list, attribute.Int("server.port", n))
	}
	if a := req.RemoteAddr(); a.IsValid() {
		list = append(list, attribute.String("client.address", a.Addr().String()))
	}
	if agent := req.Header("User-Agent"); agent != "" {
		list = append(list, attribute.String("user_agent.original", agent))
	}
	return list
}

// common is what metrics have, too: it has few values, whatever clients send.
func common(req *lwan.Request) []attribute.KeyValue {
	list := make([]attribute.KeyValue, 0, 8)
	list = append(list, attribute.String("http.request.method", methodOf(req)),
		attribute.String("url.scheme", req.Scheme()),
		attribute.String("network.protocol.version", versionOf(req)))
	if route := routeOf(req); route != "" {
		list = append(list, attribute.String("http.route", route))
	}
	return list
}

// methodOf is a method that is known, or "_OTHER".
func methodOf(req *lwan.Request) string {
	switch m := req.Method(); m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return m
	}
	return "_OTHER"
}

func versionOf(req *lwan.Request) string {
	switch req.Proto() {
	case "HTTP/2.0":
		return "2"
	case "HTTP/1.0":
		return "1.0"
	}
	return "1.1"
}

// routeOf is the path of the pattern.
func routeOf(req *lwan.Request) string {
	pattern := req.Pattern()
	for i := range len(pattern) {
		switch pattern[i] {
		case ' ', '\t':
			return pattern[i+1:]
		case '/':
			return pattern
		}
	}
	return pattern
}

// carrier is where a propagator reads what the client has sent.
type carrier struct{ req *lwan.Request }

func (c carrier) Get(key string) string { return c.req.Header(key) }

// Set does nothing: a request is only read.
func (c carrier) Set(string, string) {}

func (c carrier) Keys() (names []string) {
	for name := range c.req.Headers() {
		names = append(names, name)
	}
	return names
}
