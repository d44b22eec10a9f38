package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// use is what a client does with an example while it runs. Examples that are not listed have tests
// of their own beside them.
var use = map[string]func(*testing.T, *site){
	"hello":   useHello,
	"https":   useHTTPS,
	"echo":    useEcho,
	"routes":  useRoutes,
	"waiting": useWaiting,
	"events":  useEvents,
	"chat":    useChat,
	"upload":  useUpload,
	"await":   useAwait,
	"nethttp": useNetHTTP,
	"module":  useModule,

	"websocket": useWebSocket,
	"proxy":     useProxy,
	"fastcgi":   useFastCGI,
	"redis":     useRedis,
}

// flags are what an example is started with besides: so that its client need not wait for long, and
// for a second address.
var flags = map[string][]string{"events": {"-every", "50ms"}, "https": {"-http", "127.0.0.1:0"}}

// TestExamples builds every example, runs it on a free port, uses it, and ends it with SIGTERM.
func TestExamples(t *testing.T) {
	bin := build(t)
	for _, name := range names(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each is a process
			s := run(t, filepath.Join(bin, name), "127.0.0.1:0", flags[name]...)
			if use[name] != nil {
				use[name](t, s)
			} else if own, err := filepath.Glob(name + "/*_test.go"); err != nil || len(own) == 0 {
				t.Error("no client uses the example: neither in a test beside it nor in this one")
			}
		})
	}
}

// names is the folders with an example. Every file is read, so that a kept result of the test is
// not good for others.
func names(t *testing.T) (all []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if _, e := os.Stat(filepath.Join(file, "go.mod")); err == nil && e == nil {
				return fs.SkipDir // a module of its own, with tests of its own
			}
			return err
		}
		text, err := os.ReadFile(file)
		if filepath.Base(file) == "main.go" {
			all = append(all, filepath.Dir(file))
			if n := bytes.Count(text, []byte("\n")); n >= 80 {
				t.Errorf("%s has %d lines: an example is less than 80 long", file, n)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// programs is the folder of the examples' programs, built for the first test that asks.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "golwan-examples")
	if err != nil {
		return "", err
	}
	programsDir = dir
	// Without what debuggers want they are linked in two thirds of the time.
	out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir+string(filepath.Separator),
		"./...").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, err
})

var programsDir string // "": nothing was built

func TestMain(m *testing.M) {
	code := m.Run()
	if programsDir != "" {
		os.RemoveAll(programsDir)
	}
	os.Exit(code)
}

// build returns the folder of the programs. It skips the test where programs cannot be ended as
// they should.
func build(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("skipped: there is no SIGTERM")
	}
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// site is an example that runs.
type site struct {
	addr  string // host:port or the path of a socket
	out   io.Reader
	cmd   *exec.Cmd
	log   serverLog
	ended bool
}

// serverLog is what a program writes to standard error: a line when it serves, with the address, a
// line when it has stopped, and what it has to complain about.
type serverLog struct {
	mu      sync.Mutex
	rest    []byte // a line that is not whole yet
	stopped bool
	other   bytes.Buffer
	serves  chan string // gets the address
}

var servingLine = regexp.MustCompile(`INFO listening at="?(?:https?://|unix:)([^ "]+)`)

func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l.rest = rest
		if m := servingLine.FindSubmatch(line); m != nil {
			l.serves <- string(m[1])
		} else if bytes.Contains(line, []byte("INFO stopped requests=")) {
			l.stopped = true
		} else if !bytes.Contains(line, []byte("INFO request ")) { // an access log

			l.other.Write(append(line, '\n'))
		}
	}
}

// run starts a program and waits until it is ready. It is ended with the test.
func run(t *testing.T, program, addr string, flags ...string) *site {
	t.Helper()
	flags = append([]string{"-addr", addr, "-loops", "2"}, flags...)
	s := &site{cmd: exec.Command(program, flags...)}
	s.log.serves = make(chan string, 1)
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.end(t) })
	select {
	case s.addr = <-s.log.serves:
	case <-time.After(time.Minute):
		t.Fatal("the program said no address")
	}
	return s
}

// printed is the lines that the program has printed in one write.
func (s *site) printed(t *testing.T) []string {
	t.Helper()
	text := make([]byte, 4096)
	n, err := s.out.Read(text)
	if err != nil {
		t.Fatal("the program printed nothing: ", err)
	}
	return strings.Split(strings.TrimSpace(string(text[:n])), "\n")
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
	if err := s.cmd.Wait(); err != nil || s.log.other.Len() > 0 || !s.log.stopped {
		t.Errorf("after SIGTERM: %v, said so: %v, stderr: %s", err, s.log.stopped, &s.log.other)
	}
}

// endUnder ends the site with streams under way, which readers read to their proper ends at the
// same time: the server waits for clients that stay.
func (s *site) endUnder(t *testing.T, readers ...func()) {
	t.Helper()
	var all sync.WaitGroup
	for _, read := range readers {
		all.Go(read)
	}
	s.end(t)
	all.Wait()
}

// client talks to the site, whatever the URL says.
func (s *site) client(t *testing.T) *http.Client {
	tr := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return s.dial()
		},
		ExpectContinueTimeout: time.Minute, // 0 would mean not to wait for the server's word
		ResponseHeaderTimeout: time.Minute,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func (s *site) dial() (net.Conn, error) {
	if strings.HasPrefix(s.addr, "/") {
		return net.Dial("unix", s.addr)
	}
	return net.Dial("tcp", s.addr)
}
