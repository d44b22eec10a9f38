package conf

import (
	"errors"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// Filters that change what is inside of them, or ask other parts of the site.

type errorPages struct {
	Pages map[string]string `conf:"*" doc:"404, 4xx, 5xx or default = a path of the site"`
}

// Check implements Checker.
func (c *errorPages) Check() error {
	_, err := handlers.ErrorPages(c.Pages)
	return err
}

var errorPagesFilter = Filter[errorPages]{
	Name: "error_pages", Phase: PhaseErrors, Doc: "answers errors with pages of the site",
	New: func(_ *lwan.Scope, c errorPages) (lwan.Middleware, error) {
		return handlers.ErrorPages(c.Pages)
	},
}

type requestHeaders struct {
	Set    map[string]string `doc:"name = value, in place of others"`
	Remove []string          `doc:"names"`
}

func (c *requestHeaders) config() handlers.RequestHeadersConfig {
	return handlers.RequestHeadersConfig{Set: c.Set, Remove: c.Remove}
}

// Check implements Checker.
func (c *requestHeaders) Check() error {
	_, err := handlers.RequestHeaders(c.config())
	return err
}

var requestHeadersFilter = Filter[requestHeaders]{
	Name: "request_headers", Phase: PhaseRequest, Doc: "changes the fields that content sees",
	New: func(_ *lwan.Scope, c requestHeaders) (lwan.Middleware, error) {
		return handlers.RequestHeaders(c.config())
	},
}

type limitRate struct {
	Rate    Size `range:"0.." doc:"bytes a second of each answer; 0: no limit"`
	After   Size `range:"0.." doc:"bytes that go out at full speed first"`
	PerAddr Size `range:"0.." doc:"bytes a second of all answers to an address; 0: no limit"`
	Site    Size `range:"0.." doc:"bytes a second of all answers together; 0: no limit"`
}

// Check implements Checker.
func (c *limitRate) Check() error {
	if c.Rate == 0 && c.PerAddr == 0 && c.Site == 0 {
		return errors.New("there is no rate: set rate, per_addr or site")
	}
	return nil
}

var limitRateFilter = Filter[limitRate]{
	Name: "limit_rate", HandOn: true, Phase: PhaseLimit, Doc: "bounds how fast answers go out",
	New: func(_ *lwan.Scope, c limitRate) (lwan.Middleware, error) {
		return handlers.LimitRate(handlers.LimitRateConfig{
			Rate: int64(c.Rate), After: int64(c.After), PerAddr: int64(c.PerAddr),
			Total: int64(c.Site),
		}), nil
	},
}
