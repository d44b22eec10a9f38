// Module shows how to write a module: a typed configuration, routes below any prefix, and a life
// with background work.
//
//	go run ./examples/module -addr :8080 -file /tmp/visits.json
package main

import (
	"encoding/json"
	"flag"
	"log"
	"time"

	"github.com/golwan/golwan/lwan"
)

// site mounts the module twice: from Go, checked by the compiler, and by name, as a configuration
// file does.
func site(file string, every time.Duration) *lwan.Server {
	srv := new(lwan.Server)
	srv.Mount("/visits", Visits.With(Config{File: file, Every: every}))
	srv.Register(Visits)
	srv.MountNamed("/guests", "visits", func(into any) error {
		return json.Unmarshal([]byte(`{"MaxNames": 2}`), into)
	})
	return srv
}

func main() {
	addr := flag.String("addr", ":8080", "where to listen")
	loops := flag.Int("loops", 0, "event loops; 0: one per CPU")
	file := flag.String("file", "", "where the counts of /visits are kept; empty: in memory only")
	flag.Parse()

	srv := site(*file, 10*time.Second)
	srv.Addr, srv.Loops = *addr, *loops
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
