package ecosystem

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/pprof"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"
	"github.com/gorilla/csrf"
	"github.com/gorilla/handlers"
	"github.com/gorilla/sessions"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/cors"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// layer is middleware.
type layer = func(http.Handler) http.Handler

// library is middleware of one, set up anew for each server.
type library struct {
	name  string
	set   func() (mw layer, seen func() string) // seen: what it has seen; nil: nothing is kept
	asks  []ask                                 // besides the usual ones
	alone bool                                  // the usual ones mean nothing
}

func plain(mw layer) func() (layer, func() string) {
	return func() (layer, func() string) { return mw, nil }
}

// changing is what differs from run to run.
var changing = regexp.MustCompile(`127\.0\.0\.1:\d+|127\.0\.0\.1|in [0-9.]+[a-zµ]+|\[[^\]]*\]`)

// logged is what was logged, without that.
func logged(b *bytes.Buffer) func() string {
	return func() string { return changing.ReplaceAllString(b.String(), "*") }
}

var libraries = []library{
	{name: "otelhttp", set: func() (layer, func() string) {
		rec := tracetest.NewSpanRecorder()
		tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec))
		return func(next http.Handler) http.Handler {
				return otelhttp.NewHandler(next, "operation", otelhttp.WithTracerProvider(tp))
			}, func() string {
				var b strings.Builder
				for _, s := range rec.Ended() {
					fmt.Fprint(&b, s.Name(), " ", s.Status().Code)
					for _, a := range s.Attributes() {
						switch a.Key {
						case "http.response.status_code", "http.request.method", "http.route",
							"http.response.body.size", "http.request.body.size":
							fmt.Fprint(&b, " ", a.Key, "=", a.Value.Emit())
						}
					}
					b.WriteByte('\n')
				}
				return b.String()
			}
	}},
	{name: "gorilla/csrf", set: func() (layer, func() string) {
		protect := csrf.Protect(bytes.Repeat([]byte{7}, 32), csrf.Secure(false), csrf.Path("/"))
		return func(next http.Handler) http.Handler {
			guarded := protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Token", csrf.Token(r))
				next.ServeHTTP(w, r)
			}))
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				guarded.ServeHTTP(w, csrf.PlaintextHTTPRequest(r))
			})
		}, nil
	},
		asks: []ask{
			post("/form", "name=with+token&gorilla.csrf.Token={X-Token}", "Content-Type", formType),
			post("/echo", "x", "X-CSRF-Token", "{X-Token}"),
		}},
	{name: "gorilla/sessions", set: func() (layer, func() string) {
		store := sessions.NewCookieStore(bytes.Repeat([]byte{7}, 32))
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, _ := store.Get(r, "session") // a cookie that is none is a new session
				n, _ := s.Values["n"].(int)
				s.Values["n"] = n + 1
				if err := s.Save(r, w); err != nil {
					http.Error(w, err.Error(), 500)
					return
				}
				w.Header().Set("X-Visits", fmt.Sprint(n+1))
				next.ServeHTTP(w, r)
			})
		}, nil
	}},
	{name: "gorilla/handlers", set: func() (layer, func() string) {
		b := new(bytes.Buffer)
		return func(next http.Handler) http.Handler {
			next = handlers.ContentTypeHandler(handlers.CompressHandler(next),
				formType, "text/plain")
			next = handlers.ProxyHeaders(handlers.HTTPMethodOverrideHandler(next))
			return handlers.CombinedLoggingHandler(b,
				handlers.RecoveryHandler(handlers.RecoveryLogger(log.New(io.Discard, "", 0)))(next))
		}, logged(b)
	}, asks: []ask{
		post("/echo", "x", "Content-Type", "text/plain", "X-HTTP-Method-Override", "PUT"),
		get("/where/x", "X-Forwarded-For", "192.0.2.7"), get("/panic"),
	}},
	{
		name: "gorilla/handlers CORS",
		set: plain(handlers.CORS(handlers.AllowedMethods([]string{"PUT"}),
			handlers.AllowedOrigins([]string{"http://other.example"}))),
	},
	{name: "chi Logger", set: func() (layer, func() string) {
		b := new(bytes.Buffer)
		return middleware.RequestLogger(&middleware.DefaultLogFormatter{
			Logger: log.New(b, "", 0), NoColor: true,
		}), logged(b)
	}},
	{name: "chi Compress", set: plain(middleware.Compress(5))},
	{
		name: "chi Timeout", set: plain(middleware.Timeout(50 * time.Millisecond)),
		asks: []ask{get("/late")},
	},
	{name: "chi Recoverer", set: plain(middleware.Recoverer), asks: []ask{get("/panic")}},
	{
		name: "chi RealIP", set: plain(middleware.RealIP),
		asks: []ask{get("/where/x", "X-Real-IP", "192.0.2.7")},
	},
	{name: "chi StripSlashes", set: plain(middleware.StripSlashes), asks: []ask{get("/where/x/")}},
	{
		name: "chi BasicAuth",
		set:  plain(middleware.BasicAuth("realm", map[string]string{"user": "pass"})),
		asks: []ask{get("/ok", "Authorization", "Basic dXNlcjpwYXNz")},
	},
	{name: "chi more", set: plain(func(next http.Handler) http.Handler {
		for _, mw := range []layer{
			middleware.NoCache, middleware.Heartbeat("/where/ping"), middleware.RequestSize(3),
			middleware.SetHeader("X-Set", "1"),
		} {
			next = mw(next)
		}
		return next
	}), asks: []ask{get("/where/ping"), post("/echo", "too much")}},
	{name: "rs/cors",
		set: plain(cors.New(cors.Options{
			AllowedOrigins: []string{"http://other.example"}, AllowedMethods: []string{"PUT"},
			AllowCredentials: true,
		}).Handler),
		asks: []ask{get("/ok", "Origin", "http://other.example"),
			get("/ok", "Origin", "http://evil.example")}},
	{name: "httprate",
		set:  func() (layer, func() string) { return httprate.LimitByIP(3, time.Hour), nil },
		asks: []ask{get("/ok"), get("/ok"), get("/ok"), get("/ok")}, alone: true},
	{name: "scs", set: func() (layer, func() string) {
		m := scs.New()
		return func(next http.Handler) http.Handler {
			return m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := m.GetInt(r.Context(), "n") + 1
				m.Put(r.Context(), "n", n)
				w.Header().Set("X-Visits", fmt.Sprint(n))
				next.ServeHTTP(w, r)
			}))
		}, nil
	}},
	{name: "promhttp", set: func() (layer, func() string) {
		reg := prometheus.NewRegistry()
		requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total"},
			[]string{"code", "method"})
		sizes := prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "size", Buckets: []float64{10, 100, 1000, 1e4},
		}, []string{"code"})
		reg.MustRegister(requests, sizes)
		return func(next http.Handler) http.Handler {
				return promhttp.InstrumentHandlerCounter(requests,
					promhttp.InstrumentHandlerResponseSize(sizes, next))
			}, func() string {
				families, err := reg.Gather()
				var list []string
				for _, f := range families {
					list = append(list, f.String())
				}
				sort.Strings(list)
				return regexp.MustCompile(`created_timestamp:\{[^}]*\}`).
					ReplaceAllString(fmt.Sprint(list, err), "")
			}
	}},
	{name: "promhttp.Handler", set: plain(func(http.Handler) http.Handler {
		reg := prometheus.NewRegistry()
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "one"})
		reg.MustRegister(c)
		c.Inc()
		return promhttp.HandlerFor(reg, promhttp.HandlerOpts{DisableCompression: true})
	}), asks: []ask{get("/ok")}, alone: true},
	{
		name: "pprof",
		set:  plain(func(http.Handler) http.Handler { return http.HandlerFunc(pprof.Cmdline) }),
		asks: []ask{get("/ok")}, alone: true,
	},
	{
		name: "http.TimeoutHandler",
		set: plain(func(next http.Handler) http.Handler {
			return http.TimeoutHandler(next, time.Minute, "late")
		}),
	},
	{
		name: "http.MaxBytesHandler",
		set: plain(func(next http.Handler) http.Handler {
			return http.MaxBytesHandler(next, 100)
		}),
	},
	{
		name: "http.CrossOriginProtection", set: plain(http.NewCrossOriginProtection().Handler),
		asks: []ask{post("/echo", "x", "Sec-Fetch-Site", "cross-site")},
	},
	{name: "all of them", set: plain(func(next http.Handler) http.Handler {
		for _, mw := range []layer{
			middleware.Compress(5), middleware.Timeout(time.Minute), middleware.Recoverer,
			cors.Default().Handler, middleware.NoCache,
			func(next http.Handler) http.Handler {
				return http.TimeoutHandler(next, time.Minute, "late")
			}, middleware.RealIP,
			http.NewCrossOriginProtection().Handler, scs.New().LoadAndSave,
			func(next http.Handler) http.Handler { return otelhttp.NewHandler(next, "operation") },
		} {
			next = mw(next)
		}
		return next
	})},
}
