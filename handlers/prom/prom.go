// Package prom counts and times requests by route with prometheus/client_golang, so that they stand
// beside a program's own metrics. It is a module of its own.
//
//	requests, err := prom.Requests(prom.Config{})
//	...
//	srv.Observe(requests)
//	prometheus.MustRegister(prom.Stats(srv))
//	admin.Handle("GET /metrics", lwan.FromHTTP(promhttp.Handler()))
//
// Labels have few values, whatever clients send: a route is its pattern, "" where none fits, and a
// method that is not one of RFC 9110 or PATCH is "other".
//
// handlers.Metrics is for who needs no client_golang: it has what Stats has here.
package prom

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/golwan/golwan/lwan"
)

// Config is for Requests.
type Config struct {
	Registerer prometheus.Registerer // nil: prometheus.DefaultRegisterer

	// Buckets are upper bounds in seconds; nil: 1 ms to 10 s.
	Buckets []float64
}

var defaultBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Requests is an observer that registers, and fills,
//
//	http_server_request_duration_seconds   histogram by method, route and status
//	http_server_response_body_bytes_total  counter by method, route and status
//
// The time is that from the request's head to the end of its answer: of a stream, its life. Status
// 499 is a client that left. The error is that of registering.
func Requests(c Config) (lwan.Observer, error) {
	if c.Registerer == nil {
		c.Registerer = prometheus.DefaultRegisterer
	}
	if c.Buckets == nil {
		c.Buckets = defaultBuckets
	}
	labels := []string{"method", "route", "status"}
	r := &requests{
		times: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_server_request_duration_seconds",
			Help: "Time from the head of a request to the end of its answer.", Buckets: c.Buckets,
		}, labels),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_server_response_body_bytes_total",
			Help: "Bytes of bodies that were sent.",
		}, labels),
	}
	if err := c.Registerer.Register(r.times); err != nil {
		return nil, err
	}
	if err := c.Registerer.Register(r.bytes); err != nil {
		c.Registerer.Unregister(r.times)
		return nil, err
	}
	return r, nil
}

// requests is the observer. It remembers the metrics of each set of labels, of which there are few.
type requests struct {
	times *prometheus.HistogramVec
	bytes *prometheus.CounterVec
	known sync.Map // of *series by kind
}

type kind struct {
	method, route string
	status        lwan.Status
}

type series struct {
	time  prometheus.Observer
	bytes prometheus.Counter
}

// Done implements lwan.Observer.
func (r *requests) Done(req *lwan.Request, resp *lwan.Response, took time.Duration) {
	s := r.of(kind{methodOf(req), req.Pattern(), resp.Status()})
	s.time.Observe(took.Seconds())
	s.bytes.Add(float64(resp.BytesSent()))
}

func (r *requests) of(k kind) *series {
	if s, ok := r.known.Load(k); ok {
		return s.(*series)
	}
	status := strconv.Itoa(int(k.status))
	s, _ := r.known.LoadOrStore(k, &series{
		r.times.WithLabelValues(k.method, k.route, status),
		r.bytes.WithLabelValues(k.method, k.route, status),
	})
	return s.(*series)
}

// Close implements lwan.Observer. The metrics stay.
func (r *requests) Close() error { return nil }

// methodOf is a method as a label; "" of what could not be parsed.
func methodOf(req *lwan.Request) string {
	switch m := req.Method(); m {
	case "", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return m
	}
	return "other"
}
