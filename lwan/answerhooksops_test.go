package lwan_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// op is what a hook does to the answer. The status is for a hook that returns one; 0: the status
// that it would have returned.
type op func(h *hooks, req *lwan.Request, resp *lwan.Response) lwan.Status

func silent(fn func(resp *lwan.Response)) op {
	return func(_ *hooks, _ *lwan.Request, resp *lwan.Response) lwan.Status { fn(resp); return 0 }
}

func finishing(fn func(resp *lwan.Response) lwan.Status) op {
	return func(_ *hooks, _ *lwan.Request, resp *lwan.Response) lwan.Status { return fn(resp) }
}

var errHook = errors.New("a hook has failed")

// ops are all that can be done to an answer, rightly or wrongly.
var ops = map[string]op{
	"write":    silent(func(r *lwan.Response) { r.Write([]byte("written")) }),
	"much":     silent(func(r *lwan.Response) { r.WriteString(strings.Repeat("much ", 500_000)) }),
	"printf":   silent(func(r *lwan.Response) { r.Printf("%d", 7) }),
	"readfrom": silent(func(r *lwan.Response) { r.ReadFrom(strings.NewReader("from a reader")) }),
	"body":     silent(func(r *lwan.Response) { r.SetBody("set") }),
	"text":     finishing(func(r *lwan.Response) lwan.Status { return r.Text(201, "text") }),
	"data": finishing(func(r *lwan.Response) lwan.Status {
		return r.Data(202, "text/x", []byte("data"))
	}),
	"json":     finishing(func(r *lwan.Response) lwan.Status { return r.JSON(203, "json") }),
	"badjson":  finishing(func(r *lwan.Response) lwan.Status { return r.JSON(203, func() {}) }),
	"render":   finishing(func(r *lwan.Response) lwan.Status { return r.Render(200, rendered{}) }),
	"redirect": finishing(func(r *lwan.Response) lwan.Status { return r.Redirect(302, "/ok") }),
	"error":    finishing(func(r *lwan.Response) lwan.Status { return r.Error(403, "no") }),
	"fail":     finishing(func(r *lwan.Response) lwan.Status { return r.Fail(errHook) }),
	"failing":  silent(func(r *lwan.Response) { r.Fail(errHook) }),
	"gone":     finishing(func(r *lwan.Response) lwan.Status { return r.Fail(lwan.ErrGone) }),
	"none":     finishing(func(r *lwan.Response) lwan.Status { return 204 }),
	"invalid":  finishing(func(r *lwan.Response) lwan.Status { return 1 }),
	"panic":    silent(func(*lwan.Response) { panic("in a hook") }),
	"abort":    silent(func(*lwan.Response) { panic(http.ErrAbortHandler) }),
	"goexit":   silent(func(*lwan.Response) { runtime.Goexit() }),
	"flush":    silent(func(r *lwan.Response) { r.Flush() }),
	"head":     silent(func(r *lwan.Response) { r.SendHead(200) }),
	"head404":  silent(func(r *lwan.Response) { r.SendHead(404) }),
	"head204":  silent(func(r *lwan.Response) { r.SendHead(204) }),
	"head103":  silent(func(r *lwan.Response) { r.SendHead(103) }),
	"head101":  silent(func(r *lwan.Response) { r.SendHead(101) }),
	"head0":    silent(func(r *lwan.Response) { r.SendHead(0) }),
	"head499":  silent(func(r *lwan.Response) { r.SendHead(499) }),
	"field":    silent(func(r *lwan.Response) { r.SetHeader("X-A", "b") }),
	"badfield": silent(func(r *lwan.Response) { r.SetHeader("X-A", "b\r\nX-B: c") }),
	"length3":  silent(func(r *lwan.Response) { r.SetHeader("Content-Length", "3") }),
	"length3write": silent(func(r *lwan.Response) {
		r.SetHeader("Content-Length", "3")
		r.WriteString("longer")
	}),
	"nolength": silent(func(r *lwan.Response) {
		r.DelHeader("Content-Length")
		r.WriteString("more")
	}),
	"close": silent(func(r *lwan.Response) { r.SetHeader("Connection", "close") }),
	"cookie": silent(func(r *lwan.Response) {
		r.SetCookie(&http.Cookie{Name: "a", Value: "b"})
	}),
	"trailer":    silent(func(r *lwan.Response) { r.SetTrailer("X-Sum", "1") }),
	"badtrailer": silent(func(r *lwan.Response) { r.SetTrailer("Content-Length", "1") }),
	"reset":      silent(func(r *lwan.Response) { r.Reset() }),
	"hints":      silent(func(r *lwan.Response) { r.EarlyHints("</a.css>; rel=preload") }),
	"events":     silent(func(r *lwan.Response) { r.Events() }),
	"send": silent(func(r *lwan.Response) {
		ev := r.Events()
		for range 3 {
			ev.Send(lwan.Event{Data: "event"})
		}
	}),
	"before": silent(func(r *lwan.Response) {
		r.BeforeHead(func(lwan.Status) { r.SetHeader("X-Late", "1") })
	}),
	"filter": silent(func(r *lwan.Response) {
		r.Filter(func(w io.Writer) io.WriteCloser { return plainFilter{w} })
	}),
	"file": func(h *hooks, _ *lwan.Request, r *lwan.Response) lwan.Status {
		r.SendFile(h.file, 0, 5)
		return 0
	},
	"shortfile": func(h *hooks, _ *lwan.Request, r *lwan.Response) lwan.Status {
		r.SendFile(h.file, 0, 50)
		return 0
	},
	"nofile": func(h *hooks, _ *lwan.Request, r *lwan.Response) lwan.Status {
		r.SendFile(h.file, 3, -3)
		return 0
	},
	"upgrade": silent(func(r *lwan.Response) {
		if c, err := r.Upgrade("echo"); err == nil {
			c.Write([]byte("upgraded"))
		}
	}),
	"upgrading": finishing(func(r *lwan.Response) lwan.Status {
		if _, err := r.Upgrade("echo"); err != nil {
			return r.Fail(err)
		}
		return 200
	}),
	"subscribe": func(h *hooks, req *lwan.Request, r *lwan.Response) lwan.Status {
		return h.topic(req.Path()).Subscribe(r, lwan.Subscription{
			OnEnd: func(error) { h.ended(req.Path()) },
		})
	},
	"subscribefail": func(h *hooks, req *lwan.Request, r *lwan.Response) lwan.Status {
		h.topic(req.Path()).Subscribe(r, lwan.Subscription{
			OnEnd: func(error) { h.ended(req.Path()) },
		})
		return r.Fail(errHook)
	},
	"http": func(_ *hooks, req *lwan.Request, r *lwan.Response) lwan.Status {
		return lwan.FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(207)
			io.WriteString(w, "http")
		}))(req, r)
	},
	"sleep": func(_ *hooks, req *lwan.Request, _ *lwan.Response) lwan.Status {
		req.Sleep(time.Microsecond)
		return 0
	},
	"await": func(_ *hooks, req *lwan.Request, r *lwan.Response) lwan.Status {
		_, err := lwan.Await(req, func(context.Context) (int, error) {
			runtime.Gosched()
			return 1, nil
		})
		if err == nil {
			r.WriteString("awaited")
		}
		return 0
	},
	"read": func(_ *hooks, req *lwan.Request, _ *lwan.Response) lwan.Status {
		req.BodyBytes()
		return 0
	},
	"filters": silent(func(r *lwan.Response) {
		r.Filter(func(w io.Writer) io.WriteCloser {
			r.Filter(func(w io.Writer) io.WriteCloser { return plainFilter{w} })
			return plainFilter{w}
		})
	}),
	"resetwrite": silent(func(r *lwan.Response) { r.Reset(); r.WriteString("anew") }),
	"badrender": finishing(func(r *lwan.Response) lwan.Status {
		return r.Render(200, badlyRendered{})
	}),
	"blocking": func(_ *hooks, req *lwan.Request, r *lwan.Response) lwan.Status {
		return lwan.Blocking(func(_ *lwan.Request, r *lwan.Response) lwan.Status {
			return r.Text(206, "blocked")
		})(req, r)
	},
	"httpmiddleware": func(_ *hooks, req *lwan.Request, r *lwan.Response) lwan.Status {
		return lwan.FromHTTPMiddleware(func(next http.Handler) http.Handler { return next })(
			func(_ *lwan.Request, r *lwan.Response) lwan.Status {
				return r.Text(205+3, "within")
			})(req, r)
	},
	"hijack": func(_ *hooks, req *lwan.Request, r *lwan.Response) lwan.Status {
		return lwan.FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			begun := r.HeadSent()
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			if !begun {
				io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"+
					"Upgrade: echo\r\n\r\nhijacked")
			}
			c.Close()
		}))(req, r)
	},
}

type rendered struct{}

func (rendered) ContentType() string        { return "text/page" }
func (rendered) RenderTo(w io.Writer) error { _, err := io.WriteString(w, "rendered"); return err }

type badlyRendered struct{ rendered }

func (badlyRendered) RenderTo(w io.Writer) error { io.WriteString(w, "half"); return errHook }

type plainFilter struct{ io.Writer }

func (plainFilter) Close() error { return nil }

// hookFilter calls on in one of its methods, once.
type hookFilter struct {
	w     io.Writer
	where string
	on    func()
}

func (f *hookFilter) call(where string) {
	if f.where == where {
		f.where = ""
		f.on()
	}
}

func (f *hookFilter) Write(p []byte) (int, error) { f.call("filter.write"); return f.w.Write(p) }
func (f *hookFilter) Flush() error                { f.call("filter.flush"); return nil }
func (f *hookFilter) Close() error                { f.call("filter.close"); return nil }
