// Command fiber3 is the contender that uses gofiber/fiber, third major version, without middleware
// or prefork.
package main

import (
	"flag"
	"log"
	"net/http"
	"strconv"
	"testing/fstest"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/static"
	"github.com/gofiber/template/html/v2"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	tree := flag.String("files", "", "folder to serve; none by default")
	flag.Parse()
	app := routes()
	if *tree != "" {
		serveFiles(app, *tree)
	}
	log.Fatal(app.Listen(*addr, fiber.ListenConfig{DisableStartupMessage: true}))
}

func routes() *fiber.App {
	app := fiber.New(fiber.Config{Views: views()})
	app.Get("/", func(c fiber.Ctx) error { return c.SendString(contract.Greeting) })
	app.Get("/json", func(c fiber.Ctx) error {
		return c.JSON(contract.Message{Message: contract.Greeting})
	})
	app.Post("/post", func(c fiber.Ctx) error { return c.SendString(strconv.Itoa(len(c.Body()))) })
	app.Get("/page", func(c fiber.Ctx) error { return c.Render("stock", contract.NewPage()) })
	app.Get("/wait", func(c fiber.Ctx) error {
		time.Sleep(contract.WaitTime)
		return c.SendString(contract.Greeting)
	})
	for _, route := range contract.Routes() {
		app.Get(route.Colon(), routed(route.Params))
	}
	return app
}

func routed(params int) fiber.Handler {
	switch params {
	case 1:
		return func(c fiber.Ctx) error { return c.SendString(c.Params(contract.ID)) }
	case 2:
		return func(c fiber.Ctx) error {
			return c.SendString(c.Params(contract.ID) + "/" + c.Params(contract.Part))
		}
	}
	return func(c fiber.Ctx) error { return c.SendString(contract.NoParams) }
}

func serveFiles(app *fiber.App, tree string) { app.Get(contract.FilesPath+"*", static.New(tree)) }

// views is fiber's engine for html/template, which reads its templates from files.
func views() *html.Engine {
	page := fstest.MapFS{"stock.html": &fstest.MapFile{Data: []byte(contract.GoTemplate())}}
	return html.NewFileSystem(http.FS(page), ".html")
}
