package lwantest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

var errCause = errors.New("the cause")

func TestDo(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    lwan.Handler
		want Result // of Header only what is named is compared
	}{
		{"whole", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.AddHeader("X-Two", "1")
			resp.AddHeader("X-Two", "2")
			return resp.Text(201, "made")
		}, Result{Status: 201, Body: "made", Header: http.Header{
			"X-Two": {"1", "2"}, "Content-Type": {"text/plain; charset=utf-8"},
			"Content-Length": {"4"},
		}}},
		{"no content", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return 204
		}, Result{Status: 204}},
		{"failure", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Fail(&lwan.Error{Status: 409, Message: "taken", Err: errCause})
		}, Result{Status: 409, Body: "409 Conflict\ntaken\n", Err: errCause}},
		{"stream", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.WriteString("one ")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			resp.SetHeader("X-Late", "too late")
			resp.WriteString("two")
			resp.SetTrailer("X-Sum", "2")
			return 200
		},
			Result{
				Status: 200, Body: "one two", Header: http.Header{"X-Late": nil},
				Trailer: http.Header{"X-Sum": {"2"}},
			}},
		{"cut stream", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.WriteString("one")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			return resp.Fail(errCause)
		}, Result{Status: 200, Body: "one", Err: errCause, Cut: true}},
		{"aborted", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			panic(http.ErrAbortHandler)
		}, Result{Status: 0, Err: lwan.ErrGone, Cut: true}},
		{"early hints", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if err := resp.EarlyHints("</a.css>; rel=preload"); err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, "page")
		}, Result{Status: 200, Body: "page", Header: http.Header{"Link": nil}}},
		{"waits", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if err := req.Sleep(time.Microsecond); err != nil {
				return resp.Fail(err)
			}
			text, err := lwan.Await(req, func(context.Context) (string, error) {
				return "awaited", nil
			})
			if err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, text)
		}, Result{Status: 200, Body: "awaited"}},
		{"on a goroutine", lwan.Blocking(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(200, "blocked")
		}), Result{Status: 200, Body: "blocked"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Get(t, tt.h, "/")
			for name, values := range tt.want.Header {
				if !reflect.DeepEqual(got.Header[name], values) {
					t.Errorf("%s: %q", name, got.Header[name])
				}
			}
			if !errors.Is(got.Err, tt.want.Err) ||
				tt.want.Trailer != nil && !reflect.DeepEqual(got.Trailer, tt.want.Trailer) {
				t.Errorf("cause %v, trailer %v", got.Err, got.Trailer)
			}
			if got.Status != tt.want.Status || got.Body != tt.want.Body || got.Cut != tt.want.Cut {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestPanic(t *testing.T) {
	got := Get(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status { panic("oops") }, "/")
	p, ok := errors.AsType[*lwan.PanicError](got.Err)
	if !ok || p.Value != "oops" || got.Status != 500 || strings.Contains(got.Body, "oops") {
		t.Errorf("%+v", got)
	}
}

// A handler that ends by Goexit must not end the test's goroutine.
func TestGoexit(t *testing.T) {
	deferred := false
	got := Get(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		defer func() { deferred = true }()
		runtime.Goexit()
		return 200
	}, "/")
	if got.Status != 500 || got.Err == nil || !deferred {
		t.Errorf("%+v, deferred functions ran: %v", got, deferred)
	}
}

// A request is dead once its client has left; a handler that waits again all the same is unwound.
func TestUnwound(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	unwound := true
	got := Do(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		leave()
		for range 2 {
			_ = req.Sleep(time.Hour)
		}
		unwound = false
		return 200
	}, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
	if got.Status != 0 || !got.Cut || !errors.Is(got.Err, lwan.ErrGone) || !unwound {
		t.Errorf("%+v, unwound: %v", got, unwound)
	}
}

func TestHead(t *testing.T) {
	for name, h := range map[string]lwan.Handler{
		"whole": func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(200, "text")
		},
		"stream": func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.WriteString("text")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			return 200
		},
	} {
		got := Do(t, h, httptest.NewRequest("HEAD", "/", nil))
		if got.Status != 200 || got.Body != "" || got.Cut || got.Err != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestRequestBody(t *testing.T) {
	echo := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if _, err := resp.ReadFrom(req.Body()); err != nil {
			return resp.Fail(err)
		}
		return 200
	}
	unknown := io.MultiReader(strings.NewReader("unknown length"))
	for want, body := range map[string]io.Reader{
		"known length": strings.NewReader("known length"), "unknown length": unknown, "": nil,
	} {
		r, err := http.NewRequest("POST", "http://example.com/", body)
		if err != nil {
			t.Fatal(err)
		}
		if got := Do(t, echo, r); got.Status != 200 || got.Body != want {
			t.Errorf("%q: %+v", want, got)
		}
	}
}

func TestGet(t *testing.T) {
	srv := &lwan.Server{}
	srv.Handle("/{path...}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200,
			req.Method()+" "+req.Target()+" "+req.Host()+" "+req.RemoteAddr().String())
	})
	h := Build(t, srv)
	for target, want := range map[string]string{
		"/a?b=c":      "GET /a?b=c example.com 192.0.2.1:1234",
		"/%zz":        "400 Bad Request\n",
		"http://b/c":  "GET http://b/c b 192.0.2.1:1234",
		"/with space": "400 Bad Request\n",
	} {
		if got := Get(t, h, target); !strings.HasPrefix(got.Body, want) {
			t.Errorf("%s: %+v", target, got)
		}
	}
}

// Everything of the server is in what Build returns, and is closed at the end of the test.
func TestBuild(t *testing.T) {
	var seen []lwan.Status
	closed := false
	t.Run("server", func(t *testing.T) {
		srv := &lwan.Server{}
		srv.Observe(observer(func(req *lwan.Request, resp *lwan.Response) {
			seen = append(seen, resp.Status())
		}))
		srv.OnClose(func() error { closed = true; return nil })
		srv.Use(func(next lwan.Handler) lwan.Handler {
			return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				resp.SetHeader("X-Through", "middleware")
				return next(req, resp)
			}
		})
		srv.Handle("GET /", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(200, "ok")
		})
		h := Build(t, srv)
		for range 2 {
			if got := Get(t, h, "/"); got.Header.Get("X-Through") != "middleware" {
				t.Errorf("%+v", got)
			}
		}
		if closed {
			t.Error("closed too early")
		}
	})
	if !closed || !reflect.DeepEqual(seen, []lwan.Status{200, 200}) {
		t.Errorf("closed: %v; observed %v", closed, seen)
	}
}

type observer func(req *lwan.Request, resp *lwan.Response)

func (o observer) Done(req *lwan.Request, resp *lwan.Response, took time.Duration) { o(req, resp) }
func (o observer) Close() error                                                    { return nil }

func TestBuildFails(t *testing.T) {
	srv := &lwan.Server{}
	srv.Handle("GET /{", lwan.NotFound)
	mustFail(t, func(t testing.TB) { Build(t, srv) }, "GET /{")
}

func TestCloseFails(t *testing.T) {
	srv := &lwan.Server{}
	srv.OnClose(func() error { return errCause })
	mustFail(t, func(t testing.TB) { Build(t, srv) }, "the cause")
}

func TestNilHandler(t *testing.T) {
	mustFail(t, func(t testing.TB) { Get(t, nil, "/") }, "nil")
}
