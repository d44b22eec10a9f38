//go:build linux && !golwan_nethttp

package soak_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/cache"
	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/handlers/files"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/template"
)

// soakSite is what the server of TestSoak serves: everything that there is, and every way to
// misbehave. What an answer says follows from the request alone, so that its client knows it.
type soakSite struct {
	begun, ended       atomic.Int64 // handlers
	promised, deferred atomic.Int64 // what was given to Request.Defer, and what of it ran
	made, destroyed    atomic.Int64 // values of the cache
	joined, left       atomic.Int64 // subscriptions

	queues   sync.Map // of *lwan.Queue[string], by the client's name
	hijacked sync.WaitGroup
	pages    *cache.Cache[string, string]
	news     *lwan.Topic // with room for what a client owes while the machine is busy
	gossip   *lwan.Topic // with hardly any
	sleeping chan struct{}
}

const (
	soakBody = 2 << 20 // Limits.Body

	// The server's patience: much longer than soakStop, so that no client is late because the
	// machine is.
	soakHead  = 10 * time.Second
	soakIdle  = 10 * time.Second
	soakPause = 10 * time.Second // Limits.Read and Write below /strict

	// routes, of which each holds its loop once; later it is a Blocking one
	soakStalls, soakStucks = 40, 12
)

func newSoakSite() *soakSite {
	s := &soakSite{
		news:     &lwan.Topic{Replay: 200, Backlog: 16 << 20},
		gossip:   &lwan.Topic{Replay: 50, Backlog: 2 << 10, Heartbeat: 50 * time.Millisecond},
		sleeping: make(chan struct{}, 1000),
	}
	s.pages = cache.New(cache.Config[string, string]{
		TTL: 50 * time.Millisecond, MaxEntries: 10,
		Create: func(ctx context.Context, key string) (string, error) {
			s.made.Add(1)
			return strings.Repeat(key, 100), nil
		},
		Destroy: func(key, page string) { s.destroyed.Add(1) },
	})
	return s
}

// counted is around every handler: the answer says which request it is for.
func (s *soakSite) counted(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		s.begun.Add(1)
		defer s.ended.Add(1)
		id := req.Header("X-Id")
		if strings.HasSuffix(id, "7") {
			s.promised.Add(1)
			req.Defer(func() { s.deferred.Add(1) })
		}
		if id != "" {
			resp.SetHeader("X-Id", id)
		}
		return next(req, resp)
	}
}

// routes registers everything. dir is a directory that soakTree has filled.
func (s *soakSite) routes(srv *lwan.Server, dir string) {
	srv.Use(s.counted)
	s.plainRoutes(srv)
	s.bodyRoutes(srv)
	s.waitingRoutes(srv)
	s.streamRoutes(srv)
	misbehavingRoutes(srv)
	srv.Mount("/files",
		files.Module.With(files.Config{
			Dir: dir, TTL: 100 * time.Millisecond, ErrorTTL: soakMoment,
		}))
	srv.OnClose(s.pages.Close)
}

func (s *soakSite) plainRoutes(srv *lwan.Server) {
	srv.Handle("GET /probe", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "alive")
	})
	srv.Handle("GET /bytes/{id}/{n}", sendBytes)
	srv.Handle("GET /set/{id}/{n}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		b, err := askedBytes(req)
		if err != nil {
			return resp.Fail(err)
		}
		resp.SetBody(string(b))
		return 200
	})
	srv.Handle("GET /packed/{id}/{n}", sendText, handlers.Compress(handlers.CompressConfig{}))
	srv.Handle("GET /params/{a}/{rest...}",
		func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(200,
				strings.Join([]string{req.Param("a"), req.Rest(),
					strings.Join(req.QueryAll("q"), "|"), req.Cookie("c"), req.Header("X-Last")},
					"\n"))
		})
	srv.Handle("GET /nothing", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return 204
	})
	srv.Handle("GET /elsewhere", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Redirect(303, "/probe")
	})
	srv.Handle("GET /page/{n}", s.page)
	srv.Handle("GET /cached/{key}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		ref, err := lwan.Cached(req, s.pages, req.Param("key"))
		if err != nil {
			return resp.Fail(err)
		}
		resp.SetBody(ref.Value())
		return 200
	})
}

// soakMost is the longest answer: noisy clients change a digit, or make it a sign.
const soakMost = 10 << 20

// askedBytes are those of the path's {id} and {n}.
func askedBytes(req *lwan.Request) ([]byte, error) {
	id, err := lwan.Param[uint64](req, "id")
	if err != nil {
		return nil, err
	}
	n, err := lwan.Param[int](req, "n")
	if err != nil || n < 0 || n > soakMost {
		return nil, errors.Join(err, &lwan.Error{Status: 404})
	}
	return soakBytes(id, n), nil
}

func sendBytes(req *lwan.Request, resp *lwan.Response) lwan.Status {
	b, err := askedBytes(req)
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Data(200, "application/octet-stream", b)
}

// sendText is bytes as hexadecimal digits, which can be compressed.
func sendText(req *lwan.Request, resp *lwan.Response) lwan.Status {
	b, err := askedBytes(req)
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Text(200, fmt.Sprintf("%x", b))
}

type soakPage struct {
	Title string
	Rows  []soakRow
}

type soakRow struct {
	N    int
	Name string
}

var soakTemplate = template.Must(template.Compile[soakPage]("page",
	"<h1>{{Title}}</h1>\n{{#Rows}}\n<p>{{N}} {{Name}}\n{{/Rows}}\n{{^Rows}}\nnone\n{{/Rows}}\n",
	template.Set{}))

func (s *soakSite) page(req *lwan.Request, resp *lwan.Response) lwan.Status {
	n, err := lwan.Param[int](req, "n")
	if err != nil || n > soakMost {
		return resp.Fail(errors.Join(err, &lwan.Error{Status: 404}))
	}
	page := soakPage{Title: "a & " + req.Header("X-Id")}
	for i := range n {
		page.Rows = append(page.Rows, soakRow{i, "<row>"})
	}
	return resp.Render(200, soakTemplate.With(page))
}

// soakBytes are n bytes that follow from id.
func soakBytes(id uint64, n int) []byte {
	b := bytes.NewBuffer(make([]byte, 0, n+8))
	for x := id; b.Len() < n; {
		x += 0x9e3779b97f4a7c15
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z ^= z >> 27
		b.Write([]byte{byte(z), byte(z >> 8), byte(z >> 16), byte(z >> 24), byte(z >> 32),
			byte(z >> 40), byte(z >> 48), byte(z >> 56)})
	}
	return b.Bytes()[:n]
}
