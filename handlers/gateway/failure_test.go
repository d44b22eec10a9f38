package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

// refusing is an address at which nobody listens.
func refusing(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// many sends n requests, so many at a time, and counts the answers by status.
func (s *site) many(t testing.TB, n, atATime int, method, target string) map[int]int {
	t.Helper()
	var mu sync.Mutex
	count := map[int]int{}
	var left atomic.Int64
	left.Store(int64(n))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atATime}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	for range atATime {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				r, _ := http.NewRequest(method, s.URL+target, nil)
				status := 0
				if resp, err := client.Do(r); err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if status = resp.StatusCode; err != nil {
						status = -status
					}
				}
				mu.Lock()
				count[status]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return count
}

func TestRefused(t *testing.T) {
	b := answering(t, func(*http.Request, string) string { return plain("ok") })
	g := groupOf(b)
	g.Backends = append(g.Backends, Backend{Address: refusing(t)})
	g.Rest = time.Hour
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	for _, method := range []string{"GET", "POST"} { // nothing was sent: POST as well
		if got := s.many(t, 64, 16, method, "/"); got[200] != 64 {
			t.Errorf("%s: %v", method, got)
		}
	}
	st := g.Stats()
	if st[1].State != Resting || st[1].Failed == 0 || st[1].Retried != st[1].Failed {
		t.Errorf("%+v", st[1])
	}
	if l := s.log.take(); len(l) > 0 {
		t.Errorf("logged: %q", l)
	}
}

// TestAlone: one that is alone never rests.
func TestAlone(t *testing.T) {
	g := &Group{Backends: []Backend{{Address: refusing(t)}}}
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	if got := s.many(t, 20, 4, "GET", "/"); got[502] != 20 {
		t.Errorf("%v", got)
	}
	if st := g.Stats()[0]; st.State != Up || st.Failed != 20 {
		t.Errorf("%+v", st)
	}
	var l []string
	until(t, "20 lines", func() bool { l = append(l, s.log.take()...); return len(l) == 20 })
	if !strings.Contains(l[0], g.Backends[0].Address) {
		t.Errorf("logged: %q", l)
	}
}

// TestAllDown: 503 with Retry-After, and few attempts.
func TestAllDown(t *testing.T) {
	g := &Group{Backends: []Backend{{Address: refusing(t)}, {Address: refusing(t)}},
		Rest: 5 * time.Second}
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	s.many(t, 5, 1, "GET", "/")
	for range 20 {
		resp, err := s.Client.Get(s.URL + "/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if after := resp.Header.Get("Retry-After"); resp.StatusCode != 503 || after < "1" ||
			after > "5" {
			t.Errorf("%d, Retry-After %q", resp.StatusCode, after)
		}
	}
	for _, st := range g.Stats() {
		if st.Failed != 1 || st.State != Resting {
			t.Errorf("%+v", st)
		}
	}
}

// TestBack: a member that failed is tried again, by one request, and is used then.
func TestBack(t *testing.T) {
	var well atomic.Bool
	b1 := answering(t, func(*http.Request, string) string {
		if well.Load() {
			return plain("one")
		}
		return "nonsense\r\n\r\n"
	})
	b2 := answering(t, func(*http.Request, string) string { return plain("two") })
	g := groupOf(b1, b2)
	g.Rest = time.Millisecond
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	s.many(t, 20, 1, "GET", "/")
	if g.Stats()[0].Failed == 0 {
		t.Fatal("it has not failed")
	}
	well.Store(true)
	until(t, "it is up again", func() bool {
		s.get(t, "/")
		return g.Stats()[0].State == Up
	})
}

// TestNextOnStatus: answers that are not wanted are tried elsewhere, and passed on where there is
// nobody else.
func TestNextOnStatus(t *testing.T) {
	bad := "HTTP/1.1 503 No\r\nContent-Length: 2\r\nX-From: bad\r\n\r\nno"
	b1 := answering(t, func(*http.Request, string) string { return bad })
	b2 := answering(t, func(r *http.Request, body string) string { return plain("ok" + body) })
	g := groupOf(b1, b2)
	g.Retry = Retry{On: []lwan.Status{503}}
	g.MaxFails, g.Balance = -1, RoundRobin
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	for range 4 {
		if status, body, _ := s.do(t, "PUT", "/", strings.NewReader("body")); status != 200 ||
			body != "okbody" {
			t.Errorf("%d %q", status, body)
		}
	}
	posts := map[int]int{}
	for range 4 {
		status, _, _ := s.do(t, "POST", "/", strings.NewReader("body"))
		posts[status]++
	}
	if posts[200] != 2 || posts[503] != 2 {
		t.Errorf("POST is sent once only: %v", posts)
	}
	if err := g.SetDown(b2.address, true); err != nil {
		t.Fatal(err)
	}
	if status, body, _ := s.get(t, "/"); status != 503 || body != "no" {
		t.Errorf("alone: %d %q", status, body)
	}
	if err := g.SetDown("nobody", true); err == nil {
		t.Error("a backend that is none was taken out")
	}
}

// TestClosingRace is about backends that close kept connections right after an answer, when the
// next request may be on its way: nothing of it is to be seen.
func TestClosingRace(t *testing.T) {
	var posts sync.Map
	var twice atomic.Int64
	b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
		for n := range 4 {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if id := req.URL.RawQuery; req.Method == "POST" {
				if _, again := posts.LoadOrStore(id, true); again {
					twice.Add(1)
				}
			}
			if n == 3 {
				time.Sleep(time.Microsecond * time.Duration(len(req.URL.RawQuery)%4*50)) // the race
			}
			io.WriteString(c, plain("ok"))
		}
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}})
	n := 5000
	if all := os.Getenv("GOLWAN_TEST_CLOSING"); all != "" {
		n, _ = strconv.Atoi(all)
	} else if testing.Short() || underRace {
		n = 1000
	}
	if got := s.many(t, n, 16, "GET", "/?id"); got[200] != n {
		t.Errorf("GET: %v", got)
	}
	failed := 0
	for i := range n / 10 {
		if status, _, _ := s.do(t, "POST", fmt.Sprintf("/?%d", i), nil); status != 200 {
			failed++
		}
	}
	if twice.Load() > 0 {
		t.Errorf("%d POSTs came twice", twice.Load())
	}
	t.Logf("%d of %d POSTs failed: %+v", failed, n/10, s.group.Stats()[0])
	// one that meets the end of a connection tells of others: the first in a while may fail
	if failed > n/1000 {
		t.Errorf("%d of %d POSTs failed", failed, n/10)
	}
}

