// Board is where a team says what it works on: a whole application, to be read in this order.
//
//	main.go     what there is, and how it is put together
//	store.go    the database
//	signin.go   who may do what
//	pages.go    pages and forms
//	api.go      the same for programs
//	files.go    what is attached
//	live.go     pages that change by themselves
//
// It needs nothing but a folder:
//
//	go run . -data /tmp/board
//
// The folder deploy has what runs it behind nginx, by systemd or in a container.
package main

import (
	"database/sql"
	"embed"
	"errors"
	"flag"
	"io/fs"
	"log"
	"log/slog"
	"net/http"
	_ "net/http/pprof"
	"os"
	"path/filepath"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/handlers/files"
	"github.com/golwan/golwan/lwan"
)

//go:embed web
var web embed.FS

// board is the application.
type board struct {
	store    *store
	sessions *handlers.Sessions[login]
	files    *os.Root // what is attached, by number
	live     live
}

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen: host:port or unix:/path")
	admin := flag.String("admin", "localhost:8081", "where metrics and pprof are")
	loops := flag.Int("loops", 0, "event loops; 0: one per CPU")
	data := flag.String("data", "data", "folder of the database and of files")
	secure := flag.Bool("secure", false, "cookies go by https alone: for everything but a try")
	flag.Parse()

	b, err := open(*data, *secure)
	if err != nil {
		log.Fatal(err)
	}
	srv, err := b.server()
	if err != nil {
		log.Fatal(err)
	}
	srv.Loops = *loops
	srv.Endpoints = []lwan.Endpoint{
		{Addr: *addr, TrustPeers: *secure}, // nginx says who the client is
		{Addr: *admin, Routes: adminRoutes()},
	}
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// open opens what is in the folder, or makes it.
func open(dir string, secure bool) (*board, error) {
	if err := os.MkdirAll(filepath.Join(dir, "files"), 0o700); err != nil {
		return nil, err
	}
	key, err := handlers.SessionKeyFile(filepath.Join(dir, "session.key"))
	if err != nil {
		return nil, err
	}
	b := new(board)
	if b.sessions, err = handlers.NewSessions[login](handlers.SessionsConfig{
		Keys: [][]byte{key}, Insecure: !secure,
	}); err != nil {
		return nil, err
	}
	if b.files, err = os.OpenRoot(filepath.Join(dir, "files")); err != nil {
		return nil, err
	}
	b.store, err = openStore(filepath.Join(dir, "board.db"))
	return b, err
}

// server is the site. What talks to the database blocks, so it runs on goroutines: lwan.Blocking.
func (b *board) server() (*lwan.Server, error) {
	sameOrigin, err := handlers.CrossOrigin(handlers.CrossOriginConfig{})
	if err != nil {
		return nil, err
	}
	secure, err := handlers.SecurityHeaders(handlers.SecurityHeadersConfig{})
	if err != nil {
		return nil, err
	}
	static, err := fs.Sub(web, "web/static")
	if err != nil {
		return nil, err
	}
	srv := &lwan.Server{ErrorStatus: func(err error) lwan.Status {
		if errors.Is(err, sql.ErrNoRows) {
			return 404
		}
		return 0
	}}
	srv.OnClose(func() error { return errors.Join(b.store.db.Close(), b.files.Close()) })
	srv.Observe(handlers.SlogAccess(slog.Default()))
	srv.Use(handlers.RequestID, secure, sameOrigin, b.sessions.Middleware,
		b.sessions.Named(userOf), handlers.Compress(handlers.CompressConfig{}))
	srv.Mount("/static", files.Module.With(files.Config{FS: static}))

	site := srv.Group("", lwan.Blocking)
	site.Handle("GET /{$}", b.index)
	site.Handle("GET /sign-in", b.signInPage)
	site.Handle("POST /sign-in", b.enter(b.known))
	site.Handle("POST /join", b.enter(b.joins))
	site.Handle("POST /sign-out", b.signOut)
	site.Handle("GET /files/{id}", b.download)
	site.Handle("POST /entries", b.post, handlers.RequireUser,
		lwan.WithLimits(lwan.Limits{Body: 32 << 20}))
	site.Handle("GET /events", b.events)
	site.Handle("GET /api/entries", b.list)
	site.Handle("GET /api/entries/{id}", b.show)
	site.Handle("PATCH /api/entries/{id}", b.change, handlers.RequireUser)
	return srv, nil
}

// adminRoutes is for those who run the board: not for the public.
func adminRoutes() *lwan.Routes {
	r := new(lwan.Routes)
	r.Handle("GET /metrics", handlers.Metrics)
	r.Handle("/debug/pprof/", lwan.FromHTTP(http.DefaultServeMux))
	return r
}
