package lwan_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// evils must not get through in a name or value: lines of their own, or bytes that some client
// takes for the end of one.
var evils = []string{"x\r\nEvil: 1", "x\nEvil: 1", "x\rEvil: 1", "x\x00y",
	"x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nEvil: 1", "x\x7f\x01y"}

// setters are all ways to bring a text of the program's into what is sent, but for the body.
var setters = map[string]func(resp *lwan.Response, req *lwan.Request, evil string) lwan.Status{
	"SetHeader": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.SetHeader("X-A", s)
		return 200
	},
	"AddHeader": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.AddHeader("X-A", s)
		return 200
	},
	"name": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.AddHeader(s, "1")
		return 200
	},
	"content type": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.SetContentType(s)
		return r.Text(200, "text")
	},
	"content type field": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.SetHeader("content-TYPE", s)
		return 200
	},
	"Data": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		return r.Data(200, s, []byte("data"))
	},
	"Render": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		return r.Render(200, typed(s))
	},
	"Redirect": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		return r.Redirect(302, s)
	},
	"Location": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.SetHeader("Location", s)
		return 201
	},
	"Error": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		return r.Error(400, s)
	},
	"cookie name": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.SetCookie(&http.Cookie{Name: s, Value: "1"})
		return 200
	},
	"cookie": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.SetCookie(&http.Cookie{
			Name: "a", Value: s, Path: s, Domain: s, Raw: s, Unparsed: []string{s},
		})
		return 200
	},
	"Connection": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.SetHeader("Connection", s)
		return 200
	},
	"Content-Length": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.SetHeader("Content-Length", s)
		return 200
	},
	"trailer": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.SendHead(200)
		r.WriteString("body")
		r.SetTrailer("X-Sum", s)
		return 200
	},
	"trailer name": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.SetTrailer(s, "1")
		return 200
	},
	"hints": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		return r.Fail(r.EarlyHints("</a>", s))
	},
	"upgrade": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.SetHeader("X-A", s)
		_, err := r.Upgrade("echo")
		return r.Fail(err)
	},
	"upgrade to": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		_, err := r.Upgrade(s)
		return r.Fail(err)
	},
	"event": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		ev := r.Events()
		return r.Fail(errors.Join(ev.Send(lwan.Event{ID: s, Data: "x"}),
			ev.Send(lwan.Event{Name: s, Data: "x"})))
	},
	"late": func(r *lwan.Response, _ *lwan.Request, s string) lwan.Status {
		r.BeforeHead(func(lwan.Status) { r.SetHeader("X-A", s) })
		return 200
	},
	"http": fromHTTP(func(w http.ResponseWriter, s string) {
		w.Header().Set("X-A", s)
		w.Header()["Content-Type"] = []string{s}
		io.WriteString(w, "body")
	}),
	"http name": fromHTTP(func(w http.ResponseWriter, s string) { w.Header()[s] = []string{"1"} }),
	"http hints": fromHTTP(func(w http.ResponseWriter, s string) {
		w.Header().Set("Link", s)
		w.WriteHeader(103)
		w.Header().Del("Link")
	}),
	"http hints name": fromHTTP(func(w http.ResponseWriter, s string) {
		w.Header()[s] = []string{"1"}
		w.WriteHeader(103)
		delete(w.Header(), s)
	}),
	"http hints framing": fromHTTP(func(w http.ResponseWriter, _ string) {
		w.Header().Set("Content-Length", "4")
		w.Header().Set("Transfer-Encoding", "chunked")
		w.Header().Set("Connection", "close")
		w.WriteHeader(103)
		w.Header().Del("Transfer-Encoding")
		w.Header().Del("Connection")
		io.WriteString(w, "four")
	}),
	"http trailer": fromHTTP(func(w http.ResponseWriter, s string) {
		io.WriteString(w, "body")
		w.Header().Set(http.TrailerPrefix+"X-Sum", s)
	}),
	"http trailer name": fromHTTP(func(w http.ResponseWriter, s string) {
		io.WriteString(w, "body")
		w.Header()[http.TrailerPrefix+s] = []string{"1"}
	}),
	"http framing": fromHTTP(func(w http.ResponseWriter, s string) {
		w.Header().Set("Transfer-Encoding", s)
		w.Header().Set("Connection", s)
		w.Header().Set("Trailer", s)
		io.WriteString(w, "body")
	}),
}

