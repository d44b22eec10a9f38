// Command fasthttp is the contender that uses valyala/fasthttp. It has no routes: the library has
// no router.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"html/template"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	tree := flag.String("files", "", "folder to serve; none by default")
	flag.Parse()
	packed, err := os.MkdirTemp("", "golwan-bench-fasthttp-")
	if err != nil {
		log.Fatal(err)
	}
	files := fasthttp.RequestHandler(func(ctx *fasthttp.RequestCtx) { ctx.NotFound() })
	if *tree != "" {
		files = serveFiles(*tree, packed)
	}
	ended := make(chan error, 1)
	go func() { ended <- fasthttp.ListenAndServe(*addr, serving(files)) }()
	log.Fatal(errors.Join(signalled(ended), os.RemoveAll(packed)))
}

// signalled waits until the process shall end, or until the server has.
func signalled(server <-chan error) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	select {
	case err := <-server:
		return err
	case s := <-signals:
		return errors.New(s.String())
	}
}

// serveFiles keeps what it has compressed in the folder packed.
func serveFiles(tree, packed string) fasthttp.RequestHandler {
	fs := &fasthttp.FS{
		Root: tree, PathRewrite: fasthttp.NewPathSlashesStripper(1), Compress: true,
		CompressRoot: packed,
	}
	return fs.NewRequestHandler()
}

func serving(files fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) { serve(ctx, files) }
}

// serve tells paths apart by hand, which is what the library leaves to its user.
func serve(ctx *fasthttp.RequestCtx, files fasthttp.RequestHandler) {
	switch string(ctx.Path()) {
	case "/":
		text(ctx, contract.Greeting)
	case "/json":
		message(ctx)
	case "/post":
		text(ctx, strconv.Itoa(len(ctx.PostBody())))
	case "/search":
		query := ctx.QueryArgs()
		text(ctx,
			string(query.Peek(contract.SearchTerms))+" "+string(query.Peek(contract.SearchPage))+
				" "+string(ctx.Request.Header.Cookie(contract.SearchUser)))
	case "/page":
		page(ctx)
	case "/wait":
		time.Sleep(contract.WaitTime)
		text(ctx, contract.Greeting)
	default:
		files(ctx)
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

var stock = template.Must(template.New("stock").Parse(contract.GoTemplate()))

func page(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("text/html; charset=utf-8")
	if err := stock.Execute(ctx, contract.NewPage()); err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
	}
}

func text(ctx *fasthttp.RequestCtx, body string) {
	ctx.SetContentType(contract.PlainText)
	ctx.SetBodyString(body)
}
