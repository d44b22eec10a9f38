package ecosystem

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// page is what both kinds of handlers answer at a path.
type page struct {
	path   string
	theirs http.HandlerFunc
	ours   lwan.Handler
}

var long = strings.Repeat("compressible text. ", 200)

// app is an application, written twice.
var app = []page{
	{"/ok", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, "ok")
	}, func(req *lwan.Request, resp *lwan.Response) lwan.Status { return resp.Text(200, "ok") }},
	{"/teapot", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(418)
		io.WriteString(w, "short and stout")
	},
		func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(418, "short and stout")
		}},
	{"/fail", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(500)
		io.WriteString(w, "failed")
	},
		func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(500, "failed")
		}},
	{"/long", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Cache-Control", "no-store")
		io.WriteString(w, long)
	}, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetHeader("Cache-Control", "no-store")
		return resp.Data(200, "text/html", []byte(long))
	}},
	{"/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("X-App", "stream")
		io.WriteString(w, "one ")
		err := http.NewResponseController(w).Flush()
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			panic(err)
		}
		io.WriteString(w, "two")
	}, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetContentType("text/html")
		resp.SetHeader("X-App", "stream")
		resp.WriteString("one ")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		resp.WriteString("two")
		return 200
	}},
	{"/echo", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "%s %s %v", r.Method, b, err)
	}, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		b, err := req.BodyBytes()
		return resp.Text(200, fmt.Sprintf("%s %s %v", req.Method(), b, err))
	}},
	{"/form", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, r.PostFormValue("name"))
	}, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		f, err := req.Form()
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, f.Get("name"))
	}},
	{"/where/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, r.URL.Path, " ", r.RequestURI, " ",
			strings.HasPrefix(r.RemoteAddr, "192.0.2.7"), " ", r.Host)
	}, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200,
			fmt.Sprint(req.Path(), " ", req.Target(), " ",
				req.RemoteAddr().Addr().String() == "192.0.2.7", " ", req.Host()))
	}},
	{"/late", func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}, nil},
	{"/panic", func(w http.ResponseWriter, r *http.Request) { panic("on purpose") }, nil},
	{"/abort", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		err := http.NewResponseController(w).Flush()
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			panic(err)
		}
		panic(http.ErrAbortHandler)
	}, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.WriteString("half")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		return 500
	}},
}

// ask is a request of a client.
type ask struct {
	method, path, body string
	fields             []string // names and values
}

func get(path string, fields ...string) ask { return ask{"GET", path, "", fields} }

func post(path, body string, fields ...string) ask { return ask{"POST", path, body, fields} }

const formType = "application/x-www-form-urlencoded"

// usual is what each library gets to see.
var usual = []ask{
	get("/ok"), get("/teapot"), get("/fail"), get("/long", "Accept-Encoding", "gzip"),
	get("/stream"), get("/stream", "Accept-Encoding", "gzip"), post("/echo", "body"),
	post("/form", "name=value", "Content-Type", formType), get("/where/is%20it?q=1"), get("/abort"),
	{"HEAD", "/ok", "", nil},
	{"OPTIONS", "/ok", "",
		[]string{"Origin", "http://other.example", "Access-Control-Request-Method", "PUT"}},
}
