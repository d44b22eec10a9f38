//go:build linux

package lwan

import (
	"bufio"
	"context"
	"errors"
	"expvar"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"sort"
	"strings"
	"testing"
	"time"
)

// twin is a net/http handler with a request, whose answer must be the same from net/http's server
// and through FromHTTP.
type twin struct {
	name    string
	request string // with the path
	h       http.HandlerFunc
	after   string // what the client sends once it has seen the first answer
}

func get1(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }

var twins = []twin{
	{"plain", get1("/plain?q=1"), func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Method, r.URL.Path, r.URL.RawQuery, r.Host, r.Proto, r.RequestURI,
			r.ContentLength, r.FormValue("q"), r.RemoteAddr != "")
	}, ""},
	{"absolute", "GET http://other/absolute HTTP/1.1\r\nHost: x\r\n\r\n",
		func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.URL.Path, r.Host, r.Header)
		}, ""},
	{"fields", "GET /fields HTTP/1.1\r\nHost: x\r\na-b: 1\r\nA-B: 2\r\nCookie: c=d\r\n\r\n",
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("X-One", "1")
			w.Header().Add("X-One", "2")
			http.SetCookie(w, &http.Cookie{Name: "s", Value: "t"})
			fmt.Fprint(w, r.Header["A-B"], r.Header.Get("Host"), r.CookiesNamed("c")[0].Value)
		}, ""},
	{"nothing", get1("/nothing"), func(http.ResponseWriter, *http.Request) {}, ""},
	{"status", get1("/status"), func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) },
		""},
	{"error", get1("/error"),
		func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) },
		""},
	{"redirect", get1("/redirect"),
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/x?y", http.StatusFound)
		}, ""},
	{"no-content", get1("/no-content"), func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(204)
		_, err := w.Write([]byte("x"))
		if !errors.Is(err, http.ErrBodyNotAllowed) {
			panic(err)
		}
	}, ""},
	{"not-modified", get1("/not-modified"),
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"a"`)
			w.WriteHeader(304)
		}, ""},
	{"sniff-html", get1("/sniff-html"),
		func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html><body>") }, ""},
	{"sniff-status", get1("/sniff-status"),
		func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			io.WriteString(w, "<html><body>")
		}, ""},
	{"sniff-off", get1("/sniff-off"), func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "<html>")
	}, ""},
	{"sniff-encoded", get1("/sniff-encoded"), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "x")
		io.WriteString(w, "<html>")
	}, ""},
	{"superfluous", get1("/superfluous"), func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(201)
		w.WriteHeader(500)
		w.Header().Set("X-Late", "1")
		io.WriteString(w, "made")
	}, ""},
	{"flush", get1("/flush"), func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "one ")
		w.(http.Flusher).Flush()
		io.WriteString(w, "two")
	}, ""},
	{"flush-first", get1("/flush-first"), func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
		io.WriteString(w, "body")
	}, ""},
	{"big", get1("/big"), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/x")
		w.Header().Set("Content-Length", "3000000")
		w.WriteHeader(202)
		for range 300 {
			io.WriteString(w, strings.Repeat("x", 10_000))
		}
	}, ""},
	{"known-length", get1("/known-length"), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "4")
		io.WriteString(w, "four")
	}, ""},
	{"too-long", get1("/too-long"), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "4")
		io.WriteString(w, "four")
		if _, err := io.WriteString(w, "more"); !errors.Is(err, http.ErrContentLength) {
			panic(err)
		}
	}, ""},
	{"too-short", get1("/too-short"), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "four")
	}, ""},
	{"head", "HEAD /head HTTP/1.1\r\nHost: x\r\n\r\n",
		func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }, ""},
	{"head-length", "HEAD /head-length HTTP/1.1\r\nHost: x\r\n\r\n",
		func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "77") },
		""},
	{"head-error", "HEAD /head-error HTTP/1.1\r\nHost: x\r\n\r\n",
		func(w http.ResponseWriter, r *http.Request) { http.Error(w, "none", 404) }, ""},
	{"abort", get1("/abort"),
		func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, ""},
	{"abort-late", get1("/abort-late"), func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}, ""},
	{"injection", get1("/injection"), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-A", "a\r\nX-B: c")
		io.WriteString(w, "x")
	}, ""},
	{"early-hints", get1("/early-hints"), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a>")
		w.WriteHeader(103)
		w.Header().Set("X-Last", "1")
		io.WriteString(w, "body")
	}, ""},
	{"trailers", get1("/trailers"), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum, X-None")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "1")
		w.Header().Set(http.TrailerPrefix+"X-Late", "2")
	}, ""},
	{"close", get1("/close"), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, "bye")
	}, ""},
	{"http10", "GET /http10 HTTP/1.0\r\n\r\n",
		func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto, r.Close) }, ""},
	{"body", post("/body", "content"), func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		n, again := r.Body.Read(make([]byte, 1))
		fmt.Fprint(w, string(b), err, r.ContentLength, n, again)
		r.Body.Close()
		_, closed := r.Body.Read(make([]byte, 1))
		fmt.Fprint(w, closed)
	}, ""},
	{"no-body", post("/no-body", ""), func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprint(w, string(b), err, r.Body == http.NoBody)
	}, ""},
	{"chunked", chunked("/chunked", []string{"ab", "c"}, ""),
		func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			fmt.Fprint(w, string(b), err, r.ContentLength, r.TransferEncoding)
		}, ""},
	{"request-trailers", "POST /request-trailers HTTP/1.1\r\nHost: x\r\n" +
		"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 9\r\n\r\n",
		func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Trailer)
			io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, r.Trailer)
		}, ""},
	{"form", "POST /form?q=1 HTTP/1.1\r\nHost: x\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=b&q=2",
		func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.FormValue("a"), r.FormValue("q"), r.PostFormValue("q"))
		}, ""},
	{"max-bytes", post("/max-bytes", "too much"), func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 3)
		b, err := io.ReadAll(r.Body)
		_, tooLarge := errors.AsType[*http.MaxBytesError](err)
		// MaxBytesReader says so to no ResponseWriter but net/http's own
		w.Header().Set("Connection", "close")
		w.WriteHeader(413)
		fmt.Fprint(w, string(b), tooLarge)
	}, ""},
	{"continue",
		"POST /continue HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
		func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			fmt.Fprint(w, string(b), err, r.Header["Expect"])
		}, "body"},
	{"duplex", "POST /duplex HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n",
		func(w http.ResponseWriter, r *http.Request) {
			ctl := http.NewResponseController(w)
			if err := ctl.EnableFullDuplex(); err != nil {
				panic(err)
			}
			w.WriteHeader(103)
			io.WriteString(w, "early ")
			if err := ctl.Flush(); err != nil {
				panic(err)
			}
			io.Copy(w, r.Body)
		}, "late"},
	{"read-deadline", "POST /read-deadline HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n",
		func(w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(w).
				SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
				panic(err)
			}
			_, err := io.ReadAll(r.Body)
			w.Header().Set("Connection", "close")
			fmt.Fprint(w, errors.Is(err, os.ErrDeadlineExceeded))
		}, ""},
	{"hijack", get1("/hijack"), func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, late := w.Write([]byte("x"))
		fmt.Fprintf(rw,
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n%v",
			errors.Is(late, http.ErrHijacked))
		rw.Flush()
	}, ""},
}

// TestFromHTTPTwins: the same handlers, the same requests, the same answers. Not compared are Date,
// and whether a cut answer begins: that it is cut is what counts.
func TestFromHTTPTwins(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	srv := &Server{}
	for _, c := range twins {
		mux.HandleFunc("/"+c.name, c.h)
		srv.Handle("/"+c.name, FromHTTP(c.h))
	}
	theirs := httptest.NewUnstartedServer(mux)
	theirs.Config.ErrorLog = log.New(io.Discard, "", 0)
	theirs.Start()
	defer theirs.Close()
	ours := serveTest(t, srv)
	for _, c := range twins {
		t.Run(c.name, func(t *testing.T) {
			want, got := script(t, theirs.Listener.Addr().String(), c), script(t, ours, c)
			if got != want {
				t.Errorf("FromHTTP:\n%s\nnet/http:\n%s", got, want)
			}
		})
	}
}

// script runs a case and writes down what a client gets to see of it.
func script(t *testing.T, addr string, c twin) string {
	w := dial(t, addr)
	defer w.c.Close()
	w.send(c.request)
	method, _, _ := strings.Cut(c.request, " ")
	var b strings.Builder
	for range 3 {
		resp, err := http.ReadResponse(w.r, &http.Request{Method: method})
		if err != nil {
			b.WriteString("cut\n")
			break
		}
		if c.after != "" {
			w.send(c.after)
			c.after = ""
		}
		var body []byte
		if resp.StatusCode == 101 {
			body, err = io.ReadAll(w.r)
		} else {
			body, err = io.ReadAll(resp.Body)
		}
		if err != nil {
			body = nil
		}
		fmt.Fprintf(&b, "%d %.200q length=%d chunked=%v close=%v cut=%v trailer=%v\n",
			resp.StatusCode, body, resp.ContentLength, len(resp.TransferEncoding) > 0, resp.Close,
			err != nil, present(resp.Trailer))
		b.WriteString(present(resp.Header) + "\n")
		if resp.StatusCode >= 200 {
			break
		}
	}
	return b.String()
}

// present lists fields that have values, without the Date.
func present(h http.Header) string {
	var list []string
	for name, values := range h {
		if name != "Date" && len(values) > 0 {
			list = append(list, fmt.Sprint(name, values))
		}
	}
	sort.Strings(list)
	return strings.Join(list, " ")
}

// TestFromHTTPHijack: the handler owns the connection, and the bytes that were read ahead, for as
// long as it likes.
func TestFromHTTPHijack(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		go func() { // after the handler's end
			defer conn.Close()
			for {
				line, err := rw.ReadString('\n')
				if err != nil {
					return
				}
				if _, err := rw.WriteString("echo " + line); err != nil || rw.Flush() != nil {
					return
				}
			}
		}()
	})))
	addr := serveTest(t, srv)
	before := descriptors(t)
	w := dial(t, addr)
	w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nwith the head\n")
	r := bufio.NewReader(w.c)
	if line, err := r.ReadString('\n'); line != "echo with the head\n" {
		t.Fatalf("%q %v", line, err)
	}
	settled(t, "active", 0, func() int64 { s := srv.Stats(); return s.Conns.Active + s.Conns.Idle })
	for _, word := range []string{"one\n", "two\n"} {
		w.send(word)
		if line, err := r.ReadString('\n'); line != "echo "+word {
			t.Fatalf("%q %v", line, err)
		}
	}
	w.c.Close()
	noMore(t, before)
}

// TestFromHTTPFieldsOfTheHijacked: who has taken the connection for another protocol still has the
// fields that it has set, by which it sends an answer by hand, once its request is over.
func TestFromHTTPFieldsOfTheHijacked(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Before", "1")
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		settled(t, "requests that are over", 1, func() int64 {
			if w.(*httpWriter).over.Load() {
				return 1
			}
			return 0
		})
		w.Header().Set("X-Behind", "2")
		fmt.Fprint(conn, present(w.Header()))
	})))
	w := dial(t, serveTest(t, srv))
	w.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	got, err := io.ReadAll(w.r)
	if string(got) != "X-Before[1] X-Behind[2]" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

// TestFromHTTPContext ends when the client leaves.
func TestFromHTTPContext(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error, 1)
	srv := &Server{}
	srv.Handle("GET /", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		ended <- r.Context().Err()
	})))
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send(get1("/"))
	received(t, begun)
	w.reset()
	if err := received(t, ended); err == nil || err.Error() != "context canceled" {
		t.Error(err)
	}
}

// TestFromHTTPBodyLimit: the server's limit looks like net/http's.
func TestFromHTTPBodyLimit(t *testing.T) {
	srv := &Server{Limits: Limits{Body: 4}}
	srv.Handle("POST /", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		tooLarge, ok := errors.AsType[*http.MaxBytesError](err)
		fmt.Fprint(w, ok && tooLarge.Limit == 4)
	})))
	addr := serveTest(t, srv)
	for body, want := range map[string]string{"four": "false", "fives": "true"} {
		if a := once(t, addr, "POST", post("/", body)); a.body != want {
			t.Errorf("%s: %v", body, a)
		}
	}
}

// TestFromHTTPMiddleware: net/http middleware in front of our handlers.
func TestFromHTTPMiddleware(t *testing.T) {
	type mark struct{}
	mw := FromHTTPMiddleware(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			w.Header().Set("X-Middleware", "1")
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), mark{}, "marked")))
		})
	})
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		return resp.Text(201, fmt.Sprint(req.Context().Value(mark{})))
	}, mw)
	srv.Handle("GET /fails",
		func(req *Request, resp *Response) Status { return resp.Fail(errSecret) }, mw)
	addr := serveTest(t, srv)
	if a := get(t, addr, "/"); a.status != 401 || a.body != "who are you?\n" {
		t.Errorf("%v", a)
	}
	a := get(t, addr, "/", "Authorization: me")
	if a.status != 201 || a.body != "marked" || a.header.Get("X-Middleware") != "1" {
		t.Errorf("%v", a)
	}
	if a := get(t, addr, "/fails", "Authorization: me"); a.status != 500 {
		t.Errorf("%v", a)
	}
}

// TestMuxInside: a ServeMux with pprof and expvar below a prefix.
func TestMuxInside(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.Handle("/debug/vars", expvar.Handler())
	mux.HandleFunc("GET /debug/item/{id}", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.PathValue("id"))
	})
	srv := &Server{}
	srv.Handle("/debug/", FromHTTP(mux))
	srv.Handle("/strip/", FromHTTP(http.StripPrefix("/strip", mux)))
	addr := serveTest(t, srv)
	for path, want := range map[string]string{
		"/debug/pprof/": "goroutine", "/debug/vars": "memstats", "/debug/item/a%2Fb": "a/b",
		"/strip/debug/item/7": "7", "/debug/pprof/goroutine?debug=1": "goroutine profile",
	} {
		if a := get(t, addr, path); a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %v", path, a)
		}
	}
	if a := get(t, addr, "/debug/none"); a.status != 404 {
		t.Errorf("%v", a)
	}
}