func fromHTTP(
	fn func(w http.ResponseWriter, s string),
) func(*lwan.Response, *lwan.Request, string) lwan.Status {
	return func(resp *lwan.Response, req *lwan.Request, s string) lwan.Status {
		return lwan.FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fn(w, s)
		}))(req, resp)
	}
}

// typed is a Renderable of that type.
type typed string

func (t typed) ContentType() string        { return string(t) }
func (t typed) RenderTo(w io.Writer) error { _, err := io.WriteString(w, "rendered"); return err }

// eachEngine runs test with servers of ours and of net/http.
func eachEngine(
	t *testing.T, register func(srv *lwan.Server), test func(t *testing.T, addr string),
) {
	newServer := func() *lwan.Server {
		srv := &lwan.Server{
			Log: slog.New(slog.DiscardHandler), LingerTimeout: 50 * time.Millisecond,
		}
		srv.Handle("GET /ok", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(200, "still in sync")
		})
		register(srv)
		return srv
	}
	t.Run("server", func(t *testing.T) {
		test(t, lwantest.Start(t, newServer()).Addrs()[0].String())
	})
	t.Run("ToHTTP", func(t *testing.T) {
		s := httptest.NewUnstartedServer(lwan.ToHTTP(lwantest.Build(t, newServer())))
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		s.Start()
		defer s.Close()
		test(t, s.Listener.Addr().String())
	})
}

// transcript is all that comes for a request with method and path, and for a second one behind it
// that ends the connection.
func transcript(t *testing.T, addr, method, path string) []byte {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"+
		"GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path)
	all, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: the end does not come", path)
	}
	return all
}

// answers reads all answers of a transcript: informational ones, the final one and perhaps that of
// the second request. false: what came was something else.
func answers(method string, all []byte) (list []*http.Response, cut, ok bool) {
	r := bufio.NewReader(bytes.NewReader(all))
	for {
		if _, err := r.Peek(1); err != nil {
			return list, cut, true
		}
		a, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return list, cut, false
		}
		list = append(list, a)
		if a.StatusCode < 200 {
			continue
		}
		b, err := io.ReadAll(a.Body)
		if method == "last" {
			return list, cut,
				err == nil && a.StatusCode == 200 &&
					string(b) == "still in sync" && r.Buffered() == 0
		}
		if cut = err != nil; cut {
			return list, cut, true
		}
		method = "last"
	}
}

// TestSettersLetNothingThrough: no text of the program's becomes a line of its own, in whatever
// kind of answer.
func TestSettersLetNothingThrough(t *testing.T) {
	eachEngine(t, func(srv *lwan.Server) {
		srv.Handle("GET /{setter}/{evil}",
			func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				i, err := lwan.Param[int](req, "evil")
				if err != nil {
					return resp.Fail(err)
				}
				return setters[strings.ReplaceAll(req.Param("setter"), "-", " ")](resp,
					req, evils[i])
			})
	}, func(t *testing.T, addr string) {
		for name := range setters {
			if strings.Contains(name, "-") {
				continue // they are the framing's: TestFramingByHand
			}
			for i := range evils {
				path := fmt.Sprintf("/%s/%d", strings.ReplaceAll(name, " ", "-"), i)
				all := transcript(t, addr, "GET", path)
				list, _, ok := answers("GET", all)
				if !ok || len(list) == 0 {
					t.Errorf("%s: out of step: %q", path, all)
					continue
				}
				content := name == "Error" || name == "event" // where it may stand as it is
				if !content &&
					(bytes.Contains(all, []byte("\nEvil")) || bytes.ContainsAny(all, "\x00\x01") ||
						bytes.Contains(all, []byte("\rEvil"))) {
					t.Errorf("%s: %q", path, all)
				}
				for _, a := range list {
					if a.Header.Get("Evil") != "" || a.Trailer.Get("Evil") != "" {
						t.Errorf("%s: %v", path, a.Header)
					}
					if a.StatusCode < 200 &&
						(a.Header.Get("Content-Length") != "" || len(a.TransferEncoding) > 0 ||
							a.Header.Get("Transfer-Encoding") != "") {
						t.Errorf("%s: an informational response with framing: %q", path, all)
					}
				}
			}
		}
	})
}

