package handlers_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// logged returns the lines of the log of requests to a server of its own in memory, which fill
// makes.
func logged(t *testing.T, srv *lwan.Server, fill func(t *testing.T, h lwan.Handler)) []string {
	t.Helper()
	var log bytes.Buffer
	t.Run("requests", func(t *testing.T) {
		srv.Observe(handlers.AccessLog(&log))
		fill(t, lwantest.Build(t, srv))
	})
	return strings.SplitAfter(strings.TrimSuffix(log.String(), "\n"), "\n")
}

var combined = regexp.MustCompile(
	`^(\S+) - - \[(\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "([^"]*)" (\d+) (\d+|-) "([^"]*)" "([^"]*)" (\d+\.\d{6})\n?$`)

func TestAccessLog(t *testing.T) {
	srv := &lwan.Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}}
	srv.Handle("/", page(200, "body"))
	srv.Handle("/empty", page(204, ""))
	srv.Handle("/fails", page(500, "sorry"))
	srv.Handle("/stream", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.WriteString("one")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		resp.WriteString("two")
		return 200
	})
	srv.Handle("/gone", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Fail(lwan.ErrGone)
	})
	requests := []struct {
		target string
		fields []string
		want   string // client, request line, status, bytes, referer, agent
	}{
		{"/", nil, `192.0.2.1|GET / HTTP/1.1|200|4|-|-`},
		{"/a?b=c", []string{"Referer", "https://a.example/?q", "User-Agent", "curl/8.5"},
			`192.0.2.1|GET /a?b=c HTTP/1.1|200|4|https://a.example/?q|curl/8.5`},
		{"/empty", nil, `192.0.2.1|GET /empty HTTP/1.1|204|-|-|-`},
		{"/fails", nil, `192.0.2.1|GET /fails HTTP/1.1|500|5|-|-`},
		{"/stream", nil, `192.0.2.1|GET /stream HTTP/1.1|200|6|-|-`},
		{"/gone", nil, `192.0.2.1|GET /gone HTTP/1.1|499|-|-|-`},
		{"/", []string{"X-Forwarded-For", "198.51.100.7"}, `198.51.100.7|GET / HTTP/1.1|200|4|-|-`},
		{"/", []string{"X-Forwarded-For", "::ffff:198.51.100.7"},
			`198.51.100.7|GET / HTTP/1.1|200|4|-|-`},
		{"/", []string{"X-Forwarded-For", `fe80::1%x" 200 - "`},
			`fe80::1|GET / HTTP/1.1|200|4|-|-`},
		{"/", []string{"User-Agent", "a\tb"}, `192.0.2.1|GET / HTTP/1.1|200|4|-|a\x09b`},
		{"/", []string{"User-Agent", `a" 200 "b\`},
			`192.0.2.1|GET / HTTP/1.1|200|4|-|a\x22 200 \x22b\x5C`},
		{"/", []string{"Referer", "ä\xff"}, `192.0.2.1|GET / HTTP/1.1|200|4|\xC3\xA4\xFF|-`},
		{`/%22%5C%0A`, nil, `192.0.2.1|GET /%22%5C%0A HTTP/1.1|200|4|-|-`},
		{"/", []string{"Referer", strings.Repeat("x", 2049)},
			`192.0.2.1|GET / HTTP/1.1|200|4|` + strings.Repeat("x", 2048) + `...|-`},
	}
	lines := logged(t, srv, func(t *testing.T, h lwan.Handler) {
		for _, r := range requests {
			hr := newRequest(t, "GET", r.target, r.fields...)
			hr.RequestURI, hr.RemoteAddr = r.target, "192.0.2.1:1234"
			lwantest.Do(t, h, hr)
		}
	})
	if len(lines) != len(requests) {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for i, r := range requests {
		m := combined.FindStringSubmatch(lines[i])
		if m == nil {
			t.Errorf("%s: %s", r.target, lines[i])
			continue
		}
		got := strings.Join([]string{m[1], m[3], m[4], m[5], m[6], m[7]}, "|")
		if got != r.want {
			t.Errorf("%s, want %s", got, r.want)
		}
	}
}

// Times are those of the request's beginning, in the local zone; the last column is how long it
// took.
func TestAccessLogTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &lwan.Server{}
		srv.Handle("/", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Fail(req.Sleep(time.Hour))
		})
		srv.Handle("/slow", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if err := req.Sleep(90*time.Minute + 1500*time.Microsecond); err != nil {
				return resp.Fail(err)
			}
			return 200
		})
		var log bytes.Buffer
		observer := handlers.AccessLog(&log)
		srv.Observe(observer)
		h := lwantest.Build(t, srv)
		began := time.Now().Format("02/Jan/2006:15:04:05 -0700")
		lwantest.Get(t, h, "/slow")
		if err := observer.Close(); err != nil {
			t.Fatal(err)
		}
		m := combined.FindStringSubmatch(log.String())
		if m == nil || m[2] != began || m[8] != "5400.001500" {
			t.Errorf("%s, want %s", log.String(), began)
		}
	})
}

// Lines are there after a while, also without Close.
func TestAccessLogSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		srv := &lwan.Server{}
		srv.Observe(handlers.AccessLog(&log))
		h := lwantest.Build(t, srv)
		for want := range 3 {
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			if n := strings.Count(log.String(), "\n"); n != want {
				t.Errorf("%d lines after %d requests", n, want)
			}
			lwantest.Get(t, h, "/")
		}
	})
}

// What could not be parsed is logged too, and what a real server sends.
func TestAccessLogOfServer(t *testing.T) {
	var log bytes.Buffer
	t.Run("server", func(t *testing.T) {
		srv := &lwan.Server{}
		srv.Handle("GET /", page(200, "body"))
		srv.Observe(handlers.AccessLog(&log))
		s := lwantest.Start(t, srv)
		roundTrip(t, s, newRequest(t, "GET", s.URL+"/a"))
		conn, err := net.Dial("tcp", s.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "no request at all\r\n\r\n")
		if _, err := io.ReadAll(conn); err != nil {
			t.Fatal(err)
		}
	})
	lines := strings.Split(log.String(), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "127.0.0.1 - - [") ||
		!strings.Contains(lines[0], `] "GET /a HTTP/1.1" 200 4 "-" "Go-http-client/1.1" 0.`) ||
		!strings.Contains(lines[1], `] "-" 400 `) {
		t.Errorf("%q", lines)
	}
}

// gate is a writer that waits until it is opened.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	text strings.Builder
	err  error
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	return g.text.Write(p)
}

// A writer that is too slow costs lines and no time, and the log says how many.
func TestAccessLogDrops(t *testing.T) {
	const requests = 1500 // lines of 2 KiB: more than one buffer, and the one that is being written
	synctest.Test(t, func(t *testing.T) {
		out := &gate{open: make(chan struct{})}
		observer := handlers.AccessLog(out)
		srv := &lwan.Server{}
		srv.Observe(observer)
		srv.Handle("/", page(200, "body"))
		h := lwan.ToHTTP(lwantest.Build(t, srv))
		r := newRequest(t, "GET", "/", "Referer", strings.Repeat("x", 2000))
		for range requests {
			h.ServeHTTP(&nobody{}, r)
		}
		close(out.open)
		if err := observer.Close(); err != nil {
			t.Fatal(err)
		}
		var lines, dropped int
		for line := range strings.Lines(out.text.String()) {
			var n int
			if _, err := fmt.Sscanf(line, "# %d lines dropped\n", &n); err == nil {
				dropped += n
			} else if !combined.MatchString(line) {
				t.Fatalf("%q", line)
			} else {
				lines++
			}
		}
		if dropped == 0 || lines == 0 || lines+dropped != requests {
			t.Errorf("%d lines and %d dropped of %d", lines, dropped, requests)
		}
	})
}

// Lines that the writer refuses are counted as dropped, and Close says why.
func TestAccessLogError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &gate{open: make(chan struct{}), err: errors.New("disk full")}
		close(out.open)
		observer := handlers.AccessLog(out)
		srv := &lwan.Server{}
		srv.Observe(noClose{observer})
		h := lwantest.Build(t, srv)
		for range 3 {
			lwantest.Get(t, h, "/")
		}
		time.Sleep(time.Second)
		out.mu.Lock()
		out.err = nil // room again
		out.mu.Unlock()
		lwantest.Get(t, h, "/")
		if err := observer.Close(); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("Close: %v", err)
		}
		lines := strings.Split(out.text.String(), "\n")
		if len(lines) != 3 || !combined.MatchString(lines[0]) || lines[1] != "# 3 lines dropped" {
			t.Errorf("%q", lines)
		}
		if err := observer.Close(); err == nil {
			t.Error("a second Close has forgotten it")
		}
		lwantest.Get(t, h, "/") // too late, and harmless
	})
}

type noClose struct{ lwan.Observer }

func (noClose) Close() error { return nil }

// Close does not wait for a writer for ever.
func TestAccessLogHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &gate{open: make(chan struct{})}
		observer := handlers.AccessLog(out)
		srv := &lwan.Server{}
		srv.Observe(noClose{observer})
		lwantest.Get(t, lwantest.Build(t, srv), "/")
		if err := observer.Close(); err == nil || !strings.Contains(err.Error(), "hangs") {
			t.Errorf("Close: %v", err)
		}
		close(out.open)
	})
}

// Many requests at a time write whole lines.
func TestAccessLogConcurrently(t *testing.T) {
	const each, clients = 200, 8
	srv := &lwan.Server{}
	srv.Handle("/{n}", page(200, "body"))
	lines := logged(t, srv, func(t *testing.T, h lwan.Handler) {
		under := lwan.ToHTTP(h)
		var all sync.WaitGroup
		for c := range clients {
			all.Go(func() {
				for i := range each {
					under.ServeHTTP(&nobody{}, newRequest(t, "GET", fmt.Sprintf("/%d-%d", c, i)))
				}
			})
		}
		all.Wait()
	})
	seen := map[string]bool{}
	for _, line := range lines {
		m := combined.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("%q", line)
		}
		seen[m[3]] = true
	}
	if len(seen) != each*clients {
		t.Errorf("%d different lines", len(seen))
	}
}
