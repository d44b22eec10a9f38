package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// JWTAuthConfig says whose tokens are good, and for what.
type JWTAuthConfig struct {
	// Keys is a file with a JWK set (RFC 7517), or with public keys in PEM ("PUBLIC KEY"). It is
	// looked at once a second while requests come, and read again when it has changed; one that
	// cannot be read leaves what was. Must be set, and have a key that can be used.
	//
	// The key says by which algorithm a token is signed, and the token cannot choose: a key has the
	// one that its "alg" names, else the first of Algorithms that is for keys of its kind. RSA keys
	// have 2048 bits or more, secrets as many as their hash.
	Keys string

	// Algorithms are those that may be used: HS256, RS256, PS256, ES256, each also with 384 and
	// 512, and EdDSA (RFC 7518 section 3.1, RFC 8037). Keys of others are passed over. Must be set.
	Algorithms []string

	Issuer   string // that "iss" must be; "": any
	Audience string // that "aud" must be, or have; "": any, or none

	// Cookie has the token; "": the field Authorization, as "Bearer TOKEN" (RFC 6750).
	Cookie string

	// Leeway is by how much clocks may differ: 30 s; negative: none.
	Leeway time.Duration

	// Endless takes tokens without "exp", which are good until their key goes.
	Endless bool

	// Claims are those that a token must have, with that value, or with it in a list; others are
	// answered with 403.
	Claims map[string]string

	// Pass are fields of the request by the name of the claim that is put into them, for what is
	// inside: "sub": "X-User". What a client sends in them is dropped. Claims that are no text, no
	// number and no bool are not passed.
	Pass map[string]string

	Realm string       // of the challenge: "Restricted"
	Log   *slog.Logger // for a file that cannot be read; nil: slog.Default()

	now func() time.Time // nil: time.Now
}

// ClaimsKey has what a token says that JWTAuth has found good, as encoding/json reads it, with
// json.Number for numbers. It is shared: do not change it.
var ClaimsKey = lwan.NewKey[map[string]any]("claims")

const defaultLeeway = 30 * time.Second

// JWTAuth lets in who has a signed token (JWT, RFC 7519). UserKey has its "sub" then, and ClaimsKey
// all of it. Without a good token the answer is 401; why is in WWW-Authenticate (RFC 6750 section
// 3). Requests with several Authorization fields, or cookies, are
// refused: nobody knows which one a backend takes.
//
// A token is checked on the loop, which takes about 0.05 ms, whether or not it is good. Tokens are
// bearer tokens: whoever reads one on its way has it, so it is for TLS; and one cannot be taken
// back before it ends, but by its key.
func JWTAuth(c JWTAuthConfig) (lwan.Middleware, error) {
	a, err := newJWTAuth(c)
	if err != nil {
		return nil, err
	}
	return a.middleware, nil
}

func newJWTAuth(c JWTAuthConfig) (*jwtAuth, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Realm == "" {
		c.Realm = "Restricted"
	}
	if c.Leeway == 0 {
		c.Leeway = defaultLeeway
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.Leeway = max(c.Leeway, 0)
	a := &jwtAuth{JWTAuthConfig: c, realm: `Bearer realm="` + quoteRealm.Replace(c.Realm) + `"`}
	for _, claim := range slices.Sorted(maps.Keys(c.Pass)) {
		a.pass = append(a.pass, passedClaim{claim, c.Pass[claim]})
	}
	a.keys = &watchedFile[[]jwtKey]{
		name: c.Keys, most: maxKeyFile, log: c.Log,
		parse: func(text []byte) ([]jwtKey, error) {
			keys, err := parseKeys(text, c.Algorithms)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Keys, err)
			}
			return keys, nil
		},
	}
	return a, a.keys.load()
}

// maxKeyFile is how large a file of keys may be.
const maxKeyFile = 1 << 20

// Check says what is wrong with the configuration, without a look at the file.
func (c *JWTAuthConfig) Check() error {
	var errs []error
	if c.Keys == "" {
		errs = append(errs, errors.New("JWTAuthConfig.Keys is not set"))
	}
	if len(c.Algorithms) == 0 {
		errs = append(errs, errors.New("JWTAuthConfig.Algorithms is empty"))
	}
	for _, name := range c.Algorithms {
		if _, ok := jwtAlgorithms[name]; !ok {
			errs = append(errs, fmt.Errorf("JWTAuthConfig.Algorithms: there is no %q", name))
		}
	}
	if strings.ContainsAny(c.Realm, "\r\n\x00") {
		errs = append(errs, errors.New("JWTAuthConfig.Realm has a line break or a NUL"))
	}
	for claim, field := range c.Pass {
		headers := RequestHeadersConfig{Remove: []string{field}}
		if err := headers.check(); err != nil {
			errs = append(errs, fmt.Errorf("JWTAuthConfig.Pass: %s: %w", claim, err))
		}
	}
	return errors.Join(errs...)
}

