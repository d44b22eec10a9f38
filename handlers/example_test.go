package handlers_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func Example() {
	t := new(testing.B) // an example has no test of its own
	var log strings.Builder

	srv := &lwan.Server{}
	access := handlers.AccessLog(&log)
	srv.Observe(access)
	srv.Use(handlers.RequestID, handlers.Compress(handlers.CompressConfig{}))
	srv.Mount("/old", handlers.Redirect.With(handlers.RedirectConfig{To: "/api/"}))
	api := srv.Group("/api",
		handlers.CORS(handlers.CORSConfig{Origins: []string{"https://app.example.com"}}))
	api.Handle("GET /users/{id}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "user "+req.Param("id"))
	})

	h := lwantest.Build(t, srv)
	fmt.Println(lwantest.Get(t, h, "/old/users/7").Header.Get("Location"))
	fmt.Println(lwantest.Get(t, h, "/api/users/7").Body)
	if err := access.Close(); err != nil { // else the server does that at its end
		fmt.Println(err)
	}
	fmt.Println(strings.Count(log.String(), "\n"), "lines")
	// Output:
	// /api/users/7
	// user 7
	// 2 lines
}

// A handler finds the ID of its request, and so does code that only has the context.
func ExampleRequestID() {
	t := new(testing.B)
	h := handlers.RequestID(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		id, ok := handlers.RequestIDKey.From(req.Context())
		if !ok {
			return resp.Fail(errors.New("no ID"))
		}
		return resp.Text(200, "this is "+id)
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Request-Id", "4711")
	fmt.Println(lwantest.Do(t, h, r).Body)
	// Output: this is 4711
}
