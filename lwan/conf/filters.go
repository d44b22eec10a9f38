package conf

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// Standard is what golwan itself can name. The caller may add to it.
func Standard() Registry {
	return Registry{
		Modules: []lwan.AnyModule{
			serveFilesModule, vhostsModule, userdirModule, redirectModule, responseModule,
			metricsModule, rewriteModule, statusModule,
			proxyModule, fastCGIModule, scgiModule, uwsgiModule, cgiModule,
			webdavModule,
		},
		Filters: []AnyFilter{
			requestIDFilter, realIPFilter, httpsFilter, responseHeadersFilter, expireFilter,
			corsFilter, compressFilter, errorPagesFilter,
			limitRequestsFilter, limitConcurrencyFilter, limitRateFilter, limitsFilter,
			accessFilter, authBasicFilter, authJWTFilter, authRequestFilter, authFastCGIFilter,
			requestHeadersFilter,
		},
		Handlers: map[string]lwan.Handler{},
	}
}

type requestID struct{}

var requestIDFilter = Filter[requestID]{
	Name: "request_id", Phase: PhaseID, Doc: "gives each request an ID, in logs and answers",
	New: func(*lwan.Scope, requestID) (lwan.Middleware, error) { return handlers.RequestID, nil },
}

type realIP struct {
	From   []netip.Prefix `conf:"from,required" doc:"proxies that are believed"`
	Header string         `default:"X-Forwarded-For" doc:"that, Forwarded, or a field with one address"`
}

// Check implements Checker.
func (c *realIP) Check() error {
	_, err := handlers.RealIP(handlers.RealIPConfig{From: c.From, Header: c.Header})
	return err
}

var realIPFilter = Filter[realIP]{
	Name: "real_ip", Phase: PhaseID, Doc: "finds the client's address behind proxies",
	New: func(_ *lwan.Scope, c realIP) (lwan.Middleware, error) {
		return handlers.RealIP(handlers.RealIPConfig{From: c.From, Header: c.Header})
	},
}

type https struct {
	Redirect          bool          `default:"true" doc:"from http, with 308, but for challenges of ACME"`
	Port              int           `range:"0..65535" doc:"of the redirect; 0: that of the first listener with tls, or 443"`
	HSTS              time.Duration `conf:"hsts" range:"0.." doc:"max-age of Strict-Transport-Security"`
	IncludeSubdomains bool          `doc:"for all hosts below, too"`
	Preload           bool          `doc:"browsers may have it built in; needs hsts = 1y"`

	of *Config // whose sites clients are sent to
}

// belong implements belonger.
func (c *https) belong(of *Config) { c.of = of }

func (c *https) policy() handlers.HSTSConfig {
	return handlers.HSTSConfig{
		MaxAge: c.HSTS, IncludeSubdomains: c.IncludeSubdomains, Preload: c.Preload,
	}
}

// Check implements Checker.
func (c *https) Check() error {
	if c.Preload && (c.HSTS == 0 || c.policy().Check() != nil) {
		return errors.New("preload needs hsts = 1y and include_subdomains = yes")
	}
	return nil
}

// middleware is what the settings ask for; without any of them it is next itself.
func (c *https) middleware(next lwan.Handler) lwan.Handler {
	if c.Redirect {
		next = handlers.ToHTTPS(c.Port, c.of.hosts()...)(next)
	}
	if c.HSTS > 0 {
		next = handlers.HSTS(c.policy())(next)
	}
	return next
}

var httpsFilter = Filter[https]{
	Name: "https", Phase: PhaseHeaders,
	Doc: "brings clients to https: that of a listener with tls, or of a trusted proxy",
	New: func(_ *lwan.Scope, c https) (lwan.Middleware, error) { return c.middleware, nil },
}

type responseHeaders struct {
	Set     map[string]string `doc:"name = value, in place of others"`
	Add     map[string]string `doc:"name = value, beside others"`
	Default map[string]string `doc:"name = value, if there is none"`
	Remove  []string          `doc:"names"`
	Always  bool              `default:"true" doc:"on errors too"`
}

var responseHeadersFilter = Filter[responseHeaders]{
	Name: "response_headers", Phase: PhaseHeaders, Doc: "changes the fields of answers",
	New: func(_ *lwan.Scope, c responseHeaders) (lwan.Middleware, error) {
		return handlers.ResponseHeaders(c.config())
	},
}

func (c *responseHeaders) config() handlers.ResponseHeadersConfig {
	return handlers.ResponseHeadersConfig{
		Set: c.Set, Add: c.Add, Default: c.Default, Remove: c.Remove, GoodOnly: !c.Always,
	}
}

// Check implements Checker.
func (c *responseHeaders) Check() error {
	_, err := handlers.ResponseHeaders(c.config())
	return err
}

