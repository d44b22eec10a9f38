package conf

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// authJWT lets in who has a signed token.
type authJWT struct {
	Keys       string            `opens:"read" conf:"keys,required" doc:"a file with a JWK set or public keys in PEM; read again when it changes"`
	Algorithms []string          `conf:"algorithms,required" oneof:"HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA" doc:"those of keys that count; a token cannot choose"`
	Issuer     string            `doc:"that iss must be; none: any"`
	Audience   string            `doc:"that aud must be or have; none: any"`
	From       string            `default:"header Authorization" doc:"header Authorization, or cookie NAME"`
	Leeway     time.Duration     `default:"30s" range:"0.." doc:"by which clocks may differ"`
	Endless    bool              `doc:"take tokens without an end"`
	Claims     map[string]string `doc:"claim = value that is needed; else 403"`
	Pass       map[string]string `doc:"claim = field of the request for what is inside, in place of a client's"`
	Realm      string            `default:"Restricted" doc:"of the challenge"`
}

func (c *authJWT) config() (handlers.JWTAuthConfig, error) {
	to := handlers.JWTAuthConfig{
		Keys: c.Keys, Algorithms: c.Algorithms, Issuer: c.Issuer, Audience: c.Audience,
		Leeway: noneIfZero(c.Leeway), Endless: c.Endless, Claims: c.Claims, Pass: c.Pass,
		Realm: c.Realm,
	}
	kind, name, _ := strings.Cut(c.From, " ")
	switch {
	case kind == "cookie" && isToken(name):
		to.Cookie = name
	case kind != "header", !strings.EqualFold(name, "Authorization"):
		return to, fmt.Errorf("from: %q is neither header Authorization nor cookie NAME", c.From)
	}
	return to, nil
}

// Check implements Checker.
func (c *authJWT) Check() error {
	if c.Keys == "" || len(c.Algorithms) == 0 {
		return errors.New("it needs keys and algorithms")
	}
	to, err := c.config()
	if err != nil {
		return err
	}
	return to.Check()
}

var authJWTFilter = Filter[authJWT]{
	Name: "auth_jwt", HandOn: true, Phase: PhaseAuth, Doc: "lets in who has a signed token",
	New: func(s *lwan.Scope, c authJWT) (lwan.Middleware, error) {
		to, err := c.config()
		if err != nil {
			return nil, err
		}
		to.Log = s.Log
		return handlers.JWTAuth(to)
	},
}

// authRequest asks a service.
type authRequest struct {
	To      string        `conf:"to,required" doc:"the http or https URL that is asked: 2xx lets in, 401 and 403 are passed on, the rest is 500"`
	Send    []string      `default:"Authorization Cookie" doc:"fields that are sent along"`
	Copy    []string      `doc:"fields of its answer that go into the request, in place of a client's"`
	User    string        `doc:"the field of its answer that names the user"`
	Timeout time.Duration `default:"5s" range:"1.." doc:"to connect, and again until the answer; then 504"`
}

func (c *authRequest) config() handlers.ForwardAuthConfig {
	return handlers.ForwardAuthConfig{
		To: c.To, Send: append([]string{}, c.Send...), Copy: c.Copy, User: c.User,
		Timeout: c.Timeout,
	}
}

// Check implements Checker.
func (c *authRequest) Check() error { return c.config().Check() }

var authRequestFilter = Filter[authRequest]{
	Name: "auth_request", HandOn: true, Phase: PhaseAuth,
	Doc: "asks a service whether a request may pass",
	New: func(_ *lwan.Scope, c authRequest) (lwan.Middleware, error) {
		return handlers.ForwardAuth(c.config())
	},
}
