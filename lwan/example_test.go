package lwan_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// try answers one request in memory and prints the body of the answer.
func try(srv *lwan.Server, method, target, contentType, body string) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	tryAll(srv, r)
}

// tryAll is try for several requests.
func tryAll(srv *lwan.Server, requests ...*http.Request) {
	srv.Log = slog.New(slog.DiscardHandler)
	h, err := srv.Build()
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range requests {
		rec := httptest.NewRecorder()
		lwan.ToHTTP(h).ServeHTTP(rec, r)
		fmt.Println(strings.TrimSpace(rec.Body.String()))
	}
	if err := srv.Close(); err != nil {
		log.Fatal(err)
	}
}

func Example() {
	srv := &lwan.Server{Addr: ":8080"}
	srv.Handle("GET /hello", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "Hello, "+cmp.Or(req.Query("name"), "world")+"!")
	})
	// A main function ends with lwan.Run(srv), which returns nil when it was asked to stop.
	try(srv, "GET", "/hello?name=Ada", "", "")
	// Output: Hello, Ada!
}

// A parameter that is no number is a 404: there is no such item.
func ExampleParam() {
	srv := new(lwan.Server)
	srv.Handle("GET /square/{n}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		n, err := lwan.Param[int](req, "n")
		if err != nil {
			return resp.Fail(err)
		}
		return resp.JSON(200, n*n)
	})
	try(srv, "GET", "/square/7", "", "")
	// Output: 49
}

func ExampleQueryOr() {
	srv := new(lwan.Server)
	srv.Handle("GET /items", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		limit, err := lwan.QueryOr(req, "limit", 20)
		if err != nil {
			return resp.Fail(err)
		}
		since, err := lwan.QueryOr(req, "since", 24*time.Hour)
		if err != nil {
			return resp.Fail(err)
		}
		resp.Printf("%d items of the last %v", min(limit, 100), since)
		return lwan.StatusOK
	})
	try(srv, "GET", "/items?since=90m", "", "")
	// Output: 20 items of the last 1h30m0s
}

type item struct {
	Name  string `json:"name"`
	Price int    `json:"price"`
}

// Validate is called by ReadJSON.
func (it item) Validate() error {
	if it.Price < 0 {
		return &lwan.Error{
			Status: 422, Message: "invalid item",
			Fields: map[string]string{"price": "must not be negative"},
		}
	}
	return nil
}

func ExampleReadJSON() {
	srv := new(lwan.Server)
	srv.Handle("POST /items", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		it, err := lwan.ReadJSON[item](req)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.JSON(201, it)
	})
	try(srv, "POST", "/items", "application/json", `{"name":"lamp","price":-3}`)
	// Output:
	// 422 Unprocessable Content
	// invalid item
	// price: must not be negative
}

func ExampleRequest_Form() {
	srv := new(lwan.Server)
	srv.Handle("POST /comments", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		form, err := req.Form()
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(201, form.Get("author")+" wrote: "+form.Get("text"))
	})
	try(srv, "POST", "/comments", "application/x-www-form-urlencoded",
		"author=Ada&text=Hello+there")
	// Output: Ada wrote: Hello there
}

// Large files are read as they come in. The handler writes to disk, so it is Blocking, and may take
// more than others.
// Signup is what a page's form asks for.
type Signup struct {
	Name string    `form:"name,required"`
	Born time.Time `form:"born" layout:"2006-01-02"`
	Tags []string  `form:"tag"`
}

// Validate is called once all fields could be read.
func (s Signup) Validate() error {
	if strings.ContainsAny(s.Name, "<>") {
		return &lwan.Error{Fields: map[string]string{"name": "must be plain text"}}
	}
	return nil
}

func ExampleFormAs() {
	srv := &lwan.Server{}
	srv.Handle("POST /signup", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		form, err := lwan.FormAs[Signup](req)
		if err != nil {
			return resp.Fail(err) // or show the form again, with lwan.FieldErrors(err)
		}
		return resp.Text(200, fmt.Sprint(form.Name, " ", form.Born.Year(), " ", form.Tags))
	})
	post := func(form string) *http.Request {
		r := httptest.NewRequest("POST", "/signup", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	tryAll(srv, post("name=Ada&born=1815-12-10&tag=a&tag=b"), post("born=yesterday"))
	// Output:
	// Ada 1815 [a b]
	// 422 Unprocessable Content
	// the form has mistakes
	// born: must be of the form 2006-01-02
	// name: is missing
}

func ExampleQueryAs() {
	type list struct {
		Text string `query:"q"`
		Page int    `query:"page" default:"1"`
	}
	srv := &lwan.Server{}
	srv.Handle("GET /list", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		q, err := lwan.QueryAs[list](req)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "next: "+req.QueryWith("page", strconv.Itoa(q.Page+1)))
	})
	tryAll(srv, httptest.NewRequest("GET", "/list?q=red+tea", nil),
		httptest.NewRequest("GET", "/list?page=x", nil))
	// Output:
	// next: ?q=red+tea&page=2
	// 400 Bad Request
	// the query has mistakes
	// page: must be a whole number
}

