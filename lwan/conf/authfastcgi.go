package conf

import (
	"time"

	"github.com/golwan/golwan/handlers/gateway"
	"github.com/golwan/golwan/lwan"
)

// authFastCGI asks a FastCGI application in the role of an authorizer.
type authFastCGI struct {
	Group string `doc:"a section group; none: its settings stand here"`
	groupConfig

	SendTimeout time.Duration     `default:"30s" range:"0.." doc:"in which the application takes nothing; then 504. 0: no limit"`
	HeadTimeout time.Duration     `default:"60s" range:"0.." doc:"until the head of its answer; then 504. 0: no limit"`
	BodyTimeout time.Duration     `default:"60s" range:"0.." doc:"between two pieces of its answer; then it is cut. 0: no limit"`
	HeadBytes   Size              `default:"64k" range:"1024.." doc:"of its answer's head; then 502"`
	Vars        map[string]string `conf:"vars,alias=params" doc:"name = value, beyond those of CGI or in their place"`
	KeepConn    bool              `doc:"ask the application to keep connections open"`

	with passing // that has the group
}

// groupName implements groupUser.
func (c *authFastCGI) groupName() string { return c.Group }

// belong implements belonger.
func (c *authFastCGI) belong(of *Config) {
	c.with.Group, c.with.groupConfig = c.Group, c.groupConfig
	c.with.belong(of)
}

// Check implements Checker.
func (c *authFastCGI) Check() error {
	own := passing{Group: c.Group, groupConfig: c.groupConfig}
	return own.Check()
}

// open takes the group, and opens it with the middleware.
func (c *authFastCGI) open(s *lwan.Scope) (lwan.Middleware, error) {
	g, err := c.with.of.take(s, c.Group, c.with.to)
	if err != nil {
		return nil, err
	}
	if err := g.Open(s); err != nil {
		return nil, err
	}
	return gateway.Authorizer(gateway.AuthorizerConfig{
		To: g, HeadBytes: int(c.HeadBytes), Vars: c.Vars, KeepConns: c.KeepConn,
		Timeouts: gateway.Timeouts{
			Send: noneIfZero(c.SendTimeout), Head: noneIfZero(c.HeadTimeout),
			Body: noneIfZero(c.BodyTimeout),
		},
	})
}

var authFastCGIFilter = Filter[authFastCGI]{
	Name: "auth_fastcgi", Phase: PhaseAuth,
	Doc: "asks a FastCGI application whether a request may pass",
	New: func(s *lwan.Scope, c authFastCGI) (lwan.Middleware, error) { return c.open(s) },
}
