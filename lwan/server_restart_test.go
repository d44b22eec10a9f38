//go:build linux

package lwan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// restartFolder names the folder of a test whose server this process is to be: with the socket "s",
// and a file "mode" that says what is wrong with the next process.
const restartFolder = "LWAN_TEST_RESTART"

// TestRestartServer is no test: the processes that other tests start and restart run it.
func TestRestartServer(t *testing.T) {
	dir := os.Getenv(restartFolder)
	if dir == "" {
		t.Skip("skipped: it is run by other tests")
	}
	mode, err := os.ReadFile(filepath.Join(dir, "mode"))
	if err != nil {
		t.Fatal(err)
	}
	os.Exit(serveRestarts(dir, string(mode)))
}

// serveRestarts prints what becomes of its server. Its log goes the same way.
func serveRestarts(dir, mode string) int {
	srv := &Server{
		Endpoints: []Endpoint{{Addr: "127.0.0.1:0", Protocols: HTTP1 | HTTP2},
			{Addr: "unix:" + filepath.Join(dir, "s"), Mode: 0o600}},
		Log: slog.New(slog.NewTextHandler(os.Stdout, nil)), Loops: 2, RestartTimeout: patience,
	}
	switch mode {
	case "exit":
		return 3
	case "hang":
		fmt.Println("hanging", os.Getpid())
		select {}
	case "mute": // closes the pipe that it was left, and lives on
		_ = syscall.Close(firstInherited + len(srv.Endpoints))
		select {}
	case "module":
		srv.Mount("/",
			Module[int]{Name: "broken", Open: func(*Scope, int) error { return errSecret }}.With(0))
	case "taken":
		srv.Endpoints = append(srv.Endpoints, Endpoint{Addr: os.Getenv("TAKEN")})
	case "impatient":
		// a new process gets as far as it goes in that, on a busy machine too
		srv.RestartTimeout = 4 * time.Second
	case "moved":
		srv.Endpoints = []Endpoint{srv.Endpoints[1],
			{Addr: "127.0.0.1:0", DeferAccept: time.Second}, {Addr: "localhost:0"}}
	case "tls":
		pair := CertPair{Cert: filepath.Join(dir, "site.pem"), Key: filepath.Join(dir, "site.key")}
		certs := &CertFiles{Pairs: []CertPair{pair}}
		srv.Endpoints = []Endpoint{{Addr: os.Getenv("TLS_AT"), Certs: certs}, srv.Endpoints[1]}
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	case "systemd":
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
		srv.Endpoints = []Endpoint{{Addr: "systemd:web"}}
		srv.Loops = 1 // so that one that drains means that nobody accepts
	}
	restartRoutes(srv)
	go func() {
		<-srv.Ready()
		fmt.Println("serving", os.Getpid(), srv.Addrs())
	}()
	err := Run(srv)
	fmt.Println("ended", os.Getpid(), err)
	return 0
}

func restartRoutes(srv *Server) {
	srv.Handle("GET /pid", func(req *Request, resp *Response) Status {
		return resp.Text(200, strconv.Itoa(os.Getpid()))
	})
	srv.Handle("GET /descriptors", func(req *Request, resp *Response) Status {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, strconv.Itoa(len(list)))
	})
	answer := func(req *Request, resp *Response) Status {
		id, err := req.BodyBytes()
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, fmt.Sprintf("%d %s", os.Getpid(), id))
	}
	srv.Handle("POST /echo", answer)
	srv.Handle("POST /slow", func(req *Request, resp *Response) Status {
		if err := req.Sleep(5 * time.Millisecond); err != nil {
			return resp.Fail(err)
		}
		return answer(req, resp)
	})
	srv.Handle("GET /draining", func(req *Request, resp *Response) Status {
		if err := resp.Events().Comment("until then"); err != nil {
			return resp.Fail(err)
		}
		fmt.Println("streaming")
		for range req.Every(time.Hour) {
		}
		fmt.Println("draining")
		return 200
	})
	srv.Handle("GET /wait", func(req *Request, resp *Response) Status {
		fmt.Println("waiting")
		return resp.Fail(req.Sleep(time.Hour))
	})
}

