//go:build linux && !golwan_nethttp

package lwan

import (
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// conversations are request sequences whose answers must not depend on how their bytes arrive. None
// goes on behind a request that asks for the end: what comes behind it may meet a closed
// connection, and reset it.
var conversations = []string{
	"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n",
	"\r\n\r\nGET /ok HTTP/1.1\r\nHost: x\r\n\r\n" +
		"HEAD /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n" + post("/echo", "hello") +
		"GET /none HTTP/1.1\r\nHost: x\r\n\r\n",
	chunked("/echo", []string{"a", "bc", "def"}, "X-Sum: 1\r\n") +
		"GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n" + post("/ok", "405 with a body"),
	post("/echo", "one") + post("/echo", "two") + chunked("/none", []string{"three"}, "") +
		post("/echo", "four"),
	"GET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /panic HTTP/1.1\r\nHost: x\r\n\r\n" +
		"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\nGET //ok?q=1 HTTP/1.1\r\nHost: x\r\n\r\n" +
		"BREW /ok HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /ok HTTP/1.1\r\nHost: x\r\n\r\nGET /ok HTTP/1.1\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nX\r\n",
	"GET /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
}

var dateLine = regexp.MustCompile(`(?m)^Date: .*\r$`)

// converse sends pieces one after the other and returns everything that came back until the server
// was done. The last request of each conversation ends the connection. The client's side stays open
// until then: a client that closes it has left, and its waiting handlers are ended.
func converse(t testing.TB, addr string, pieces []string) string {
	w := dial(t, addr)
	defer w.c.Close()
	for _, p := range pieces {
		if _, err := io.WriteString(w.c, p); err != nil {
			break // it has answered and closed already
		}
	}
	all, err := io.ReadAll(w.r)
	if err != nil {
		t.Errorf("%v after %q", err, all)
	}
	return dateLine.ReplaceAllString(string(all), "Date: now\r")
}

// ending makes the conversation's last answer close the connection, so that its end is seen.
func ending(c string) string {
	return c + "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
}

func bytewise(s string) []string { return strings.Split(s, "") }

func randomly(s string, rnd *rand.Rand) (pieces []string) {
	for len(s) > 0 {
		n := min(1+rnd.IntN(40), len(s))
		pieces = append(pieces, s[:n])
		s = s[n:]
	}
	return pieces
}

// TestFragments: the same bytes give the same answers, however they are cut.
func TestFragments(t *testing.T) {
	t.Parallel()
	srv := &Server{}
	misbehaving(srv)
	addr := serveTest(t, srv)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for i, c := range conversations {
		wg.Go(func() {
			c = ending(c)
			want := converse(t, addr, []string{c})
			if !strings.HasPrefix(want, "HTTP/1.1 ") {
				t.Errorf("conversation %d has no answer: %q", i, want)
			}
			if got := converse(t, addr, bytewise(c)); got != want {
				t.Errorf("conversation %d byte by byte: %q\nin one piece: %q", i, got, want)
			}
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			for range 20 {
				pieces := randomly(c, rnd)
				if got := converse(t, addr, pieces); got != want {
					t.Errorf("conversation %d as %q: %q\nin one piece: %q", i, pieces, got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestFragmentsOfLongHeads: a head that is larger than the read buffer, kept as its bytes while it
// is incomplete.
func TestFragmentsOfLongHeads(t *testing.T) {
	srv := &Server{MaxHeaderBytes: 64 << 10}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		return resp.Text(200,
			fmt.Sprint(len(req.Header("A")), " ", len(req.Header("B")), " ", req.Header("C")))
	})
	addr := serveTest(t, srv)
	raw := "GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 20_000) + "\r\nB: " +
		strings.Repeat("b", 30_000) + "\r\nC: end\r\n\r\n"
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		w := dial(t, addr)
		for rest := raw + raw; rest != ""; {
			n := min(1+rnd.IntN(16_000), len(rest))
			w.send(rest[:n])
			rest = rest[n:]
		}
		w.want("GET", 200, "20000 30000 end")
		w.want("GET", 200, "20000 30000 end")
		w.c.Close()
	}
}