type jwtAuth struct {
	JWTAuthConfig
	realm string
	keys  *watchedFile[[]jwtKey]
	pass  []passedClaim
}

type passedClaim struct{ claim, field string }

var (
	errNoToken   = errors.New("there is no token")
	errForbidden = errors.New("the token is for something else")
)

func (a *jwtAuth) middleware(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		claims, err := a.check(req)
		if err == nil {
			err = a.hand(req, claims)
		}
		switch {
		case err == nil:
			return next(req, resp)
		case errors.Is(err, errForbidden):
			resp.SetHeader("WWW-Authenticate", a.realm+`, error="insufficient_scope"`)
			return lwan.StatusForbidden
		case errors.Is(err, errNoToken):
			resp.SetHeader("WWW-Authenticate", a.realm)
		default:
			resp.SetHeader("WWW-Authenticate", a.realm+`, error="invalid_token", `+
				`error_description="`+quoteRealm.Replace(err.Error())+`"`)
		}
		return lwan.StatusUnauthorized
	}
}

// check reads the token of a request.
func (a *jwtAuth) check(req *lwan.Request) (map[string]any, error) {
	token, err := a.token(req)
	if err != nil {
		return nil, err
	}
	claims, err := verifyJWT(token, a.keys.get(req))
	if err != nil {
		return nil, err
	}
	return claims, a.suits(claims)
}

func (a *jwtAuth) token(req *lwan.Request) (string, error) {
	if a.Cookie != "" {
		return a.cookie(req)
	}
	all := req.HeaderAll("Authorization")
	if len(all) == 0 {
		return "", errNoToken
	}
	if len(all) > 1 {
		return "", errors.New("there are several fields Authorization")
	}
	scheme, token, _ := strings.Cut(all[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errNoToken
	}
	return strings.Trim(token, " "), nil
}

// cookie is the token in a cookie, of which there must be one.
func (a *jwtAuth) cookie(req *lwan.Request) (token string, err error) {
	n := 0
	for name, value := range req.Cookies() {
		if name == a.Cookie {
			token = value
			n++
		}
	}
	if n > 1 {
		return "", errors.New("there are several cookies with a token")
	}
	if token == "" {
		return "", errNoToken
	}
	return token, nil
}

// suits looks at what a token is for (RFC 7519 section 4.1).
func (a *jwtAuth) suits(claims map[string]any) error {
	now := a.now()
	end, ends, err := dateOf(claims, "exp")
	switch {
	case err != nil:
		return err
	case !ends && !a.Endless:
		return errors.New("the token has no end")
	case ends && !now.Before(end.Add(a.Leeway)):
		return errors.New("the token has expired")
	}
	begin, begins, err := dateOf(claims, "nbf")
	switch {
	case err != nil:
		return err
	case begins && now.Before(begin.Add(-a.Leeway)):
		return errors.New("the token is not good yet")
	case a.Issuer != "" && claims["iss"] != any(a.Issuer):
		return errors.New("the token has another issuer")
	case a.Audience != "" && !hasClaim(claims["aud"], a.Audience):
		return errors.New("the token is for another audience")
	}
	for name, want := range a.Claims {
		if !hasClaim(claims[name], want) {
			return errForbidden
		}
	}
	return nil
}

// hand gives what is inside what the token says.
func (a *jwtAuth) hand(req *lwan.Request, claims map[string]any) error {
	for _, p := range a.pass { // all first: two claims may have one field
		if err := req.DelHeader(p.field); err != nil {
			return err
		}
	}
	for _, p := range a.pass {
		text, ok := claimText(claims[p.claim])
		if !ok {
			continue
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return errors.New("a claim of the token has a control character")
		}
		if strings.TrimSpace(text) != text { // a field would lose it, and be another user's
			return errors.New("a claim of the token begins or ends with a space")
		}
		if err := req.SetHeader(p.field, text); err != nil {
			return err
		}
	}
	if user, ok := claims["sub"].(string); ok && user != "" {
		UserKey.Set(req, user)
	}
	ClaimsKey.Set(req, claims)
	return nil
}
