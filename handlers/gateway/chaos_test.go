package gateway

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

// TestChaos lets clients that leave meet backends that answer early, in halves, too much, or not,
// and handlers that give up in the middle. Every byte of an answer has the number of its request:
// nobody may see another one's, and nothing may be left in the end.
func TestChaos(t *testing.T) {
	n := 200
	if s := os.Getenv("GOLWAN_TEST_CHAOS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	bs := []*backend{newBackend(t, chaotic), newBackend(t, chaotic), newBackend(t, chaotic)}
	g := groupOf(bs...)
	g.MaxFails, g.Retry = -1, Retry{On: []lwan.Status{503}, Timeouts: true, Budget: 10}
	for i := range g.Backends {
		g.Backends[i].MaxConns = 6
	}
	times := Timeouts{Head: 300 * time.Millisecond, Body: 300 * time.Millisecond}
	s := serveProxy(t, ProxyConfig{Common: Common{To: g, Timeouts: times, Accel: true,
		Intercept: []lwan.Status{418}}, Upgrade: []string{"*"}, Early: true},
		func(srv *lwan.Server) {
			srv.Loops, srv.Limits.Timeout = 2, 2*time.Second
			srv.Handle("/own/{mode}", careless(g))
			srv.Handle("GET /inside", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				return resp.Text(200, "in")
			})
		})
	var all sync.WaitGroup
	next := make(chan int)
	for range 16 {
		all.Go(func() {
			c := &chaosClient{t: t, s: s}
			for id := range next {
				c.request(id)
			}
			c.leave()
		})
	}
	for id := range n {
		next <- id + 1000
	}
	close(next)
	all.Wait()
	until(t, "nothing is under way", func() bool {
		busy := int64(g.Waiting())
		for _, st := range g.Stats() {
			busy += int64(st.Active)
		}
		return busy == 0
	})
	for range 6 { // and what is left is in step
		status, body, _ := s.get(t, "/fine?id=7")
		if status != 200 || strings.Trim(body, "<7>") != "" {
			t.Errorf("afterwards: %d %q", status, body)
		}
	}
}

// careless is a handler of the program's that uses a backend, and ends in ways that it should not.
func careless(g *Group) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		c, lease, err := g.Get(req)
		if err != nil {
			return resp.Fail(err)
		}
		defer lease.Done(nil)
		mode := req.Param("mode")
		if mode == "early" {
			return resp.Text(200, "")
		}
		fmt.Fprintf(c, "GET /fine?%s HTTP/1.1\r\nHost: a\r\n\r\n", req.Query("id"))
		if mode == "sent" {
			c.Keep()
			return resp.Text(200, "")
		}
		var a lwan.Reply
		if err := a.ReadHead(c, lwan.ReplyHTTP, "GET", lwan.ReplyLimits{}); err != nil {
			return resp.Fail(err)
		}
		switch mode {
		case "panic":
			panic("in the middle")
		case "goexit":
			runtime.Goexit()
		case "head":
			c.Keep()
			return resp.Text(200, "")
		case "sleep":
			if err := req.Sleep(time.Second); err != nil {
				return resp.Fail(err)
			}
		case "closer":
			go c.Close()
		case "late":
			go c.SetDeadline(time.Unix(1, 0))
		}
		if _, err := io.Copy(resp, a.Body()); err != nil {
			return resp.Fail(err)
		}
		c.Keep()
		return 200
	}
}

// marked is n bytes that have the number of a request.
func marked(id string, n int) string {
	return strings.Repeat("<"+id+">", n/(len(id)+2)+1)[:n]
}

