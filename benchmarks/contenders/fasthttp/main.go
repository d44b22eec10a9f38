// Command fasthttp is the contender that uses valyala/fasthttp. It has no routes: the library has no router.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	log.Fatal(fasthttp.ListenAndServe(*addr, serve))
}

// serve tells three paths apart by hand, which is what the library leaves to its user.
func serve(ctx *fasthttp.RequestCtx) {
	switch string(ctx.Path()) {
	case "/":
		text(ctx, contract.Greeting)
	case "/json":
		message(ctx)
	case "/post":
		text(ctx, strconv.Itoa(len(ctx.PostBody())))
	default:
		ctx.NotFound()
	}
}

func message(ctx *fasthttp.RequestCtx) {
	body, err := json.Marshal(contract.Message{Message: contract.Greeting})
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(body)
}

func text(ctx *fasthttp.RequestCtx, body string) {
	ctx.SetContentType(contract.PlainText)
	ctx.SetBodyString(body)
}
