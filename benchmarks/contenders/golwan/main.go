// Command golwan is the contender that this module is about: the framework as it is by default, without middleware.
package main

import (
	"flag"
	"log"
	"strconv"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/lwan"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	srv := &lwan.Server{Addr: *addr}
	route(srv)
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

// route registers the contract's requests; no route is Blocking, because no handler waits for anything but its body.
func route(srv *lwan.Server) {
	srv.Handle("GET /{$}", hello)
	srv.Handle("GET /json", message)
	srv.Handle("POST /post", count)
	for _, route := range contract.Routes() {
		srv.Handle("GET "+route.Pattern, routed(route.Params))
	}
}

func hello(_ *lwan.Request, resp *lwan.Response) lwan.Status {
	return resp.Text(lwan.StatusOK, contract.Greeting)
}

func message(_ *lwan.Request, resp *lwan.Response) lwan.Status {
	return resp.JSON(lwan.StatusOK, contract.Message{Message: contract.Greeting})
}

func count(req *lwan.Request, resp *lwan.Response) lwan.Status {
	body, err := req.BodyBytes()
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Text(lwan.StatusOK, strconv.Itoa(len(body)))
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
