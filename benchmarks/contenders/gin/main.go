// Command gin is the contender that uses gin-gonic/gin, in release mode and without middleware.
package main

import (
	"flag"
	"html/template"
	"io"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	tree := flag.String("files", "", "folder to serve; none by default")
	flag.Parse()
	// The debug mode logs every route and every request.
	gin.SetMode(gin.ReleaseMode)
	r := routes()
	if *tree != "" {
		r.Static(contract.FilesPath, *tree)
	}
	log.Fatal(r.Run(*addr))
}

func routes() *gin.Engine {
	r := gin.New()
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, contract.Greeting) })
	r.GET("/json", func(c *gin.Context) {
		c.JSON(http.StatusOK, contract.Message{Message: contract.Greeting})
	})
	r.POST("/post", count)
	r.SetHTMLTemplate(template.Must(template.New("stock").Parse(contract.GoTemplate())))
	r.GET("/page", func(c *gin.Context) { c.HTML(http.StatusOK, "stock", contract.NewPage()) })
	r.GET("/wait", func(c *gin.Context) {
		time.Sleep(contract.WaitTime)
		c.String(http.StatusOK, contract.Greeting)
	})
	for _, route := range contract.Routes() {
		r.GET(route.Colon(), routed(route.Params))
	}
	return r
}

func count(c *gin.Context) {
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		c.String(http.StatusBadRequest, err.Error())
		return
	}
	c.String(http.StatusOK, strconv.Itoa(len(body)))
}

func routed(params int) gin.HandlerFunc {
	switch params {
	case 1:
		return func(c *gin.Context) { c.String(http.StatusOK, c.Param(contract.ID)) }
	case 2:
		return func(c *gin.Context) {
			c.String(http.StatusOK, c.Param(contract.ID)+"/"+c.Param(contract.Part))
		}
	}
	return func(c *gin.Context) { c.String(http.StatusOK, contract.NoParams) }
}
