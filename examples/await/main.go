// Await shows handlers that need a slow database: they are parked while a goroutine asks it,
// answers are kept in a cache, and every request has a time limit.
//
//	go run ./examples/await -addr :8080
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"time"

	"github.com/golwan/golwan/cache"
	"github.com/golwan/golwan/lwan"
)

type app struct {
	db    *database
	users *cache.Cache[int, user]
}

// show asks the database each time. Its loop serves others meanwhile.
func (a *app) show(req *lwan.Request, resp *lwan.Response) lwan.Status {
	id, err := lwan.Param[int](req, "id")
	if err != nil {
		return resp.Fail(err)
	}
	u, err := lwan.Await(req, func(ctx context.Context) (user, error) { return a.db.user(ctx, id) })
	if errors.Is(err, context.DeadlineExceeded) { // the limit of the route
		return resp.Error(lwan.StatusUnavailable, "the database is too slow")
	}
	if err != nil {
		return resp.Fail(err)
	}
	return resp.JSON(200, u)
}

// cached does not leave the loop if the user is in the cache.
func (a *app) cached(req *lwan.Request, resp *lwan.Response) lwan.Status {
	id, err := lwan.Param[int](req, "id")
	if err != nil {
		return resp.Fail(err)
	}
	ref, err := lwan.Cached(req, a.users, id)
	if err != nil {
		return resp.Fail(err)
	}
	return resp.JSON(200, ref.Value())
}

func main() {
	a := &app{db: &database{asked: make(chan question), delay: 100 * time.Millisecond}}
	a.users = cache.New(cache.Config[int, user]{
		TTL: time.Minute, ErrorTTL: time.Second, MaxEntries: 10_000, Create: a.db.user,
	})
	srv := &lwan.Server{ErrorStatus: func(err error) lwan.Status {
		if errors.Is(err, errNoUser) {
			return lwan.StatusNotFound
		}
		return 0 // as for any other error
	}}
	flag.StringVar(&srv.Addr, "addr", ":8080", "where to listen")
	flag.IntVar(&srv.Loops, "loops", 0, "event loops; 0: one per CPU")
	flag.Parse()
	srv.Go(a.db.run)
	srv.OnClose(a.users.Close)

	patient := srv.Group("", lwan.WithLimits(lwan.Limits{Timeout: 10 * time.Second}))
	patient.Handle("GET /users/{id}", a.show)
	patient.Handle("GET /cached/{id}", a.cached)
	srv.Handle("GET /hasty/{id}", a.show,
		lwan.WithLimits(lwan.Limits{Timeout: 20 * time.Millisecond}))
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
