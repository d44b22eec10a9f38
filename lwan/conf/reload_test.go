//go:build linux

package conf

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// reloadable is a server whose configuration is a file, with handlers that go on for as long as the
// client likes.
type reloadable struct {
	*lwantest.Server
	srv  *Server
	file string
	addr string
}

func startReloadable(t *testing.T, text string) *reloadable {
	t.Helper()
	r := &reloadable{file: filepath.Join(t.TempDir(), "x.conf")}
	r.write(t, text)
	reg := Standard()
	reg.Handlers["ticks"] = func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		ev := resp.Events()
		for range req.Every(20 * time.Millisecond) {
			if err := ev.Send(lwan.Event{Data: "tick"}); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	}
	reg.Handlers["slow"] = func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		for range 20 {
			resp.WriteString("0123456789")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			if err := req.Sleep(20 * time.Millisecond); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	}
	reg.Handlers["echo"] = func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		ws, err := resp.WebSocket(nil)
		for err == nil {
			var kind lwan.MessageKind
			var msg []byte
			if kind, msg, err = ws.Receive(); err == nil {
				err = ws.Send(kind, msg)
			}
		}
		return resp.Fail(err)
	}
	c, err := Load(r.file, reg, Options{Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if r.srv, err = c.Server(); err != nil {
		t.Fatal(err)
	}
	r.Server = lwantest.Start(t, r.srv.Server)
	r.addr = r.srv.Addrs()[0].String()
	return r
}

func (r *reloadable) write(t testing.TB, text string) {
	t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *reloadable) reload(t testing.TB, text string) error {
	t.Helper()
	r.write(t, text)
	return r.srv.Reload(context.Background())
}

func (r *reloadable) get(t testing.TB, path string) (int, string) {
	t.Helper()
	answer, err := http.Get("http://" + r.addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, string(body)
}

const reloadHead = "listener 127.0.0.1:0\ndrain_timeout = 0\n"

// TestReload: what a new configuration says counts for requests from then on; one with mistakes, or
// that wants what a process cannot change, changes nothing, and all is said.
func TestReload(t *testing.T) {
	dir := tree(t)
	site := func(body string) string {
		return reloadHead + "headers { X-Is = " + body + "\n}\nsite {\n" +
			" limit_requests { rate = 1/h\nburst = 4\n}\n" +
			" response /r { code = 200\n body = " + body + "\n}\n" +
			" serve_files / { path = " + dir + "\n}\n}\n"
	}
	r := startReloadable(t, site("one"))
	check := func(want string) {
		t.Helper()
		if st, body := r.get(t, "/r"); st != 200 || body != want {
			t.Errorf("%d %q, want %q", st, body, want)
		}
	}
	check("one")
	if err := r.reload(t, site("two")); err != nil {
		t.Fatal(err)
	}
	check("two")
	for text, wants := range map[string][]string{
		site("three") + "nonsense = 1\nlimits { timeout = x\n}\n": {"nonsense", "timeout"},
		strings.Replace(site("four"), dir, "/none", 1):            {"x.conf:", "/none"},
		site("five") + "threads = 3\nlistener :1\nlog x\n": {"threads", "listener :1 (it is new)",
			"log", "-s upgrade"},
		"listener 127.0.0.1:0 { fast_open = 3\n}\n": {"fast_open", "drain_timeout"},
		"include none.conf\n":                       {"none.conf"},
	} {
		err := r.reload(t, text)
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s\n%v, want %s", text, err, want)
			}
		}
	}
	check("two")
	// the filter is the same one all the time: this is the last that it lets pass
	if err := r.reload(t, site("six")); err != nil {
		t.Fatal(err)
	}
	check("six")
	check("six")
	if st, _ := r.get(t, "/r"); st != 429 {
		t.Errorf("the limit has forgotten what it has counted: %d", st)
	}
	if err := os.Remove(r.file); err != nil {
		t.Fatal(err)
	}
	if r.srv.Reload(context.Background()) == nil {
		t.Error("a file that is not there was read")
	}
}