// TestMaxConns: never more at a time than may be, others wait, and those who would wait too long
// get 503.
func TestMaxConns(t *testing.T) {
	var now, most atomic.Int64
	release := make(chan struct{})
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if r.URL.Path == "/hold" {
			<-release
		}
	})
	g := b.group()
	g.Backends[0].MaxConns = 3
	g.Queue = Queue{Max: 4, Wait: time.Minute}
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	done := make(chan map[int]int, 1)
	go func() { done <- s.many(t, 3, 3, "GET", "/hold") }()
	until(t, "all places are taken", func() bool { return now.Load() == 3 })
	waited := make(chan map[int]int, 1)
	go func() { waited <- s.many(t, 4, 4, "GET", "/") }()
	until(t, "the queue is full", func() bool { return g.Waiting() == 4 })
	if status, _, _ := s.get(t, "/"); status != 503 {
		t.Errorf("beyond the queue: %d", status)
	}
	close(release)
	if got := <-done; got[200] != 3 {
		t.Errorf("%v", got)
	}
	if got := <-waited; got[200] != 4 {
		t.Errorf("who has waited: %v", got)
	}
	if most.Load() > 3 {
		t.Errorf("%d at a time", most.Load())
	}
	if got := s.many(t, 500, 7, "GET", "/"); got[200] != 500 || most.Load() > 3 {
		t.Errorf("%v, %d at a time", got, most.Load())
	}
}

// TestQueueLeft: who leaves gives its place in the queue to others, and who waits too long gets
// 503.
func TestQueueLeft(t *testing.T) {
	release := make(chan struct{})
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	g := b.group()
	g.Backends[0].MaxConns = 1
	g.Queue.Wait = 200 * time.Millisecond
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	held := make(chan map[int]int, 1)
	go func() { held <- s.many(t, 1, 1, "GET", "/") }()
	until(t, "the place is taken", func() bool { return g.Stats()[0].Active == 1 })
	ctx, leave := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/", nil)
	gone := make(chan error, 1)
	go func() {
		resp, err := s.Client.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		gone <- err
	}()
	until(t, "somebody waits", func() bool { return g.Waiting() == 1 })
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	until(t, "nobody waits", func() bool { return g.Waiting() == 0 })
	if status, _, _ := s.get(t, "/"); status != 503 {
		t.Errorf("who has waited too long: %d", status)
	}
	close(release)
	<-held
	if status, _, _ := s.get(t, "/"); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}

