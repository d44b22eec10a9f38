// Command hertz is the contender that uses cloudwego/hertz without middleware.
package main

import (
	"context"
	"flag"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/hertz/pkg/common/hlog"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	tree := flag.String("files", "", "folder to serve; none by default")
	flag.Parse()
	// It logs each of the 200 routes when it registers them.
	hlog.SetLevel(hlog.LevelError)
	h := routes(*addr)
	if *tree != "" {
		h.StaticFS(contract.FilesPath, &app.FS{
			Root: *tree, PathRewrite: app.NewPathSlashesStripper(1),
		})
	}
	h.Spin()
}

func routes(addr string) *server.Hertz {
	h := server.New(server.WithHostPorts(addr))
	h.GET("/", func(_ context.Context, c *app.RequestContext) {
		c.String(http.StatusOK, contract.Greeting)
	})
	h.GET("/json", func(_ context.Context, c *app.RequestContext) {
		c.JSON(http.StatusOK, contract.Message{Message: contract.Greeting})
	})
	h.POST("/post", count)
	h.SetHTMLTemplate(template.Must(template.New("stock").Parse(contract.GoTemplate())))
	h.GET("/page", func(_ context.Context, c *app.RequestContext) {
		c.HTML(http.StatusOK, "stock", contract.NewPage())
	})
	h.GET("/wait", func(_ context.Context, c *app.RequestContext) {
		time.Sleep(contract.WaitTime)
		c.String(http.StatusOK, contract.Greeting)
	})
	for _, route := range contract.Routes() {
		h.GET(route.Colon(), routed(route.Params))
	}
	return h
}

func count(_ context.Context, c *app.RequestContext) {
	body, err := c.Body()
	if err != nil {
		c.String(http.StatusBadRequest, err.Error())
		return
	}
	c.String(http.StatusOK, strconv.Itoa(len(body)))
}

func routed(params int) app.HandlerFunc {
	switch params {
	case 1:
		return func(_ context.Context, c *app.RequestContext) {
			c.String(http.StatusOK, c.Param(contract.ID))
		}
	case 2:
		return func(_ context.Context, c *app.RequestContext) {
			c.String(http.StatusOK, c.Param(contract.ID)+"/"+c.Param(contract.Part))
		}
	}
	return func(_ context.Context, c *app.RequestContext) {
		c.String(http.StatusOK, contract.NoParams)
	}
}
