//go:build linux && !race && !lwandebug

package lwan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// The tests of this file are data races, and the detector says so; without it the request has to
// say so itself.

// TestForeignGoroutine: a request returns an error to a goroutine that does not run it, and nothing
// breaks.
func TestForeignGoroutine(t *testing.T) {
	srv := &Server{}
	escaped := make(chan *Request, 1)
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		escaped <- req
		return resp.Text(200, "done")
	})
	srv.Handle("GET /ok", text("ok"))
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	w.want("GET", 200, "done")
	settled(t, "active", 0, func() int64 { return srv.Stats().Conns.Active })
	req := received(t, escaped)
	_, err := io.ReadAll(req.Body())
	for name, err := range map[string]error{
		"Sleep": req.Sleep(1), "Await": req.Await(func(context.Context) error { return nil }),
		"Body": err,
	} {
		if name == "Body" && err == nil {
			continue // there was none
		}
		if !errors.Is(err, ErrForeign) {
			t.Errorf("%s after the end: %v", name, err)
		}
	}
	w.open("/ok")
}

// TestForeignCallsLeaveTheLoop: what a goroutine asks of a request that it does not run changes
// nothing of the loop, also if that was taken over from the handler meanwhile.
func TestForeignCallsLeaveTheLoop(t *testing.T) {
	if !onLoops {
		t.Skip("there is no loop")
	}
	for name, call := range map[string]func(req *Request, resp *Response){
		"RemoteAddr": func(req *Request, _ *Response) { req.RemoteAddr() },
		"Scheme":     func(req *Request, _ *Response) { req.Scheme() },
		"TLS":        func(req *Request, _ *Response) { req.TLS() },
		"Form":       func(req *Request, _ *Response) { _, _ = req.Form() },
		"Flush":      func(_ *Request, resp *Response) { _ = resp.Flush() },
		"hijack":     func(_ *Request, resp *Response) { _, _, _ = resp.hijack() },
		"Blocking":   func(req *Request, resp *Response) { Blocking(text("x"))(req, resp) },
		"FromHTTP": func(req *Request, resp *Response) {
			FromHTTP(http.NotFoundHandler())(req, resp)
		},
	} {
		for _, where := range []string{"stuck", "parked"} {
			t.Run(name+" "+where, func(t *testing.T) {
				srv := &Server{
					Loops: 1, KeepInline: true, StallAfter: 10 * time.Millisecond,
					TakeOverAfter: 20 * time.Millisecond,
				}
				type pair struct {
					req  *Request
					resp *Response
				}
				escaped, goOn := make(chan pair, 1), make(chan struct{})
				srv.Handle("GET /", func(req *Request, resp *Response) Status {
					escaped <- pair{req, resp}
					if where == "stuck" {
						<-goOn
						return resp.Text(200, "done")
					}
					err := req.Await(func(context.Context) error { <-goOn; return nil })
					if err != nil {
						return resp.Fail(err)
					}
					return resp.Text(200, "done")
				})
				srv.Handle("GET /ok", text("ok"))
				addr := serveTest(t, srv)
				o, w := dial(t, addr), dial(t, addr)
				w.send(get1("/"))
				kept := received(t, escaped)
				o.open("/ok") // the loop has another thread, or is free
				call(kept.req, kept.resp)
				o.open("/ok")
				close(goOn)
				w.want("GET", 200, "done")
				o.open("/ok")
			})
		}
	}
}