// site is a server that restarts: one process after the other.
type site struct {
	t     testing.TB
	dir   string
	addr  string
	pid   int          // of the process that serves
	lines chan string  // of all; closed when the last process has ended
	alive map[int]bool // those that have not said that they end
	first *exec.Cmd    // the only one that is this process's child
	env   []string     // besides the usual
	files []*os.File   // for the first, from descriptor 3 on

	seen   strings.Builder // every line
	unread []string        // those that nobody has asked for
}

// newSite starts the first process. env is what it has in its environment besides the usual.
func newSite(t testing.TB, mode string, env ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), alive: map[int]bool{}, env: env}
	s.next(mode)
	s.begin()
	return s
}

// next decides what is wrong with the next process.
func (s *site) next(mode string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "mode"), []byte(mode), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) begin() {
	s.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.first = exec.Command(os.Args[0], "-test.run=^TestRestartServer$")
	s.first.Env = append(append(os.Environ(), restartFolder+"="+s.dir), s.env...)
	s.first.Stdout, s.first.Stderr, s.first.ExtraFiles = w, w, s.files
	if err := errors.Join(s.first.Start(), w.Close()); err != nil {
		s.t.Fatal(err)
	}
	s.lines = make(chan string, 1000)
	go passLines(r, s.lines)
	s.t.Cleanup(s.kill)
	s.serving()
}

func passLines(r *os.File, lines chan<- string) {
	defer r.Close()
	defer close(lines)
	for scan := bufio.NewScanner(r); scan.Scan(); {
		lines <- scan.Text()
	}
}

// line waits for a line that contains text. Processes write side by side: lines that came before it
// are kept.
func (s *site) line(text string) string {
	s.t.Helper()
	for i := 0; ; i++ {
		if i == len(s.unread) {
			s.read()
		}
		if line := s.unread[i]; strings.Contains(line, text) {
			s.unread = slices.Delete(s.unread, i, i+1)
			return line
		}
	}
}

// read takes the next line.
func (s *site) read() {
	s.t.Helper()
	select {
	case line, ok := <-s.lines:
		if !ok {
			s.t.Fatalf("all have ended:\n%s", s.seen.String())
		}
		fmt.Fprintln(&s.seen, line)
		s.unread = append(s.unread, line)
		var pid int
		if n, _ := fmt.Sscanf(line, "ended %d", &pid); n == 1 {
			delete(s.alive, pid)
		}
	case <-time.After(patience):
		s.t.Fatalf("nothing more comes:\n%s", s.seen.String())
	}
}

// serving waits until a process serves that has not served before.
func (s *site) serving() {
	s.t.Helper()
	line := s.line("serving ")
	if _, err := fmt.Sscanf(line, "serving %d [%s", &s.pid, &s.addr); err != nil {
		s.t.Fatalf("%s: %v", line, err)
	}
	s.addr = strings.TrimSuffix(s.addr, "]")
	s.alive[s.pid] = true
}

func (s *site) signal(pid int, sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		s.t.Fatal(err)
	}
}

// restart lets a new process take over, and waits for the end of the old one.
func (s *site) restart() {
	s.t.Helper()
	old := s.pid
	s.signal(old, syscall.SIGUSR2)
	s.serving()
	s.line(fmt.Sprintf("ended %d <nil>", old))
}

// end stops the server, and waits until nothing of it is left.
func (s *site) end() {
	s.t.Helper()
	s.signal(s.pid, syscall.SIGTERM)
	s.line(fmt.Sprintf("ended %d <nil>", s.pid))
	s.gone()
}

// gone waits until every process has ended: until nobody is left to write a line.
func (s *site) gone() {
	s.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				return
			}
			fmt.Fprintln(&s.seen, line)
		case <-timeout:
			s.t.Fatalf("a process is left:\n%s", s.seen.String())
		}
	}
}

