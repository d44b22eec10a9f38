// Fastcgi serves an application that it starts itself: two processes, and up to eight while all of
// them are busy. Each is started anew when it dies. Without -command the application is this
// program.
//
//	go run ./examples/fastcgi
//	go run ./examples/fastcgi -command php-cgi -root /srv/www
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/http/fcgi"
	"os"

	"github.com/golwan/golwan/handlers/gateway"
	"github.com/golwan/golwan/lwan"
)

func main() {
	addr := flag.String("addr", ":8080", "where to listen")
	loops := flag.Int("loops", 0, "event loops; 0: one per CPU")
	command := flag.String("command", "", "FastCGI application that listens on standard input")
	root := flag.String("root", "", "folder of scripts in PHP")
	flag.Parse()
	if flag.Arg(0) == "application" {
		log.Fatal(fcgi.Serve(nil, http.HandlerFunc(hello)))
	}

	app := &gateway.Process{Command: []string{*command}, Min: 2, Max: 8}
	scripts := gateway.ScriptConfig{Root: *root}
	if *root != "" {
		scripts.Index, scripts.Extensions = "index.php", []string{".php"}
	}
	if *command == "" {
		self, err := os.Executable()
		if err != nil {
			log.Fatal(err)
		}
		app.Command = []string{self, "application"}
	}
	scripts.To = &gateway.Group{Name: "app", Backends: []gateway.Backend{{Process: app}}}
	srv := &lwan.Server{Addr: *addr, Loops: *loops}
	srv.Mount("/", gateway.FastCGI.With(scripts))
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// hello is the application.
func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%s from process %d\n", r.URL, os.Getpid())
}
