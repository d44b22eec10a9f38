// Command chi is the contender that routes with go-chi/chi on net/http.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"html/template"
	"io"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	tree := flag.String("files", "", "folder to serve; none by default")
	flag.Parse()
	r := routes()
	if *tree != "" {
		r.Handle(contract.FilesPath+"*",
			http.StripPrefix(contract.FilesPath, http.FileServer(http.Dir(*tree))))
	}
	log.Fatal(http.ListenAndServe(*addr, r))
}

func routes() chi.Router {
	r := chi.NewRouter()
	r.Get("/", hello)
	r.Get("/json", message)
	r.Post("/post", count)
	r.Get("/page", page)
	r.Get("/wait", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(contract.WaitTime)
		hello(w, r)
	})
	for _, route := range contract.Routes() {
		r.Get(route.Pattern, routed(route.Params))
	}
	return r
}

func hello(w http.ResponseWriter, _ *http.Request) { text(w, contract.Greeting) }

// message encodes into memory first, as handlers do that want an error to become a 500.
func message(w http.ResponseWriter, _ *http.Request) {
	body, err := json.Marshal(contract.Message{Message: contract.Greeting})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	send(w, body)
}

var stock = template.Must(template.New("stock").Parse(contract.GoTemplate()))

// page renders into memory first, for the same reason as message encodes there.
func page(w http.ResponseWriter, _ *http.Request) {
	var body bytes.Buffer
	if err := stock.Execute(&body, contract.NewPage()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	send(w, body.Bytes())
}

func count(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	text(w, strconv.Itoa(len(body)))
}

func routed(params int) http.HandlerFunc {
	switch params {
	case 1:
		return func(w http.ResponseWriter, r *http.Request) {
			text(w, chi.URLParam(r, contract.ID))
		}
	case 2:
		return func(w http.ResponseWriter, r *http.Request) {
			text(w, chi.URLParam(r, contract.ID)+"/"+chi.URLParam(r, contract.Part))
		}
	}
	return func(w http.ResponseWriter, _ *http.Request) { text(w, contract.NoParams) }
}

func text(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", contract.PlainText)
	send(w, []byte(body))
}

// send writes the body. The driver counts a client that has left as an error of the run.
func send(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil {
		log.Print(err)
	}
}