func ExampleRequest_Parts() {
	uploads, err := os.OpenRoot(os.TempDir())
	if err != nil {
		log.Fatal(err)
	}
	srv := new(lwan.Server)
	srv.OnClose(uploads.Close)
	srv.Handle("POST /files", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		for part, err := range req.Parts() {
			if err != nil {
				return resp.Fail(err)
			}
			if part.FileName() == "" {
				continue
			}
			// a Root: whatever the name is, it stays below
			f, err := uploads.Create(part.FileName())
			if err != nil {
				return resp.Fail(err)
			}
			_, err = io.Copy(f, part)
			if err = errors.Join(err, f.Close()); err != nil {
				return resp.Fail(err)
			}
		}
		return lwan.StatusNoContent
	}, lwan.Blocking, lwan.WithLimits(lwan.Limits{Body: 4 << 30}))
}

// The handler is parked while a goroutine waits for the network.
func ExampleAwait() {
	quote := func(ctx context.Context) (string, error) { // a call of another service, say
		return "simple is better", ctx.Err()
	}
	srv := new(lwan.Server)
	srv.Handle("GET /quote", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		q, err := lwan.Await(req, quote)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, q)
	})
	try(srv, "GET", "/quote", "", "")
	// Output: simple is better
}

// Everything below /api may block.
func ExampleBlocking() {
	srv := new(lwan.Server)
	api := srv.Group("/api", lwan.Blocking)
	api.Handle("GET /now", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		time.Sleep(time.Millisecond) // a query of a database, say
		return resp.Text(200, "done")
	})
	try(srv, "GET", "/api/now", "", "")
	// Output: done
}

var userKey = lwan.NewKey[*string]("user")

// Middleware answers itself, or hands a value on.
func ExampleMiddleware() {
	login := func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			user := req.Header("X-User")
			if user == "" {
				return resp.Error(401, "who are you?")
			}
			userKey.Set(req, &user)
			return next(req, resp)
		}
	}
	srv := new(lwan.Server)
	srv.Handle("GET /me", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, *userKey.Must(req))
	}, login)
	try(srv, "GET", "/me", "", "")
	// Output:
	// 401 Unauthorized
	// who are you?
}

// Errors of a store that knows nothing of HTTP get their status once for the whole server.
func ExampleServer_errorStatus() {
	errNoItem := errors.New("no such item")
	srv := &lwan.Server{ErrorStatus: func(err error) lwan.Status {
		if errors.Is(err, errNoItem) {
			return lwan.StatusNotFound
		}
		return 0
	}}
	srv.Handle("GET /items/{id}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Fail(fmt.Errorf("item %s: %w", req.Param("id"), errNoItem))
	})
	try(srv, "GET", "/items/7", "", "")
	// Output: 404 Not Found
}

// A module is a value with a configuration of its own type.
func ExampleModule() {
	type greeterConfig struct{ Greeting string }
	greeter := lwan.Module[greeterConfig]{
		Name: "greeter",
		Open: func(s *lwan.Scope, c greeterConfig) error {
			if c.Greeting == "" {
				return errors.New("the greeting is empty")
			}
			s.Handle("GET /{name}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				return resp.Text(200, c.Greeting+", "+req.Param("name"))
			})
			return nil
		},
	}
	srv := new(lwan.Server)
	srv.Mount("/greet", greeter.With(greeterConfig{Greeting: "Good morning"}))
	try(srv, "GET", "/greet/Ada", "", "")
	// Output: Good morning, Ada
}

// A server of raw TCP: port 6380 goes to a backend, byte by byte, for those whom a line lets in.
// While nothing comes neither a goroutine nor a buffer is held.
func ExampleJoin() {
	backend := &lwan.Dialer{Address: "127.0.0.1:6379"}
	srv := &lwan.Server{Endpoints: []lwan.Endpoint{
		{Addr: ":8080"},
		{Addr: ":6380", Conn: func(c *lwan.Conn) {
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second)) // the read tells
			word := make([]byte, len("open sesame\n"))
			if _, err := io.ReadFull(c, word); err != nil || string(word) != "open sesame\n" {
				return
			}
			up, err := backend.Open(c)
			if err != nil {
				fmt.Fprintln(c, "-ERR nobody is there")
				return
			}
			lwan.Join(c, up, lwan.Tunnel{Idle: time.Hour})
		}},
	}}
	if err := lwan.Run(srv); err != nil {
		fmt.Println(err)
	}
}

// A handler under net/http.
func ExampleToHTTP() {
	mux := http.NewServeMux()
	mux.Handle("GET /", lwan.ToHTTP(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "Hello from "+req.Method())
	}))
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	fmt.Println(rec.Body)
	// Output: Hello from GET
}
