// Command echo is the contender that uses labstack/echo without middleware.
package main

import (
	"context"
	"flag"
	"html/template"
	"io"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	tree := flag.String("files", "", "folder to serve; none by default")
	flag.Parse()
	e := routes()
	if *tree != "" {
		e.Static(contract.FilesPath, *tree)
	}
	// What it prints at its start goes to the standard output, which is not read here.
	start := echo.StartConfig{Address: *addr, HideBanner: true, HidePort: true}
	log.Fatal(start.Start(context.Background(), e))
}

func routes() *echo.Echo {
	e := echo.New()
	e.GET("/", func(c *echo.Context) error { return c.String(http.StatusOK, contract.Greeting) })
	e.GET("/json", func(c *echo.Context) error {
		return c.JSON(http.StatusOK, contract.Message{Message: contract.Greeting})
	})
	e.POST("/post", count)
	e.Renderer = &echo.TemplateRenderer{
		Template: template.Must(template.New("stock").Parse(contract.GoTemplate())),
	}
	e.GET("/page", func(c *echo.Context) error {
		return c.Render(http.StatusOK, "stock", contract.NewPage())
	})
	e.GET("/wait", func(c *echo.Context) error {
		time.Sleep(contract.WaitTime)
		return c.String(http.StatusOK, contract.Greeting)
	})
	for _, route := range contract.Routes() {
		e.GET(route.Colon(), routed(route.Params))
	}
	return e
}

func count(c *echo.Context) error {
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	return c.String(http.StatusOK, strconv.Itoa(len(body)))
}

func routed(params int) echo.HandlerFunc {
	switch params {
	case 1:
		return func(c *echo.Context) error { return c.String(http.StatusOK, c.Param(contract.ID)) }
	case 2:
		return func(c *echo.Context) error {
			return c.String(http.StatusOK, c.Param(contract.ID)+"/"+c.Param(contract.Part))
		}
	}
	return func(c *echo.Context) error { return c.String(http.StatusOK, contract.NoParams) }
}