// TestFramingByHand: whatever is set of the framing, and in whatever kind of answer, the connection
// stays in step or ends, and a body of another length than was declared does not look whole.
func TestFramingByHand(t *testing.T) {
	t.Parallel()
	fields := []string{
		"Content-Length: 4", "Content-Length: 3", "Content-Length: 5", "Content-Length: 0",
		"Content-Length: -4", "Content-Length: +4", "Content-Length: 4, 4", "Content-Length: 0x4",
		"Content-Length: 99999999999999999999", "Content-Length: ", "Transfer-Encoding: chunked",
		"Transfer-Encoding: identity", "Transfer-Encoding: gzip, chunked", "Trailer: X-A",
		"Connection: close", "Connection: keep-alive", "Connection: Upgrade",
		"Connection: close, Upgrade", "Keep-Alive: timeout=5",
	}
	kinds := map[string]func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status{
		"whole": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			return resp.Text(200, "four")
		},
		"empty": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			return 200
		},
		"204": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			return resp.Text(204, "four")
		},
		"304": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			return resp.Text(304, "four")
		},
		"205": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			return resp.Text(205, "four")
		},
		"stream": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			if err := resp.SendHead(200); err != nil {
				return resp.Fail(err)
			}
			resp.WriteString("four")
			return 200
		},
		"stream204": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			if err := resp.SendHead(204); err != nil {
				return resp.Fail(err)
			}
			resp.WriteString("four")
			return 200
		},
		"stream304": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			if err := resp.SendHead(304); err != nil {
				return resp.Fail(err)
			}
			resp.WriteString("four")
			return 200
		},
		"late": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			if err := resp.SendHead(200); err != nil {
				return resp.Fail(err)
			}
			set()
			resp.WriteString("four")
			return 200
		},
		"late undeclared": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			resp.SetHeader("Content-Length", "4")
			if err := resp.SendHead(200); err != nil {
				return resp.Fail(err)
			}
			resp.DelHeader("Content-Length")
			set()
			resp.WriteString("four and more")
			return 200
		},
		"before": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			resp.BeforeHead(func(lwan.Status) { set() })
			return resp.Text(200, "four")
		},
		"filter": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			resp.Filter(func(w io.Writer) io.WriteCloser { set(); return plainFilter{w} })
			return resp.Text(200, "four")
		},
		"error": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			return resp.Error(404, "none")
		},
		"redirect": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			return resp.Redirect(302, "/")
		},
		"hints": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			if err := resp.EarlyHints("</a>"); err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, "four")
		},
		"upgrade": func(req *lwan.Request, resp *lwan.Response, set func()) lwan.Status {
			set()
			if _, err := resp.Upgrade("echo"); err != nil {
				return resp.Fail(err)
			}
			return 200
		},
	}
	eachEngine(t, func(srv *lwan.Server) {
		srv.Handle("GET /{kind}/{field}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			i, err := lwan.Param[int](req, "field")
			if err != nil {
				return resp.Fail(err)
			}
			name, value, _ := strings.Cut(fields[i], ": ")
			return kinds[strings.ReplaceAll(req.Param("kind"), "-", " ")](req, resp, func() {
				resp.SetHeader(name, value)
			})
		})
	}, func(t *testing.T, addr string) {
		for kind := range kinds {
			for i, f := range fields {
				for _, method := range []string{"GET", "HEAD"} {
					path := fmt.Sprintf("/%s/%d", strings.ReplaceAll(kind, " ", "-"), i)
					all := transcript(t, addr, method, path)
					list, cut, ok := answers(method, all)
					if !ok || len(list) == 0 && !cut {
						t.Errorf("%s %s (%s): out of step: %q", method, path, f, all)
						continue
					}
					wrong := strings.HasPrefix(f, "Content-Length") && !strings.HasSuffix(f, " 4")
					first := list[0]
					if wrong && method == "GET" && (kind == "whole" || kind == "stream") &&
						first.StatusCode == 200 && !cut &&
						(len(list) > 1 || first.ContentLength != 0) {
						t.Errorf("%s %s (%s): looks whole: %q", method, path, f, all)
					}
					if first.StatusCode == 204 && first.Header.Get("Content-Length") != "" {
						t.Errorf("%s %s (%s): a length of nothing: %q", method, path, f, all)
					}
				}
			}
		}
	})
}