type expire struct {
	After        time.Duration            `range:"0.." doc:"from the answer on; 0: nothing is said"`
	Types        map[string]time.Duration `doc:"media type = time; image/* is all of a kind"`
	CacheControl string                   `doc:"the whole value of Cache-Control"`
}

var expireFilter = Filter[expire]{
	Name: "expire", Phase: PhaseHeaders,
	Doc: "says how long answers may be kept, where a handler does not",
	New: func(_ *lwan.Scope, c expire) (lwan.Middleware, error) {
		return handlers.Expire(handlers.ExpireConfig{
			After: c.After, Types: c.Types, CacheControl: c.CacheControl,
		}), nil
	},
}

type cors struct {
	Origins     []string      `conf:"origins,required" doc:"scheme://host, or * without credentials"`
	Methods     []string      `doc:"that pages may use; none: the usual ones"`
	Headers     []string      `doc:"that pages may set; none: those that they ask for"`
	Expose      []string      `doc:"fields of answers that pages may read"`
	Credentials bool          `doc:"pages may send cookies and authorization"`
	MaxAge      time.Duration `default:"5s" range:"0.." doc:"how long a preflight is remembered"`
}

// Check implements Checker.
func (c *cors) Check() error {
	for _, o := range c.Origins {
		scheme, host, ok := strings.Cut(o, "://")
		switch {
		case o == "*" && c.Credentials:
			return errors.New("credentials are for origins that are named, not for *")
		case o == "*", o == "null":
		case !ok || scheme == "" || host == "" ||
			strings.ContainsAny(strings.TrimSuffix(host, "/"), "/*?#"):
			return fmt.Errorf("%q is no origin: write https://example.com", o)
		}
	}
	return nil
}

var corsFilter = Filter[cors]{
	Name: "cors", Phase: PhaseHeaders, Doc: "lets pages of other origins read answers",
	New: func(_ *lwan.Scope, c cors) (lwan.Middleware, error) {
		return handlers.CORS(handlers.CORSConfig{
			Origins: c.Origins, Methods: c.Methods, Headers: c.Headers, Expose: c.Expose,
			Credentials: c.Credentials, MaxAge: noneIfZero(c.MaxAge),
		}), nil
	},
}

type compress struct {
	MinSize Size     `default:"1k" range:"0.." doc:"smaller bodies stay as they are"`
	Types   []string `doc:"media types; none: text, JSON, XML, JavaScript, SVG, WebAssembly"`
	Codings []string `default:"zstd br gzip" oneof:"zstd br gzip deflate" doc:"to choose from, the first one where a client likes several as well"`
	AtOnce  int      `default:"256" range:"1..1000000" doc:"answers that are compressed at a time, about 1M of memory each; those beyond are sent as they are"`
}

func (c *compress) config() handlers.CompressConfig {
	return handlers.CompressConfig{
		MinSize: int(noBytesIfZero(c.MinSize)), Types: c.Types,
		Codings: append([]string{}, c.Codings...), Compressors: c.AtOnce,
	}
}

// Check implements Checker.
func (c *compress) Check() error { return c.config().Check() }

var compressFilter = Filter[compress]{
	Name: "compress", Phase: PhaseBody, Doc: "compresses answers",
	New: func(_ *lwan.Scope, c compress) (lwan.Middleware, error) {
		return handlers.Compress(c.config()), nil
	},
}

// rate is how often: 10/s, 100/m, 1000/h.
type rate struct {
	requests int
	per      time.Duration
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *rate) UnmarshalText(text []byte) error {
	number, unit, _ := strings.Cut(string(text), "/")
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 32)
	r.requests, r.per = int(n), timeUnits[strings.TrimSpace(unit)]
	if err != nil || n < 1 || r.per == 0 {
		return fmt.Errorf("%q is no rate: write 10/s, 100/m or 1000/h", text)
	}
	return nil
}

type limitRequests struct {
	Key    handlers.RequestKey `default:"remote" doc:"remote, remote/24, header NAME, cookie NAME, user, path, or several with +"`
	Rate   rate                `conf:"rate,required" doc:"10/s, 100/m, 1000/h"`
	Burst  int                 `range:"0..1000000" doc:"that may come at once beyond the rate"`
	Wait   time.Duration       `range:"0.." doc:"how long requests of a burst are held back at most; 0: not at all"`
	Status int                 `default:"429" range:"400..599" doc:"of those that are refused"`
	Keys   int                 `default:"100000" range:"1..100000000" doc:"that are remembered at most"`
	DryRun bool                `doc:"refuse nobody, only log"`
}

// phase moves what counts by user inside of what finds out who that is.
func (c *limitRequests) phase() Phase { return limitPhase(c.Key) }

func limitPhase(k handlers.RequestKey) Phase {
	if k.ByUser() {
		return PhaseRequest
	}
	return PhaseLimit
}

