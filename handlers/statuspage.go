package handlers

import (
	"context"
	"crypto/sha256"
	_ "embed" // of the page
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// StatusConfig of a StatusPage. The zero value shows all that there is to clients of this machine.
type StatusConfig struct {
	// Allow has the networks of who may look; nil: the loopback addresses alone. All others get
	// 403.
	Allow []netip.Prefix
	// Pages names those of status, metrics, health and config that are there; nil: all.
	Pages []string
	// Backends are those of gateways, asked for each answer, from any goroutine; nil: there are
	// none.
	Backends func() []StatusBackend
	// Metrics writes what is to follow the server's own metrics; nil: nothing.
	Metrics func(w io.Writer) error
	// Config writes the configuration that counts, without secrets; nil: there is no such page.
	Config func(w io.Writer) error
}

// StatusBackend is what a StatusPage shows of a backend.
type StatusBackend struct {
	Group    string  `json:"group"`
	Address  string  `json:"address"`
	State    string  `json:"state"` // as "up"
	Good     bool    `json:"good"`  // it is used
	Active   int64   `json:"active"`
	Idle     int64   `json:"idle"`
	Requests int64   `json:"requests"`
	Failed   int64   `json:"failed"`
	HeadMS   float64 `json:"head_ms"` // average time to an answer's head
}

// StatusPage shows people, and machines, what the server does: srv.Mount("/status",
// handlers.StatusPage.With(handlers.StatusConfig{})). Nothing can be changed by it. Below its
// prefix there are
//
//	(the prefix itself)  a page with charts of the last five minutes, which renews itself
//	/status.json         the same as JSON
//	/metrics             for Prometheus: Metrics, and the latency of requests
//	/health              200, or 503 from when the server drains
//	/config              StatusConfig.Config
//
// It measures all requests of the server while it is open.
var StatusPage = lwan.Module[StatusConfig]{Name: "status", Open: openStatus}

//go:embed statuspage.html
var statusHTML string

// statusPolicy lets the page do what is written in it, and nothing else.
var statusPolicy = "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; style-src " + sourceHash("<style>", "</style>") + "; script-src " +
	sourceHash("<script>", "</script>")

// sourceHash is what a policy allows the element between two tags by.
func sourceHash(from, to string) string {
	_, rest, _ := strings.Cut(statusHTML, from)
	text, _, _ := strings.Cut(rest, to)
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

var statusPages = []string{"status", "metrics", "health", "config"}

func openStatus(s *lwan.Scope, c StatusConfig) error {
	for _, page := range c.Pages {
		if !slices.Contains(statusPages, page) {
			return fmt.Errorf("StatusConfig.Pages: there is no page %q", page)
		}
	}
	if c.Allow == nil {
		c.Allow = []netip.Prefix{
			netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
		}
	}
	p := &statusPage{StatusConfig: c, srv: s.Server(), start: time.Now()}
	s.Server().Observe(p)
	s.Go(p.sample)
	s.Use(Access(AccessConfig{Allow: c.Allow, DenyOthers: true}))
	if p.has("status") {
		s.Handle("GET ", p.html)
		s.Handle("GET /{$}", p.html)
		s.Handle("GET /status.json", p.json)
	}
	if p.has("metrics") {
		s.Handle("GET /metrics", p.metrics)
	}
	if p.has("health") {
		s.Handle("GET /health", p.health)
	}
	if p.has("config") && c.Config != nil {
		s.Handle("GET /config", p.config)
	}
	return nil
}

// statusPage is an open module. Its numbers are for any goroutine.
type statusPage struct {
	StatusConfig
	srv     *lwan.Server
	start   time.Time
	latency latencies
	history statusHistory
}

func (p *statusPage) has(page string) bool {
	return p.Pages == nil || slices.Contains(p.Pages, page)
}

// Done implements lwan.Observer.
func (p *statusPage) Done(_ *lwan.Request, _ *lwan.Response, took time.Duration) {
	p.latency.count(took)
}

// Close implements lwan.Observer.
func (p *statusPage) Close() error { return nil }

// sample takes one sample after the other, until the server or the module ends.
func (p *statusPage) sample(ctx context.Context) error {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for {
		p.history.add(p.look(time.Now()))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *statusPage) look(now time.Time) statusSample {
	return statusSample{at: now, stats: p.srv.Stats(), latency: p.latency.snapshot()}
}

func (p *statusPage) html(_ *lwan.Request, resp *lwan.Response) lwan.Status {
	resp.SetHeader("Content-Security-Policy", statusPolicy)
	resp.SetHeader("X-Content-Type-Options", "nosniff")
	resp.SetHeader("Referrer-Policy", "no-referrer")
	resp.SetHeader("Cache-Control", "no-store")
	resp.SetContentType("text/html; charset=utf-8")
	resp.WriteString(statusHTML)
	return lwan.StatusOK
}

// statusJSON is the page in numbers.
type statusJSON struct {
	Uptime     float64         `json:"uptime_seconds"`
	Draining   bool            `json:"draining"`
	Go         string          `json:"go"`
	Goroutines int             `json:"goroutines"`
	Requests   int64           `json:"requests"`
	Status     [6]int64        `json:"status"` // by class; [0]: none could be sent
	Accepted   int64           `json:"accepted"`
	Rejected   int64           `json:"rejected"`
	Conns      statusConns     `json:"connections"`
	BytesIn    int64           `json:"bytes_in"`
	BytesOut   int64           `json:"bytes_out"`
	Workers    int64           `json:"workers"`
	Offloaded  int64           `json:"offloaded"`
	Queued     int64           `json:"queued"`
	LogLost    int64           `json:"log_lost"`
	P50        float64         `json:"p50_ms"` // of all requests
	P99        float64         `json:"p99_ms"`
	Stalls     []statusStall   `json:"stalls"`
	Backends   []StatusBackend `json:"backends"`
	History    []statusPoint   `json:"history"` // the oldest first
}

type statusConns struct {
	Idle       int64 `json:"idle"`
	Running    int64 `json:"running"`
	Waiting    int64 `json:"waiting"`
	Subscribed int64 `json:"subscribed"`
}

type statusStall struct {
	Route string  `json:"route"`
	In    string  `json:"in"`
	Count int64   `json:"count"`
	MS    float64 `json:"longest_ms"`
}

func connsOf(st *lwan.Stats) statusConns {
	c := st.Conns
	return statusConns{c.Idle, max(c.Active-c.Parked, 0), c.Parked, c.Subscribed}
}

func (p *statusPage) json(_ *lwan.Request, resp *lwan.Response) lwan.Status {
	now := p.look(time.Now())
	st := &now.stats
	page := statusJSON{
		Uptime: now.at.Sub(p.start).Seconds(), Draining: p.srv.Draining(),
		Go: runtime.Version(), Goroutines: runtime.NumGoroutine(), Requests: st.Requests,
		Status: st.Status, Accepted: st.Accepted, Rejected: st.Rejected, Conns: connsOf(st),
		BytesIn: st.BytesIn, BytesOut: st.BytesOut, Workers: st.Workers, Offloaded: st.Awaiting,
		Queued: st.Queued, LogLost: st.LogLost, P50: millisOf(now.latency.quantile(0.5)),
		P99:    millisOf(now.latency.quantile(0.99)),
		Stalls: []statusStall{}, Backends: []StatusBackend{}, History: p.history.points(now),
	}
	for _, s := range st.Stalls {
		page.Stalls = append(page.Stalls, statusStall{s.Pattern, s.In, s.Count, millisOf(s.For)})
	}
	if p.Backends != nil {
		page.Backends = append(page.Backends, p.Backends()...)
	}
	resp.SetHeader("Cache-Control", "no-store")
	return resp.JSON(lwan.StatusOK, page)
}

func (p *statusPage) metrics(req *lwan.Request, resp *lwan.Response) lwan.Status {
	if st := Metrics(req, resp); st != lwan.StatusOK {
		return st
	}
	counts := p.latency.snapshot()
	exposition{resp}.latency(&counts)
	if p.Metrics != nil {
		if err := p.Metrics(resp); err != nil {
			return resp.Fail(err)
		}
	}
	return lwan.StatusOK
}

func (p *statusPage) health(_ *lwan.Request, resp *lwan.Response) lwan.Status {
	resp.SetHeader("Cache-Control", "no-store")
	if p.srv.Draining() {
		return resp.Text(lwan.StatusServiceUnavailable, "draining\n")
	}
	return resp.Text(lwan.StatusOK, "ok\n")
}

func (p *statusPage) config(_ *lwan.Request, resp *lwan.Response) lwan.Status {
	resp.SetHeader("Cache-Control", "no-store")
	resp.SetHeader("X-Content-Type-Options", "nosniff")
	resp.SetContentType("text/plain; charset=utf-8")
	if err := p.Config(resp); err != nil {
		return resp.Fail(err)
	}
	return lwan.StatusOK
}