// kill cleans up, also after a failure: even of a process that has not come to serve.
func (s *site) kill() {
	_ = s.first.Process.Kill() // as below
	for pid := range s.alive {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it fails for one that has ended just now
	}
	_ = s.first.Wait() // a test that cares looks at what the process has said
}

// get asks on a connection of its own.
func (s *site) get(path string) string {
	s.t.Helper()
	a := once(s.t, s.addr, "GET", get1(path))
	if a.status != 200 {
		s.t.Fatalf("%s: %v", path, a)
	}
	return a.body
}

func (s *site) wantPid(want int) {
	s.t.Helper()
	if got := s.get("/pid"); got != strconv.Itoa(want) {
		s.t.Errorf("process %s answers, want %d", got, want)
	}
}

// TestRestart: a new process serves at the same addresses, and the old one ends.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	socket := filepath.Join(s.dir, "s")
	before, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	idle := dial(t, s.addr)
	idle.open("/pid")
	addr, old := s.addr, s.pid
	s.signal(old, syscall.SIGUSR2)
	s.serving()
	if s.addr != addr || s.pid == old {
		t.Errorf("process %d at %s; it was %d at %s", s.pid, s.addr, old, addr)
	}
	s.line("a new process serves")
	s.settlePid() // both accept for a moment, and the old one's loops learn of it one by one
	for said := false; !said; {
		idle.send(get1("/pid"))
		said = idle.want("GET", 200, strconv.Itoa(old)).close
	}
	s.line(fmt.Sprintf("ended %d <nil>", old))
	after, err := os.Stat(socket)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the socket's file is another one: %v", err)
	}
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	newClient(t, c).open("/pid")
	s.end()
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// settlePid waits until nobody but the new process accepts.
func (s *site) settlePid() {
	s.t.Helper()
	settled(s.t, "process", int64(s.pid), func() int64 {
		n, err := strconv.ParseInt(s.get("/pid"), 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		return n
	})
}

// TestRestartMoves: the new process listens where its own endpoints say. It takes what it needs of
// what it is left.
func TestRestartMoves(t *testing.T) {
	s := newSite(t, "")
	old := s.addr
	s.next("moved")
	s.signal(s.pid, syscall.SIGUSR2)
	line := s.line("serving ")
	first := s.pid
	var socket, kept, added string
	_, err := fmt.Sscanf(line, "serving %d [%s %s %s", &s.pid, &socket, &kept, &added)
	if err != nil {
		t.Fatal(line, err)
	}
	s.alive[s.pid] = true
	s.line(fmt.Sprintf("ended %d <nil>", first))
	if kept != old {
		t.Errorf("%s has become %s", old, kept)
	}
	s.addr = strings.TrimSuffix(added, "]")
	s.wantPid(s.pid)
	s.next("")
	s.restart() // which leaves the added one to nobody
	_, err = dialServer("tcp", strings.TrimSuffix(added, "]"))
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("an address that nobody wants: %v", err)
	}
	if s.addr != old {
		t.Errorf("%s has become %s", old, s.addr)
	}
	s.wantPid(s.pid)
	s.end()
}

// TestRestartRefused: what cannot be restarted says so.
func TestRestartRefused(t *testing.T) {
	if err := new(Server).Restart(t.Context()); !errors.Is(err, errNotServing) {
		t.Errorf("before the start: %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &Server{Log: slog.New(slog.DiscardHandler)}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	received(t, srv.Ready())
	err = srv.Restart(t.Context())
	if !errors.Is(err, errOwnListener) || !strings.Contains(err.Error(), "endpoint 0") {
		t.Errorf("with a listener of its own: %v", err)
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := srv.Restart(t.Context()); !errors.Is(err, errNotServing) {
		t.Errorf("after the end: %v", err)
	}
	if err := received(t, ended); err != nil {
		t.Error(err)
	}
}
