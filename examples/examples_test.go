package examples_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// use is what a client does with each example while it runs.
var use = map[string]func(*testing.T, *site){
	"hello":   useHello,
	"echo":    useEcho,
	"routes":  useRoutes,
	"waiting": useWaiting,
}

// TestExamples builds every example, runs it on a free port, uses it, and ends it with SIGTERM.
func TestExamples(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: there is no SIGTERM")
	}
	bin := build(t)
	for _, name := range names(t) {
		t.Run(name, func(t *testing.T) {
			if use[name] == nil {
				t.Fatal("the example is not used by a client in this test")
			}
			use[name](t, run(t, filepath.Join(bin, name), "127.0.0.1:0"))
		})
	}
}

// names is the folders with an example. Each is read, so that a kept result of the test is not good for another text.
func names(t *testing.T) (all []string) {
	t.Helper()
	programs, err := filepath.Glob("*/main.go")
	if err != nil || len(programs) == 0 {
		t.Fatal("no examples: ", err)
	}
	for _, p := range programs {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n >= 80 {
			t.Errorf("%s has %d lines: an example is less than 80 long", p, n)
		}
		all = append(all, filepath.Dir(p))
	}
	return all
}

// build puts the examples' programs into a folder.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return dir
}

// site is an example that runs.
type site struct {
	lines []string // what it printed when it was ready
	addr  string   // host:port or the path of a socket
	cmd   *exec.Cmd
	log   bytes.Buffer
	ended bool
}

// run starts a program and waits until it is ready. It is ended with the test.
func run(t *testing.T, program, addr string) *site {
	t.Helper()
	s := &site{cmd: exec.Command(program, "-addr", addr, "-loops", "2")}
	s.cmd.Stderr = &s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.end(t) })
	text := make([]byte, 4096) // one write, so one read
	n, err := stdout.Read(text)
	if err != nil {
		t.Fatal("the program printed no address: ", err)
	}
	s.lines = strings.Split(strings.TrimSpace(string(text[:n])), "\n")
	s.addr = strings.TrimSuffix(strings.TrimPrefix(s.lines[0], "listening on "), "; try:")
	return s
}

// end sends SIGTERM: the program must go away with code 0 and have nothing to complain about.
func (s *site) end(t *testing.T) {
	t.Helper()
	if s.ended {
		return
	}
	s.ended = true
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := s.cmd.Wait(); err != nil || s.log.Len() > 0 {
		t.Errorf("after SIGTERM: %v, stderr: %s", err, &s.log)
	}
}

// client talks to the site, whatever the URL says.
func (s *site) client(t *testing.T) *http.Client {
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return s.dial() }}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func (s *site) dial() (net.Conn, error) {
	if strings.HasPrefix(s.addr, "/") {
		return net.Dial("unix", s.addr)
	}
	return net.Dial("tcp", s.addr)
}