// TestSlowBackend: 504, and where that is wanted, another try elsewhere.
func TestSlowBackend(t *testing.T) {
	slow := newBackend(t, func(c net.Conn, r *bufio.Reader) { io.Copy(io.Discard, r) })
	fast := answering(t, func(*http.Request, string) string { return plain("ok") })
	times := Timeouts{Head: 100 * time.Millisecond}
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(slow), Timeouts: times}})
	if status, _, _ := s.get(t, "/"); status != 504 {
		t.Errorf("%d", status)
	}
	if st := s.group.Stats()[0]; st.TimedOut != 1 || st.Failed != 1 {
		t.Errorf("%+v", st)
	}
	until(t, "its connection is closed", func() bool { return slow.connections() == 0 })
	g := groupOf(slow, fast)
	g.Retry.Timeouts = true
	g.Rest = time.Hour
	s = serveProxy(t, ProxyConfig{Common: Common{To: g, Timeouts: times}})
	if got := s.many(t, 20, 2, "GET", "/"); got[200] != 20 {
		t.Errorf("with another one: %v", got)
	}
	if st := g.Stats()[0]; st.State != Resting {
		t.Errorf("%+v", st)
	}
}

// TestStalledUpload: a backend that takes nothing of a body is given up, and one that takes it
// slowly is not.
func TestStalledUpload(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if req.URL.Path == "/stalled" {
			<-done
			return
		}
		n, err := io.Copy(io.Discard, req.Body)
		io.WriteString(c, plain(fmt.Sprint(n, err)))
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b), Timeouts: Timeouts{
		Send: 300 * time.Millisecond,
	}}}, func(srv *lwan.Server) { srv.Limits.Body = 1 << 30 })
	in, out := io.Pipe()
	go func() {
		for range 10 { // longer than Send in all
			io.WriteString(out, "x")
			time.Sleep(50 * time.Millisecond) // what a slow client is
		}
		out.Close()
	}()
	if status, body, _ := s.do(t, "POST", "/slow", in); status != 200 || body != "10 <nil>" {
		t.Errorf("a slow client: %d %q", status, body)
	}
	c := s.dial(t)
	defer c.Close()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	go func() {
		io.WriteString(c, "POST /stalled HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n")
		io.Copy(c, io.LimitReader(zeros{}, 1<<30)) // it ends with the connection
	}()
	if line, err := bufio.NewReader(c).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 504 ") {
		t.Errorf("a stalled backend: %q %v", line, err)
	}
}

// TestKilled: one of three members dies under load, and comes back.
func TestKilled(t *testing.T) {
	ok := func(*http.Request, string) string { return plain("ok") }
	bs := []*backend{answering(t, ok), answering(t, ok), answering(t, ok)}
	g := groupOf(bs...)
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	done := make(chan map[int]int, 1)
	go func() { done <- s.many(t, 3000, 8, "GET", "/") }()
	until(t, "there is load", func() bool { return g.Stats()[0].Requests > 100 })
	bs[0].stop()
	got := <-done
	// those that it had and had not answered, on new connections, are lost with it
	if got[200] < 3000-8 {
		t.Errorf("%v", got)
	}
	if st := g.Stats()[0]; st.State != Resting && st.State != Trial {
		t.Errorf("%+v", st)
	}
}

// TestHealthyRoute: while backends hang and refuse, other requests on the same loop are answered.
func TestHealthyRoute(t *testing.T) {
	hung := newBackend(t, func(c net.Conn, r *bufio.Reader) { io.Copy(io.Discard, r) })
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(hung), Timeouts: Timeouts{
		Head: 2 * time.Second,
	}}}, func(srv *lwan.Server) {
		srv.Handle("GET /healthy", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(200, "fine")
		})
	})
	done := make(chan map[int]int, 1)
	go func() { done <- s.many(t, 64, 64, "GET", "/") }()
	until(t, "all hang", func() bool { return s.group.Stats()[0].Active == 64 })
	for range 200 {
		if status, body, _ := s.get(t, "/healthy"); status != 200 || body != "fine" {
			t.Fatalf("%d %q", status, body)
		}
	}
	if s.group.Stats()[0].Active != 64 {
		t.Error("healthy requests have waited for those that hang")
	}
	if got := <-done; got[504] != 64 {
		t.Errorf("%v", got)
	}
}