var limitRequestsFilter = Filter[limitRequests]{
	Name: "limit_requests", HandOn: true, Phase: PhaseLimit,
	Doc: "refuses requests that come too often",
	New: func(_ *lwan.Scope, c limitRequests) (lwan.Middleware, error) {
		return handlers.LimitRequests(handlers.LimitRequestsConfig{
			Key: c.Key, Requests: c.Rate.requests, Per: c.Rate.per, Burst: c.Burst, Wait: c.Wait,
			Keys: c.Keys, Status: lwan.Status(c.Status), DryRun: c.DryRun,
		})
	},
}

type limitConcurrency struct {
	Key    handlers.RequestKey `default:"remote" doc:"as that of limit_requests"`
	Max    int                 `conf:"max,required" range:"1..1000000000" doc:"requests under way at a time"`
	Status int                 `default:"503" range:"400..599" doc:"of those that are refused"`
}

func (c *limitConcurrency) phase() Phase { return limitPhase(c.Key) }

var limitConcurrencyFilter = Filter[limitConcurrency]{
	Name: "limit_concurrency", HandOn: true, Phase: PhaseLimit,
	Doc: "refuses requests while too many are under way",
	New: func(_ *lwan.Scope, c limitConcurrency) (lwan.Middleware, error) {
		return handlers.LimitConcurrency(handlers.LimitConcurrencyConfig{
			Key: c.Key, Max: c.Max, Status: lwan.Status(c.Status),
		})
	},
}

type limits struct {
	MaxBody    Size          `range:"1.." doc:"of a request; then 413. None: that of what is around, 1M"`
	Timeout    time.Duration `range:"0.." doc:"until the head of the answer; then 503. 0: that of what is around"`
	ReadPause  time.Duration `range:"0.." doc:"the longest in a body; then 408. 0: that of what is around, 30s"`
	WritePause time.Duration `range:"0.." doc:"in which the client takes nothing; then cut. 0: as above"`
}

var limitsFilter = Filter[limits]{
	Name: "limits", Phase: PhaseLimit, Doc: "bounds what one request may take",
	New: func(_ *lwan.Scope, c limits) (lwan.Middleware, error) {
		return lwan.WithLimits(lwan.Limits{
			Body: int64(c.MaxBody), Timeout: c.Timeout, Read: c.ReadPause, Write: c.WritePause,
		}), nil
	},
}

type access struct {
	Allow        []netip.Prefix `doc:"networks; the longest one that fits counts"`
	Deny         []netip.Prefix `doc:"networks; of two of one length these count"`
	All          string         `default:"allow" oneof:"allow deny" doc:"what becomes of the rest"`
	DenySuffixes []string       `doc:"of paths: .bak ~ .inc"`
	Status       int            `default:"403" range:"400..599" doc:"of those that are kept out"`
	Satisfy      string         `default:"all" oneof:"all any" doc:"any: who is kept out by the address may still come in by the one auth_basic, auth_jwt, auth_request or auth_fastcgi beside it"`

	beside  *filter         // that asks who is kept out; nil: nobody does
	elseAsk lwan.Middleware // what it is, once it is open
}

var accessFilter = Filter[access]{
	Name: "access", Phase: PhaseAccess, Doc: "keeps clients out by their address",
	New: func(_ *lwan.Scope, c access) (lwan.Middleware, error) {
		to := handlers.AccessConfig{
			Allow: c.Allow, Deny: c.Deny, DenyOthers: c.All == "deny", DenySuffixes: c.DenySuffixes,
			Status: lwan.Status(c.Status), Else: c.elseAsk,
		}
		if c.beside != nil {
			to.ElseSets = c.beside.sets
		}
		return handlers.Access(to), nil
	},
}

type authBasic struct {
	Realm    string            `default:"Restricted" doc:"what browsers show"`
	File     string            `opens:"read" doc:"htpasswd's, with hashes of bcrypt"`
	Users    map[string]string `doc:"name = hash; golwan hash makes one"`
	Weak     bool              `doc:"take what is no hash for a password in clear text"`
	Require  []string          `doc:"users; none: all"`
	CacheFor time.Duration     `default:"10m" range:"0.." doc:"how long a good password is remembered, as a keyed hash"`
}

// Check implements Checker.
func (c *authBasic) Check() error {
	if c.File == "" && len(c.Users) == 0 {
		return errors.New("there is neither a file nor users, so nobody could come in")
	}
	return nil
}

var authBasicFilter = Filter[authBasic]{
	Name: "auth_basic", HandOn: true, Phase: PhaseAuth, Doc: "lets in who knows a password",
	New: func(s *lwan.Scope, c authBasic) (lwan.Middleware, error) {
		return handlers.BasicAuth(handlers.BasicAuthConfig{
			Realm: c.Realm, Users: c.Users, File: c.File, Plain: c.Weak, Require: c.Require,
			CacheFor: noneIfZero(c.CacheFor), Log: s.Log,
		})
	},
}