// chaotic serves a connection of a backend.
func chaotic(c net.Conn, r *bufio.Reader) {
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		id := req.FormValue("id")
		if id == "" {
			id = req.URL.RawQuery
		}
		n := rand.IntN(3) * rand.IntN(40_000)
		mode := strings.TrimPrefix(req.URL.Path, "/")
		if mode == "any" {
			mode = chaosModes[rand.IntN(len(chaosModes))]
		}
		evil := plain(marked(id, 20))
		if mode != "early" {
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
		}
		body := marked(id, n)
		out := "HTTP/1.1 200 OK\r\nX-Id: " + id + "\r\n"
		sized := out + fmt.Sprintf("Content-Length: %d\r\n\r\n", n)
		chunks := out + "Transfer-Encoding: chunked\r\n\r\n"
		for rest := body; rest != ""; {
			k := min(len(rest), 1+rand.IntN(9000))
			chunks += fmt.Sprintf("%x\r\n%s\r\n", k, rest[:k])
			rest = rest[k:]
		}
		chunks += "0\r\nX-T: " + id + "\r\n\r\n"
		if req.Method == "HEAD" {
			chunks = out + "Transfer-Encoding: chunked\r\n\r\n"
		} else {
			sized += body
		}
		switch mode {
		case "chunked":
			send(c, chunks)
		case "early", "fine":
			send(c, sized)
		case "half":
			io.WriteString(c, sized[:rand.IntN(len(sized))])
			return
		case "hang":
			io.WriteString(c, sized[:rand.IntN(len(sized))])
			time.Sleep(400 * time.Millisecond) // longer than its timeout
			return
		case "bodyless":
			io.WriteString(c, "HTTP/1.1 204 No\r\nX-Id: "+id+"\r\n\r\n"+evil)
		case "unchanged":
			io.WriteString(c, "HTTP/1.1 304 No\r\nX-Id: "+id+"\r\nContent-Length: 50\r\n\r\n"+evil)
		case "interim":
			io.WriteString(c, "HTTP/1.1 103 H\r\nLink: <"+id+">\r\n\r\nHTTP/1.1 100 C\r\n\r\n")
			send(c, sized)
		case "excess":
			io.WriteString(c, sized+evil)
		case "close":
			io.WriteString(c, sized)
			return
		case "nothing":
			return
		case "busy":
			io.WriteString(c, "HTTP/1.1 503 B\r\nContent-Length: 999\r\n\r\n"+marked(id, 500))
		case "teapot":
			io.WriteString(c, "HTTP/1.1 418 T\r\nContent-Length: 50\r\n\r\n"+marked(id, 50))
		case "inside":
			io.WriteString(c, "HTTP/1.1 200 T\r\nX-Accel-Redirect: /inside\r\n"+
				"Content-Length: 50\r\n\r\n"+marked(id, 40))
		}
	}
}

var chaosModes = []string{"chunked", "early", "fine", "half", "hang", "bodyless", "unchanged",
	"interim", "excess", "close", "nothing", "busy", "teapot", "inside", "fine", "fine", "chunked"}

// send writes s in a few pieces.
func send(c net.Conn, s string) {
	for s != "" {
		n := min(len(s), 1+rand.IntN(30_000))
		io.WriteString(c, s[:n])
		s = s[n:]
		if rand.IntN(4) == 0 {
			runtime.Gosched()
		}
	}
}

// chaosClient sends requests over a connection, and gives it up now and then.
type chaosClient struct {
	t *testing.T
	s *site
	c net.Conn
	r *bufio.Reader
}

func (c *chaosClient) leave() {
	if c.c != nil {
		c.c.Close()
	}
	c.c = nil
}

var ids = regexp.MustCompile(`<(\d+)`)

func (c *chaosClient) request(id int) {
	if c.c == nil {
		c.c = c.s.dial(c.t)
		c.r = bufio.NewReader(c.c)
	}
	c.c.SetDeadline(time.Now().Add(20 * time.Second))
	path := "/any"
	if rand.IntN(4) == 0 {
		own := []string{"early", "sent", "panic", "goexit", "head", "sleep", "closer", "late", "x"}
		path = "/own/" + own[rand.IntN(len(own))]
	}
	method := []string{"GET", "GET", "POST", "PUT", "HEAD"}[rand.IntN(5)]
	head := fmt.Sprintf("%s %s?id=%d HTTP/1.1\r\nHost: a\r\n", method, path, id)
	content := ""
	switch n := rand.IntN(200_000); {
	case method != "POST" && method != "PUT":
		head += "\r\n"
	case rand.IntN(2) == 0:
		head += fmt.Sprintf("Content-Length: %d\r\n\r\n", n)
		content = marked("0", n)
	default:
		head += "Transfer-Encoding: chunked\r\n\r\n"
		content = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, marked("0", n))
		if n == 0 {
			content = "0\r\n\r\n"
		}
	}
	all := head + content
	switch rand.IntN(12) {
	case 0: // leaves within the request
		io.WriteString(c.c, all[:rand.IntN(len(all))])
		c.leave()
		return
	case 1: // leaves at once
		io.WriteString(c.c, all)
		c.leave()
		return
	}
	go func(w net.Conn) { io.WriteString(w, all) }(c.c)
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	for err == nil && resp.StatusCode < 200 {
		resp, err = http.ReadResponse(c.r, &http.Request{Method: method})
	}
	if err != nil {
		c.leave()
		return
	}
	if rand.IntN(12) == 0 {
		io.CopyN(io.Discard, resp.Body, int64(rand.IntN(1000)))
		c.leave()
		return
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	want := strconv.Itoa(id)
	if got := resp.Header.Get("X-Id"); got != "" && got != want {
		c.t.Errorf("%s %s %d is answered %s's head", method, path, id, got)
	}
	if got := resp.Trailer.Get("X-T"); got != "" && got != want {
		c.t.Errorf("%s %s %d is answered %s's trailer", method, path, id, got)
	}
	for _, m := range ids.FindAllStringSubmatch(string(body), -1) {
		if !strings.HasPrefix(want, m[1]) {
			c.t.Errorf("%s %s %d is answered %q", method, path, id, m[0])
			break
		}
	}
	if err != nil || resp.Close || len(content) > 0 {
		c.leave() // content may be on its way
	}
}