// TestKeptRequest: every method of a Request and a Response that were kept past the handler's end
// gives zero values or an error: nothing of another request, and no panic that ends the process.
func TestKeptRequest(t *testing.T) {
	keep, asked := make(chan [2]any, 2), make(chan string, 9)
	srv := &Server{Loops: 1}
	key := NewKey[string]("key")
	kept := func(req *Request, resp *Response) Status {
		body, err := req.BodyBytes()
		_, set := key.Get(req)
		asked <- fmt.Sprint(req.Query("a"), req.Query("b"), " ", string(body), err, set,
			req.Context().Err(), req.Cookie("a"))
		keep <- [2]any{req, resp}
		return resp.Text(200, "done")
	}
	srv.Handle("POST /inline/{x}", kept)
	srv.Handle("POST /blocking/{x}", kept, Blocking)
	topic := &Topic{}
	srv.Handle("POST /topic/{x}", func(req *Request, resp *Response) Status {
		if asked <- "2 other<nil> false <nil>"; req.Query("b") != "" {
			keep <- [2]any{req, resp}
			return resp.Text(200, "done")
		}
		return topic.Subscribe(resp, Subscription{})
	})
	srv.Observe(keepingObserver(func(req *Request, resp *Response) {
		if req.Pattern() == "POST /topic/{x}" && req.Query("b") == "" {
			keep <- [2]any{req, resp}
		}
	}))
	srv.Handle("GET /ok", text("ok"))
	addr := serveTest(t, srv)
	for _, path := range []string{"/inline/secret", "/blocking/secret", "/topic/secret"} {
		w := dial(t, addr)
		w.send("POST " + path + "?a=secret HTTP/1.1\r\nHost: secret\r\nCookie: a=secret\r\n" +
			"X: secret\r\nContent-Length: 6\r\n\r\nsecret")
		if path == "/topic/secret" {
			w.head("POST")
			topic.Close()
		} else {
			w.want("POST", 200, "done")
		}
		pair := received(t, keep)
		settled(t, "active", 0, func() int64 { return srv.Stats().Conns.Active })
		for _, what := range pair {
			callAll(t, path, what)
			if req, ok := what.(*Request); ok {
				key.Set(req, "secret")
			}
		}
		received(t, asked)
		again, err := http.Post("http://"+addr+path+"?b=2", "a/b", strings.NewReader("other"))
		if err != nil {
			t.Fatal(err)
		}
		again.Body.Close()
		if got := fmt.Sprint(again.StatusCode, again.Header["X"], again.Header["Location"],
			again.Cookies()); got != "200 [] [] []" {
			t.Errorf("%s: the next answer is %s", path, got)
		}
		received(t, keep)
		if seen := received(t, asked); seen != "2 other<nil> false <nil>" {
			t.Errorf("%s: the next request is %s", path, seen)
		}
		w = dial(t, addr)
		w.open("/ok")
	}
}

type keepingObserver func(req *Request, resp *Response)

func (f keepingObserver) Done(req *Request, resp *Response, _ time.Duration) { f(req, resp) }
func (keepingObserver) Close() error                                         { return nil }

type nothing struct{}

func (nothing) ContentType() string      { return "a/b" }
func (nothing) RenderTo(io.Writer) error { return nil }

// callAll calls all methods of what.
func callAll(t *testing.T, where string, what any) {
	v := reflect.ValueOf(what)
	for i := range v.NumMethod() {
		name := v.Type().Method(i).Name
		if strings.HasPrefix(name, "Reroute") { // it takes a Response besides
			continue
		}
		m := v.Method(i)
		var args []reflect.Value
		for j := range m.Type().NumIn() {
			if m.Type().IsVariadic() && j == m.Type().NumIn()-1 {
				break
			}
			args = append(args, anyOf(m.Type().In(j)))
		}
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%s: %T.%s: %v\n%s", where, what, name, p, debug.Stack())
				}
			}()
			for _, out := range m.Call(args) {
				s := fmt.Sprintf("%v", out) // a Blocking handler's is never another one's
				if strings.Contains(s, "secret") && where == "/inline/secret" {
					t.Errorf("%s: %T.%s: %s", where, what, name, s)
				}
			}
		}()
	}
}

// anyOf is some value of a type.
func anyOf(typ reflect.Type) reflect.Value {
	for _, v := range []any{
		context.Background(), strings.NewReader("x"), errors.New("x"), time.Second, "x", 200,
		Renderable(nothing{}), slog.New(slog.DiscardHandler),
	} {
		if reflect.TypeOf(v).AssignableTo(typ) {
			return reflect.ValueOf(v)
		}
	}
	switch {
	case typ == reflect.TypeFor[*os.File](): // a new one is none that package os would make
		return reflect.Zero(typ)
	case typ.Kind() == reflect.Func:
		return reflect.MakeFunc(typ, func([]reflect.Value) (out []reflect.Value) {
			for i := range typ.NumOut() {
				out = append(out, reflect.Zero(typ.Out(i)))
			}
			return out
		})
	case typ.Kind() == reflect.Pointer:
		return reflect.New(typ.Elem())
	}
	return reflect.Zero(typ)
}
