package natsbroker

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/golwan/golwan/lwan"
)

// Environment of the processes that a test starts: what they are to be.
const (
	asNATS   = "GOLWAN_TEST_NATS"   // NATS: folder and port
	asServer = "GOLWAN_TEST_SERVER" // a server with topics: the address of NATS
)

func TestMain(m *testing.M) {
	dir, port, isNATS := strings.Cut(os.Getenv(asNATS), " ")
	url, isServer := os.LookupEnv(asServer)
	switch {
	case isNATS:
		os.Exit(beNATS(dir, port))
	case isServer:
		os.Exit(beServer(url))
	}
	os.Exit(m.Run())
}

func beNATS(dir, port string) int {
	n, err := strconv.Atoi(port)
	if err == nil {
		s, e := startNATS(dir, n)
		if err = e; err == nil {
			fmt.Println("at", s.Addr())
			s.WaitForShutdown()
			return 0
		}
	}
	fmt.Println(err)
	return 1
}

// beServer is one of several golwan processes with the same topics.
func beServer(url string) int {
	fail := func(err error) int {
		fmt.Println(err)
		return 1
	}
	conn, err := Connect(url, nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		return fail(err)
	}
	b, err := New(context.Background(), Config{Conn: conn})
	if err != nil {
		return fail(err)
	}
	topics := &lwan.Topics{Broker: b, New: func(string) *lwan.Topic {
		return &lwan.Topic{Replay: 1000, Retry: -1}
	}}
	srv := &lwan.Server{Addr: "127.0.0.1:0"}
	srv.Handle("GET /events", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return topics.Get("x").Subscribe(resp, lwan.Subscription{Gap: []lwan.Event{{Data: "gap"}}})
	}, lwan.Blocking)
	srv.Handle("POST /{n}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if _, err := topics.Get("x").Send(lwan.Event{Data: req.Param("n")}); err != nil {
			return resp.Fail(&lwan.Error{Status: 503, Err: err})
		}
		return 204
	}, lwan.Blocking)
	go func() {
		<-srv.Ready()
		fmt.Println("at", srv.Addrs()[0])
	}()
	if err := lwan.Run(srv); err != nil {
		return fail(err)
	}
	return 0
}

// process is one that a test has started, and its address.
type process struct {
	cmd  *exec.Cmd
	addr string
}

func start(t *testing.T, env string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), env), os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd}
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, e := fmt.Sscanf(line, "at %s", &p.addr); err != nil || e != nil {
		t.Fatalf("%s: %q, %v", env, line, err)
	}
	return p
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it fails for one that has ended
	_ = p.cmd.Wait()
}

// fleet is the servers by where they are.
type fleet struct {
	mu   sync.Mutex
	list []*process
	n    int
}

func (f *fleet) any() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	return f.list[f.n%len(f.list)].addr
}

func (f *fleet) replace(i int, p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list[i] = p
}

// subscriber is a browser: it comes back, to any server, with the last ID that it has got.
type subscriber struct {
	last   int64 // event
	id     string
	gap    bool // before the next event
	gaps   int
	conns  int
	wrong  string
	newest atomic.Int64
}

// run reads until it is stopped. acked says which events are certainly in the stream.
func (s *subscriber) run(f *fleet, stop <-chan struct{}, acked func(n int64) bool) {
	s.last = -1
	for {
		conn, err := net.Dial("tcp", f.any())
		if err == nil {
			s.conns++
			ended := make(chan struct{})
			go func() {
				select {
				case <-stop:
				case <-ended:
				}
				conn.Close()
			}()
			s.read(conn, acked)
			close(ended)
		}
		select {
		case <-stop:
			return
		case <-time.After(10 * time.Millisecond): // before it comes back
		}
	}
}

