// Command golwan is the contender that this module is about: the framework as it is by default,
// without middleware.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/handlers/files"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/template"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	tree := flag.String("files", "", "folder to serve; none by default")
	t := tuningFlags()
	flag.Parse()
	srv := t.server(*addr)
	route(srv)
	streams(srv)
	if *tree != "" {
		srv.Mount(strings.TrimSuffix(contract.FilesPath, "/"),
			files.Module.With(files.Config{Dir: *tree, SmallFile: t.smallFile}))
	}
	t.burn()
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// route registers the contract's requests. No route is Blocking but the one that is about that:
// handlers wait for nothing but their body. The one that stalls is the mistake that it looks like.
func route(srv *lwan.Server) {
	srv.Handle("GET /{$}", hello)
	srv.Handle("GET /json", message)
	srv.Handle("POST /post", count)
	srv.Handle("GET /page", page)
	srv.Handle("GET /search", search)
	srv.Handle("GET /blocking", hello, lwan.Blocking)
	srv.Handle("GET /stall", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		time.Sleep(contract.StallTime)
		return hello(req, resp)
	})
	srv.Handle("GET /wait", wait)
	srv.Handle("GET /allocate", allocate)
	for _, route := range contract.Routes() {
		srv.Handle("GET "+route.Pattern, routed(route.Params))
	}
}

func hello(_ *lwan.Request, resp *lwan.Response) lwan.Status {
	return resp.Text(lwan.StatusOK, contract.Greeting)
}

// wait asks something else, which takes its time, as a database would.
func wait(req *lwan.Request, resp *lwan.Response) lwan.Status {
	answer, err := lwan.Await(req, func(context.Context) (string, error) {
		time.Sleep(contract.WaitTime)
		return contract.Greeting, nil
	})
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Text(lwan.StatusOK, answer)
}

func message(_ *lwan.Request, resp *lwan.Response) lwan.Status {
	return resp.JSON(lwan.StatusOK, contract.Message{Message: contract.Greeting})
}

var stock = template.Must(template.Compile[contract.Page]("stock",
	contract.Mustache(), template.Set{}))

func page(_ *lwan.Request, resp *lwan.Response) lwan.Status {
	return resp.Render(lwan.StatusOK, stock.With(contract.NewPage()))
}

// allocate makes as much garbage as a handler that gets its data from another service.
func allocate(_ *lwan.Request, resp *lwan.Response) lwan.Status {
	var stock contract.Page
	if err := json.Unmarshal([]byte(stockJSON), &stock); err != nil {
		return resp.Fail(err)
	}
	return resp.JSON(lwan.StatusOK, stock)
}

var stockJSON = contract.StockJSON()

func count(req *lwan.Request, resp *lwan.Response) lwan.Status {
	body, err := req.BodyBytes()
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Text(lwan.StatusOK, strconv.Itoa(len(body)))
}

func search(req *lwan.Request, resp *lwan.Response) lwan.Status {
	return resp.Text(lwan.StatusOK,
		req.Query(contract.SearchTerms)+" "+req.Query(contract.SearchPage)+" "+
			req.Cookie(contract.SearchUser))
}

func routed(params int) lwan.Handler {
	switch params {
	case 1:
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(lwan.StatusOK, req.Param(contract.ID))
		}
	case 2:
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(lwan.StatusOK, req.Param(contract.ID)+"/"+req.Param(contract.Part))
		}
	}
	return func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(lwan.StatusOK, contract.NoParams)
	}
}
