package conf

import (
	"io"
	"net/netip"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/handlers/gateway"
	"github.com/golwan/golwan/lwan"
)

// status shows what goes on, to some.
type status struct {
	Allow []netip.Prefix `default:"127.0.0.0/8 ::1/128" doc:"who may look"`
	Pages []string       `default:"status metrics health config" oneof:"status metrics health config" doc:"what there is: the page with status.json, and below the prefix the others"`

	of *Config
}

// belong implements belonger.
func (c *status) belong(of *Config) { c.of = of }

// backends are those of all groups.
func (c *status) backends() (all []handlers.StatusBackend) {
	for _, g := range c.of.book.groups() {
		for _, s := range g.Stats() {
			all = append(all, handlers.StatusBackend{
				Group: g.Name, Address: s.Address, State: s.State.String(),
				Good:   s.State == gateway.Up || s.State == gateway.Trial,
				Active: int64(s.Active), Idle: s.Idle, Requests: s.Requests, Failed: s.Failed,
				HeadMS: float64(s.Head.Microseconds()) / 1000,
			})
		}
	}
	return all
}

var statusModule = lwan.Module[status]{Name: "status",
	Open: func(s *lwan.Scope, c status) error {
		return handlers.StatusPage.Open(s, handlers.StatusConfig{
			Allow: append([]netip.Prefix{}, c.Allow...), Pages: append([]string{}, c.Pages...),
			Backends: c.backends, Config: c.of.Print,
			Metrics: func(w io.Writer) error {
				return gateway.WriteMetrics(w, c.of.book.groups()...)
			},
		})
	}}