// TestReloadUnderLoad: 100 reloads, every fifth bad, while clients ask, stream, listen to events
// and talk over WebSockets: nothing fails, nothing is closed, nothing is left behind.
func TestReloadUnderLoad(t *testing.T) {
	dir := tree(t)
	text := func(n int) string {
		return reloadHead + fmt.Sprintf("access_log %s/log\nsite {\n response /r { code = 200\n "+
			"body = %d\n}\n serve_files / { path = %s\n}\n &ticks /ticks\n &slow /slow\n "+
			"&echo /echo\n limits { timeout = %ds\n}\n}\n", dir, n, dir, n+10)
	}
	r := startReloadable(t, text(0))
	over := make(chan struct{})
	var clients sync.WaitGroup
	var asked, ticked, echoed, streamed atomic.Int64
	run := func(client func(done func() bool)) {
		clients.Go(func() {
			client(func() bool {
				select {
				case <-over:
					return true
				default:
					return false
				}
			})
		})
	}
	for range 3 {
		run(func(done func() bool) { keepAlive(t, r.addr, done, &asked) })
	}
	for range 2 {
		run(func(done func() bool) { listenToTicks(t, r.addr, done, &ticked) })
		run(func(done func() bool) { talk(t, r.addr, done, &echoed) })
		run(func(done func() bool) {
			for !done() {
				if _, body := r.get(t, "/slow"); len(body) != 200 {
					t.Errorf("a stream has %d bytes", len(body))
				}
				streamed.Add(1)
			}
		})
	}
	for n := 1; n <= 100; n++ {
		bad := n%5 == 0
		next := text(n)
		if bad {
			next += "nonsense\n"
		}
		before := asked.Load() + ticked.Load()
		if err := r.reload(t, next); (err != nil) != bad {
			t.Errorf("reload %d: %v", n, err)
		}
		for asked.Load()+ticked.Load() == before { // at least one comes in between
			time.Sleep(time.Millisecond) // between two looks
		}
	}
	if _, body := r.get(t, "/r"); body != "99" {
		t.Errorf("the last good one says 99, and the server %s", body)
	}
	close(over)
	clients.Wait()
	t.Logf("%d requests, %d events, %d messages, %d streams", asked.Load(), ticked.Load(),
		echoed.Load(), streamed.Load())
	for name, n := range map[string]int64{"requests": asked.Load(), "events": ticked.Load(),
		"messages": echoed.Load(), "streams": streamed.Load()} {
		if n == 0 {
			t.Errorf("there were no %s", name)
		}
	}
}

// keepAlive asks on one connection for all of the time.
func keepAlive(t *testing.T, addr string, done func() bool, count *atomic.Int64) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for last := -1; !done(); {
		fmt.Fprint(c, "GET /r HTTP/1.1\r\nHost: x\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
		for i := range 2 {
			answer, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Error(err)
				return
			}
			body, err := io.ReadAll(answer.Body)
			n := 0
			if i == 0 {
				_, err = fmt.Sscan(string(body), &n)
			}
			if err != nil || answer.StatusCode != 200 || i == 0 && n < last ||
				i == 1 && string(body) != "text" {
				t.Errorf("%d %q after %d, %v", answer.StatusCode, body, last, err)
				return
			}
			last = max(last, n)
			count.Add(1)
		}
	}
}

// listenToTicks listens to one stream of events for all of the time.
func listenToTicks(t *testing.T, addr string, done func() bool, count *atomic.Int64) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/ticks", nil)
	if err != nil {
		t.Error(err)
		return
	}
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(ask)
	if err != nil {
		t.Error(err)
		return
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for !done() {
		if !lines.Scan() {
			t.Errorf("a stream of events has ended: %v", lines.Err())
			return
		}
		count.Add(1)
	}
}

// talk says something on one WebSocket for all of the time, and hears it.
func talk(t *testing.T, addr string, done func() bool, count *atomic.Int64) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	fmt.Fprint(c, "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	in := bufio.NewReader(c)
	if answer, err := http.ReadResponse(in, nil); err != nil || answer.StatusCode != 101 {
		t.Error(answer, err)
		return
	}
	message := []byte{0x81, 0x82, 0, 0, 0, 0, 'h', 'i'} // masked with zeros
	echo := make([]byte, 4)
	for !done() {
		if _, err := c.Write(message); err != nil {
			t.Error(err)
			return
		}
		if _, err := io.ReadFull(in, echo); err != nil || string(echo) != "\x81\x02hi" {
			t.Errorf("%q, %v", echo, err)
			return
		}
		count.Add(1)
	}
}
