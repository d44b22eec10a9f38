// Upload streams the files of a form to disk while they come in, and tells the page how far they
// are.
//
//	go run ./examples/upload -addr :8080 -dir /tmp/uploads
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/golwan/golwan/lwan"
)

//go:embed page.html
var page []byte

// uploads stores files in a folder, which os.Root lets no name leave.
type uploads struct {
	dir      *os.Root
	progress lwan.Topics // one topic an upload, named by the page
}

// receive runs as Blocking, since it writes to disk. Memory does not grow with the files: a client
// that sends faster than the disk takes it has to wait.
func (u *uploads) receive(req *lwan.Request, resp *lwan.Response) lwan.Status {
	names, topic := []string{}, u.progress.Get(req.Param("id"))
	for part, err := range req.Parts() {
		if err != nil {
			return resp.Fail(err)
		}
		if part.FileName() == "" { // a field that is no file
			continue
		}
		if err := u.store(part.FileName(), &meter{src: part, topic: topic}); err != nil {
			return resp.Fail(err)
		}
		names = append(names, part.FileName())
	}
	topic.Publish(lwan.Event{Name: "done"})
	return resp.JSON(201, names)
}

// events tells how far an upload is. The page listens before it sends, so that it misses nothing.
func (u *uploads) events(req *lwan.Request, resp *lwan.Response) lwan.Status {
	return u.progress.Get(req.Param("id")).Subscribe(resp, lwan.Subscription{
		First: []lwan.Event{{Name: "ready"}},
	})
}

func main() {
	srv := new(lwan.Server)
	flag.StringVar(&srv.Addr, "addr", ":8080", "where to listen")
	flag.IntVar(&srv.Loops, "loops", 0, "event loops; 0: one per CPU")
	dir := flag.String("dir", "", "where files go; empty: a new temporary folder")
	flag.Parse()
	u, err := open(*dir)
	if err != nil {
		log.Fatal(err)
	}
	srv.OnClose(u.dir.Close)
	srv.Handle("GET /{$}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Data(200, "text/html; charset=utf-8", page)
	})
	srv.Handle("GET /uploads/{id}/events", u.events)
	srv.Handle("POST /uploads/{id}", u.receive, lwan.Blocking,
		lwan.WithLimits(lwan.Limits{Body: 4 << 30}))
	fmt.Println("files go to", u.dir.Name())
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
