package handlers

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// BasicAuthConfig says who may come in.
type BasicAuthConfig struct {
	// Realm is what browsers show, and what passwords are remembered for: "Restricted".
	Realm string

	// Users are hashes of passwords by name, beside those of File. A hash is bcrypt's, as
	// "$2y$10$...": HashPassword and "htpasswd -B" make one. Its cost is 17 at most.
	Users map[string]string

	// File has a "name:hash" in each line, as htpasswd(1) writes it, or a "name = hash". Empty
	// lines and those that begin with # are passed over. It is read again when it has changed, at
	// most once a second; one that cannot be read leaves what was. Of two lines with a name the
	// last one counts.
	File string

	// Plain takes what is no hash for the password itself. Whoever reads the file, or a copy of it,
	// knows all passwords then.
	Plain bool

	Require []string // users that may come in; none: all

	// CacheFor is how long a good password is remembered, as a keyed hash whose key is the
	// process's own: 10 min; negative: not at all, and each request costs what bcrypt does.
	CacheFor time.Duration

	// Checks is how many passwords are compared at a time, since each takes a processor for a tenth
	// of a second: half of the processors, one at least. Waiting is how many wait for that: 64;
	// beyond it the answer is 503.
	Checks, Waiting int

	Log *slog.Logger // for a file that cannot be read; nil: slog.Default()
}

const defaultCacheFor = 10 * time.Minute

// BasicAuth lets in who knows a password (HTTP Basic, RFC 7617). UserKey has the name then. Without
// TLS everybody on the way reads the password.
//
// Passwords are compared on goroutines, by Request.Await, a few at a time, so that a flood of wrong
// ones holds no loop. Unknown users cost as much time as wrong passwords. The error names what is
// wrong with the configuration, or with the file.
func BasicAuth(c BasicAuthConfig) (lwan.Middleware, error) {
	if c.Realm == "" {
		c.Realm = "Restricted"
	}
	if strings.ContainsAny(c.Realm, "\r\n\x00") {
		return nil, errors.New("BasicAuthConfig.Realm has a line break or a NUL")
	}
	users, err := newPasswords(c)
	if err != nil {
		return nil, err
	}
	a := &basicAuth{
		challenge: `Basic realm="` + quoteRealm.Replace(c.Realm) + `", charset="UTF-8"`,
		passwords: users, checks: newChecks(c.Checks, c.Waiting),
	}
	if c.CacheFor == 0 {
		c.CacheFor = defaultCacheFor
	}
	if c.CacheFor > 0 {
		a.known = newKnownPasswords(c.CacheFor)
	}
	if len(c.Require) > 0 {
		a.require = map[string]bool{}
		for _, name := range c.Require {
			a.require[name] = true
		}
	}
	return a.middleware, nil
}

var quoteRealm = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

type basicAuth struct {
	challenge string
	passwords *passwords
	checks    *checks
	known     *knownPasswords // nil: none are remembered
	require   map[string]bool // nil: everybody
}

func (a *basicAuth) middleware(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		user, password, ok := credentials(req.Header("Authorization"))
		if ok {
			var err error
			if ok, err = a.good(req, user, password); err != nil {
				resp.SetHeader("Retry-After", "1")
				return resp.Fail(err)
			}
		}
		if !ok || a.require != nil && !a.require[user] {
			resp.SetHeader("WWW-Authenticate", a.challenge)
			return lwan.StatusUnauthorized
		}
		UserKey.Set(req, user)
		return next(req, resp)
	}
}

// credentials reads the field (RFC 7617 section 2).
func credentials(field string) (user, password string, ok bool) {
	scheme, coded, _ := strings.Cut(field, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimLeft(coded, " "))
	if err != nil || len(text) > maxCredentials {
		return "", "", false
	}
	return strings.Cut(string(text), ":")
}

// maxCredentials is how long name and password may be together.
const maxCredentials = 1 << 10

// errTooManyLogins is answered with 503.
var errTooManyLogins = fmt.Errorf("handlers: too many passwords wait: %w", lwan.ErrBusy)

// good reports whether the password is the user's. What is remembered needs no goroutine.
func (a *basicAuth) good(req *lwan.Request, user, password string) (good bool, err error) {
	if !a.passwords.isDue() {
		if hash, ok := a.passwords.of(user); ok && a.known.has(user, password, hash) {
			return true, nil
		}
	}
	if !a.checks.enter() {
		return false, errTooManyLogins
	}
	defer a.checks.leave()
	return lwan.Await(req, func(ctx context.Context) (bool, error) {
		if err := a.checks.begin(ctx); err != nil {
			return false, err
		}
		defer a.checks.end()
		a.passwords.refresh()
		hash, ok := a.passwords.of(user)
		if ok && a.known.has(user, password, hash) {
			return true, nil
		}
		if !a.passwords.good(user, password) {
			return false, nil
		}
		a.known.remember(user, password, hash)
		return true, nil
	})
}
