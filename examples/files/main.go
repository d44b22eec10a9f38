// Files serves a directory as a web server does: with listings, ranges, conditions and compression.
//
//	go run ./examples/files -addr :8080 ~/public
package main

import (
	"flag"
	"log"

	"github.com/golwan/golwan/handlers/files"
	"github.com/golwan/golwan/lwan"
)

// site serves c at the root of a server.
func site(c files.Config) *lwan.Server {
	srv := new(lwan.Server)
	srv.Mount("/", files.Module.With(c))
	return srv
}

func main() {
	addr := flag.String("addr", ":8080", "where to listen")
	loops := flag.Int("loops", 0, "event loops; 0: one per CPU")
	c := files.Config{Dir: ".", List: true}
	flag.BoolVar(&c.Hidden, "hidden", false, "serve and list files whose name begins with a dot")
	flag.StringVar(&c.Fallback, "fallback", "",
		"file to serve for paths that are not there, as an application's index.html")
	flag.DurationVar(&c.TTL, "ttl", 0,
		"how long a file is served without another look at it; 0: 5 s")
	flag.Parse()
	if flag.NArg() > 0 {
		c.Dir = flag.Arg(0)
	}

	srv := site(c)
	srv.Addr, srv.Loops = *addr, *loops
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