// TestStatusOnTheWire: no answer has a status that is none, whoever chooses it.
func TestStatusOnTheWire(t *testing.T) {
	ways := map[string]func(req *lwan.Request, resp *lwan.Response, st lwan.Status) lwan.Status{
		"return": func(_ *lwan.Request, _ *lwan.Response, st lwan.Status) lwan.Status { return st },
		"text": func(_ *lwan.Request, r *lwan.Response, st lwan.Status) lwan.Status {
			return r.Text(st, "x")
		},
		"large": func(_ *lwan.Request, r *lwan.Response, st lwan.Status) lwan.Status {
			return r.Text(st, strings.Repeat("x", 2<<20))
		},
		"json": func(_ *lwan.Request, r *lwan.Response, st lwan.Status) lwan.Status {
			return r.JSON(st, 1)
		},
		"redirect": func(_ *lwan.Request, r *lwan.Response, st lwan.Status) lwan.Status {
			return r.Redirect(st, "/")
		},
		"error": func(_ *lwan.Request, r *lwan.Response, st lwan.Status) lwan.Status {
			return r.Error(st, "x")
		},
		"fail": func(_ *lwan.Request, r *lwan.Response, st lwan.Status) lwan.Status {
			return r.Fail(&lwan.Error{Status: st})
		},
		"head": func(_ *lwan.Request, r *lwan.Response, st lwan.Status) lwan.Status {
			return r.Fail(r.SendHead(st))
		},
		"implied": func(_ *lwan.Request, r *lwan.Response, st lwan.Status) lwan.Status {
			r.Text(st, "x")
			return r.Fail(r.Flush())
		},
		"http": func(req *lwan.Request, resp *lwan.Response, st lwan.Status) lwan.Status {
			return lwan.FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(int(st))
			}))(req, resp)
		},
	}
	eachEngine(t, func(srv *lwan.Server) {
		srv.Handle("GET /{way}/{status}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			st, err := lwan.Param[int](req, "status")
			if err != nil {
				return resp.Fail(err)
			}
			return ways[req.Param("way")](req, resp, lwan.Status(st))
		})
	}, func(t *testing.T, addr string) {
		for way := range ways {
			for _, st := range []int{-1, 0, 1, 99, 100, 101, 102, 103, 199, 1000, 10_000, 499} {
				path := fmt.Sprintf("/%s/%d", way, st)
				all := transcript(t, addr, "GET", path)
				list, cut, ok := answers("GET", all)
				if st == 499 && len(all) == 0 { // the client is told nothing
					continue
				}
				if !ok || len(list) == 0 && !cut {
					t.Errorf("%s: out of step: %q", path, all)
					continue
				}
				for i, a := range list {
					final := a.StatusCode >= 200 && a.StatusCode <= 999 && a.StatusCode != 499
					interim := way == "http" && a.StatusCode == st
					if !final && !(interim && (i < len(list)-1 || st == 499)) {
						t.Errorf("%s: %q", path, all)
					}
				}
			}
		}
	})
}
