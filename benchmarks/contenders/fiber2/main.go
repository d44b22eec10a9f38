// Command fiber2 is the contender that uses gofiber/fiber, second major version, without middleware or prefork.
package main

import (
	"flag"
	"log"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	log.Fatal(routes().Listen(*addr))
}

func routes() *fiber.App {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/", func(c *fiber.Ctx) error { return c.SendString(contract.Greeting) })
	app.Get("/json", func(c *fiber.Ctx) error { return c.JSON(contract.Message{Message: contract.Greeting}) })
	app.Post("/post", func(c *fiber.Ctx) error { return c.SendString(strconv.Itoa(len(c.Body()))) })
	for _, route := range contract.Routes() {
		app.Get(route.Colon(), routed(route.Params))
	}
	return app
}

func routed(params int) fiber.Handler {
	switch params {
	case 1:
		return func(c *fiber.Ctx) error { return c.SendString(c.Params(contract.ID)) }
	case 2:
		return func(c *fiber.Ctx) error { return c.SendString(c.Params(contract.ID) + "/" + c.Params(contract.Part)) }
	}
	return func(c *fiber.Ctx) error { return c.SendString(contract.NoParams) }
}