func (s *subscriber) read(conn net.Conn, acked func(n int64) bool) {
	_, err := fmt.Fprintf(conn,
		"GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: %s\r\n\r\n", s.id)
	if err != nil {
		return
	}
	id, data, fired := s.id, "", false
	for in := bufio.NewReaderSize(conn, 512); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "id: "):
			id = line[len("id: "):]
		case strings.HasPrefix(line, "data: "):
			data, fired = line[len("data: "):], true
		case line == "" && fired:
			s.event(data, acked)
			fired = false
			s.id = id
		case line == "":
			s.id = id
		}
	}
}

// event checks that each comes once, in order, and that none is missing without a gap.
func (s *subscriber) event(data string, acked func(n int64) bool) {
	if data == "gap" {
		s.gap = true
		s.gaps++
		return
	}
	n, err := strconv.ParseInt(data, 10, 64)
	if err != nil || n <= s.last {
		s.wrong = fmt.Sprintf("%q comes behind %d", data, s.last)
		return
	}
	for i := s.last + 1; i < n && !s.gap && s.last >= 0; i++ {
		if acked(i) {
			s.wrong = fmt.Sprintf("%d comes behind %d, without a gap", n, s.last)
		}
	}
	s.last, s.gap = n, false
	s.newest.Store(n)
}

// load publishes numbers, one after the other, whatever happens meanwhile.
type load struct {
	fleet        *fleet
	certain      sync.Map // those that were published without an error
	done, failed atomic.Int64
	last         atomic.Int64 // the newest that is certain
}

func (l *load) acked(n int64) bool {
	_, ok := l.certain.Load(n)
	return ok
}

func (l *load) run(stop <-chan struct{}) {
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	for n := int64(0); ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond): // the load
		}
		url := "http://" + l.fleet.any() + "/" + strconv.FormatInt(n, 10)
		resp, err := client.Post(url, "", nil)
		ok := err == nil && resp.StatusCode == 204
		if err == nil {
			resp.Body.Close()
		}
		if !ok {
			l.failed.Add(1)
			continue
		}
		l.certain.Store(n, true)
		l.last.Store(n)
		l.done.Add(1)
	}
}

// TestProcesses: three golwan processes with 1,000 subscribers each; one of them, and then NATS, is
// killed and started anew under load. Every subscriber gets every event once, in order, or a Gap.
func TestProcesses(t *testing.T) {
	subscribers, events := 3000, int64(100)
	if testing.Short() {
		subscribers, events = 150, 50
	}
	dir := t.TempDir()
	nat := start(t, asNATS+"="+dir+" -1")
	_, port, _ := net.SplitHostPort(nat.addr)
	server := func() *process { return start(t, asServer+"=nats://"+nat.addr) }
	f := &fleet{list: []*process{server(), server(), server()}}

	load := &load{fleet: f}
	stop, over := make(chan struct{}), make(chan struct{})
	all := make([]*subscriber, subscribers)
	var wg sync.WaitGroup
	for i := range all {
		all[i] = new(subscriber)
		wg.Go(func() { all[i].run(f, over, load.acked) })
	}
	wg.Go(func() { load.run(stop) })
	more := func() {
		t.Helper()
		until := load.done.Load() + events
		wait(t, "more events", func() bool { return load.done.Load() >= until })
	}
	more()
	f.list[0].kill()
	more()
	f.replace(0, server())
	more()
	nat.kill()
	failed := load.failed.Load()
	wait(t, "an error", func() bool { return load.failed.Load() > failed })
	nat = start(t, asNATS+"="+dir+" "+port)
	more()
	close(stop)
	wait(t, "the last event, to all", func() bool {
		last := load.last.Load()
		return !slices.ContainsFunc(all, func(s *subscriber) bool { return s.newest.Load() < last })
	})
	close(over)
	wg.Wait()
	gaps, conns := 0, 0
	for i, s := range all {
		if s.wrong != "" {
			t.Errorf("subscriber %d: %s", i, s.wrong)
		}
		gaps, conns = gaps+s.gaps, conns+s.conns
	}
	t.Logf("%d subscribers, %d events, %d that failed, %d connections, %d gaps",
		subscribers, load.done.Load(), load.failed.Load(), conns, gaps)
}
