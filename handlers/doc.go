// Package handlers has the small middleware, modules and observers that ship with golwan, written
// with nothing but the exported API of package lwan, like a user's own. Larger modules have
// packages of their own below this one.
//
//	srv := &lwan.Server{Addr: ":8080"}
//	srv.Observe(handlers.AccessLog(os.Stdout))
//	srv.Use(handlers.RequestID, handlers.Compress(handlers.CompressConfig{}))
//	origins := []string{"https://app.example.com"}
//	api := srv.Group("/api", handlers.CORS(handlers.CORSConfig{Origins: origins}))
//	api.Handle("GET /users/{id}", show)
//	srv.Mount("/old", handlers.Redirect.With(handlers.RedirectConfig{To: "/new/"}))
//
// There is
//
//   - middleware, for Use, Group and Handle: RequestID, RealIP, ToHTTPS, HSTS, CORS, Compress,
//     Expire, ResponseHeaders, RequestHeaders, SecurityHeaders, ErrorPages;
//   - Sessions, which remember who is signed in, with Named, which tells all that asks for UserKey;
//   - middleware that keeps some out: CrossOrigin, RequireUser, Access, BasicAuth, JWTAuth,
//     ForwardAuth, LimitRequests, LimitConcurrency, and LimitRate, which slows them down;
//   - observers, for Observe: AccessLog, AccessLogOf for lines of other forms, and SlogAccess;
//   - a handler: Metrics. By route, with histograms, it is package prom, for OpenTelemetry package
//     tracing: modules of their own, since they need large libraries;
//   - modules, for Mount or by name from a configuration file: Redirect, Respond.
//
// # Order
//
// Middleware that comes first is outermost. RealIP goes before all that looks at addresses.
// RequestID goes first, so that all lines of the log have the ID. CORS goes outside of
// authentication, which would refuse preflights, and of CrossOrigin. Sessions go inside of CORS and
// outside of what asks for them. Middleware that writes to a body after the handler
// has returned may be outside of Compress or inside: bodies are compressed when the head goes out,
// after all middleware.
//
// Limits go outside of Access, and that outside of BasicAuth, so that the dearest is asked last;
// but limits by user (RequestKey) inside of it.
//
// # Configuration
//
// A configuration is a struct whose zero value works, or lets nothing through where no default
// would be safe. It is read once. Modules refuse to open with one that makes no sense, and name the
// field. Middleware that could be told nonsense is made by a function that returns an error; CORS
// has none, and what it does not understand matches nothing.
//
// # Lifetimes
//
// AccessLog and SlogAccess have a goroutine from their call to their Close. The server calls Close
// if the log was given to Observe, else the caller does. The rest holds nothing but memory, which
// is bounded for the limits, whatever keys clients send.
//
// # Concurrency
//
// Everything may be used by many requests at the same time, and by several servers, but for an
// AccessLog, which the first server that ends closes.
//
// # Caveats
//
//   - IDs and addresses that clients send are claims. See RequestID, and
//     lwan.Server.TrustedProxies.
//   - CORS is no protection of the server: it tells browsers which pages may read answers, and
//     every other client reads them.
//   - See Compress for bodies that have secrets in them.
//
// # Non-goals
//
// No sign-in, and no making of tokens: those are decisions of an application. No limits over
// several servers: those need a store that they share. No rotation of logs: give AccessLog a writer
// that does it.
package handlers
