//go:build unix

package gateway

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	gofcgi "net/http/fcgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// What is started is this test's own program: with childVariable set it is an application.
const childVariable = "GOLWAN_GATEWAY_CHILD"

// beChild serves FastCGI on standard input, or HTTP where it is told to listen.
func beChild(kind string) {
	fmt.Fprintf(os.Stderr, "child %d is there\n", os.Getpid())
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/die"):
			os.Exit(3)
		case strings.HasSuffix(r.URL.Path, "/fds"):
			fds, err := filepath.Glob("/proc/self/fd/*")
			for _, fd := range fds {
				to, _ := os.Readlink(fd)
				fmt.Fprintln(w, filepath.Base(fd), to)
			}
			fmt.Fprintln(w, err)
		case strings.HasSuffix(r.URL.Path, "/slow"):
			time.Sleep(300 * time.Millisecond) // work
		}
		fmt.Fprint(w, os.Getpid())
	})
	var err error
	switch kind {
	case "orphan": // what leaves the group, and holds standard error
		c := exec.Command("sleep", "60")
		c.Stderr, c.SysProcAttr = os.Stderr, &syscall.SysProcAttr{Setsid: true}
		if err := c.Start(); err == nil {
			fmt.Fprintln(os.Stderr, "orphan", c.Process.Pid, "orphan")
		}
		err = gofcgi.Serve(nil, h)
	case "exit":
		os.Exit(7)
	case "fcgi":
		err = gofcgi.Serve(nil, h)
	case "port":
		err = http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), h)
	case "socket":
		var ln net.Listener
		if ln, err = net.Listen("unix", os.Getenv("SOCKET")); err == nil {
			err = http.Serve(ln, h)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// childProcess is such a process.
func childProcess(t testing.TB, kind string) *Process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Process{Command: []string{program}, Env: map[string]string{childVariable: kind}}
}

func serveProcess(t testing.TB, c *Process) *site {
	t.Helper()
	g := &Group{Name: "app", Backends: []Backend{{Process: c}}}
	return serveScript(t, FastCGI, ScriptConfig{Common: Common{To: g}})
}

// alive reports whether there is such a process.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func (s *site) pid(t testing.TB, path string) int {
	t.Helper()
	status, body, _ := s.get(t, path)
	pid, err := strconv.Atoi(body)
	if status != 200 || err != nil {
		t.Fatalf("%s: %d %q", path, status, body)
	}
	return pid
}

func TestProcess(t *testing.T) {
	pids := map[int]bool{}
	t.Run("", func(t *testing.T) {
		c := childProcess(t, "fcgi")
		c.Min = 2
		s := serveProcess(t, c)
		for range 20 {
			pids[s.pid(t, "/app/")] = true
		}
		if len(pids) != 2 {
			t.Errorf("answered by %v", pids)
		}
		for _, st := range s.group.Stats() {
			if st.State != Up || st.Restarts != 0 {
				t.Errorf("%+v", st)
			}
		}
		until(t, "what they say is logged", func() bool {
			s.log.mu.Lock()
			defer s.log.mu.Unlock()
			return strings.Count(s.log.buf.String(), "is there") == 2
		})
		for pid := range pids {
			if !alive(pid) {
				t.Errorf("%d is not there", pid)
			}
		}
	})
	for pid := range pids {
		if alive(pid) {
			t.Errorf("%d has been left behind", pid)
		}
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("golwan-%d-*", os.Getpid())))
	if len(left) > 0 || err != nil {
		t.Errorf("left behind: %q %v", left, err)
	}
}

// TestProcessKilled: those who connect while a process is replaced wait, and are not refused.
func TestProcessKilled(t *testing.T) {
	c := childProcess(t, "fcgi")
	s := serveProcess(t, c)
	first := s.pid(t, "/app/")
	if !alive(first) {
		t.Fatal("it is not there")
	}
	time.Sleep(shortLife) // one that lives less long is not started anew at once
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var second int
	for range 10 {
		second = s.pid(t, "/app/")
	}
	if second == first || s.group.Stats()[0].Restarts != 1 {
		t.Errorf("%d, then %d: %+v", first, second, s.group.Stats()[0])
	}
	time.Sleep(shortLife) // as above
	if status, _, _ := s.get(t, "/app/die"); status != 502 {
		t.Errorf("the request that it died of: %d", status)
	}
	if third := s.pid(t, "/app/"); third == second {
		t.Errorf("%d again", third)
	}
}

// TestProcessOrphans: what a process has left behind, out of its group and with its standard error,
// holds up neither its successor nor the server's end.
func TestProcessOrphans(t *testing.T) {
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Skip(err)
	}
	var log *lines
	orphans := regexp.MustCompile(`orphan (\d+) orphan`)
	defer func() {
		for _, m := range orphans.FindAllStringSubmatch(strings.Join(log.take(), ""), -1) {
			pid, _ := strconv.Atoi(m[1])
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}()
	t.Run("", func(t *testing.T) {
		s := serveProcess(t, childProcess(t, "orphan"))
		log = s.log
		first := s.pid(t, "/app/")
		if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		until(t, "another one", func() bool {
			_, body, _ := s.get(t, "/app/")
			pid, err := strconv.Atoi(body)
			return err == nil && pid != first
		})
	})
}

// TestProcessExits: a program that ends at once is not started again and again, and requests get
// 503.
func TestProcessExits(t *testing.T) {
	s := serveProcess(t, childProcess(t, "exit"))
	until(t, "it is down", func() bool { return s.group.Stats()[0].State == Down })
	if status, _, _ := s.get(t, "/app/"); status != 503 {
		t.Errorf("%d", status)
	}
	if n := s.group.Stats()[0].Restarts; n > 3 {
		t.Errorf("started %d times", n)
	}
}

// TestProcessNone: a program that does not exist.
func TestProcessNone(t *testing.T) {
	s := serveProcess(t, &Process{Command: []string{"/nonexistent/program"}})
	until(t, "a line", func() bool {
		s.log.mu.Lock()
		defer s.log.mu.Unlock()
		return bytes.Contains(s.log.buf.Bytes(), []byte("/nonexistent/program"))
	})
	if status, _, _ := s.get(t, "/app/"); status != 503 {
		t.Errorf("%d", status)
	}
}

// TestProcessDescriptors: a process has the socket and its pipe, and nothing else of the server's.
func TestProcessDescriptors(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("there is no /proc here")
	}
	s := serveProcess(t, childProcess(t, "fcgi"))
	_, body, _ := s.get(t, "/app/fds")
	sockets, polls := 0, 0
	for line := range strings.Lines(body) {
		switch _, to, _ := strings.Cut(strings.TrimSpace(line), " "); {
		case strings.HasPrefix(to, "socket:"):
			sockets++ // standard input, a copy of it that package net makes, and the connection
		case strings.HasPrefix(to, "anon_inode:[eventpoll]"):
			polls++ // of its own runtime
		}
	}
	if sockets > 3 || sockets == 0 || polls > 1 {
		t.Errorf("%d sockets, %d pollers:\n%s", sockets, polls, body)
	}
}

// TestProcessListens: those that listen by themselves are used once they do.
func TestProcessListens(t *testing.T) {
	for kind, listen := range map[string]Listen{"port": ByPort, "socket": BySocket} {
		c := childProcess(t, kind)
		c.Listen = listen
		g := &Group{Name: kind, Backends: []Backend{{Process: c, MaxConns: 10}}}
		s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
		until(t, kind+": it is up", func() bool { return g.Stats()[0].State == Up })
		if pid := s.pid(t, "/"); !alive(pid) {
			t.Errorf("%s: %d", kind, pid)
		}
	}
}

// TestAdaptive: more processes while all are busy, and fewer again when they are not.
func TestAdaptive(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	c := childProcess(t, "fcgi")
	c.Max, c.IdleTime = 4, time.Millisecond
	s := serveProcess(t, c)
	s.group.Queue.Max = 256
	up := func() (n int) {
		for _, st := range s.group.Stats() {
			if st.State == Up {
				n++
			}
		}
		return n
	}
	until(t, "the first one", func() bool { return up() == 1 })
	var stop atomic.Bool
	ended := make(chan map[int]int, 1)
	go func() {
		all := map[int]int{}
		for !stop.Load() {
			for st, n := range s.many(t, 8, 8, "GET", "/app/slow") {
				all[st] += n
			}
		}
		ended <- all
	}()
	until(t, "four processes", func() bool { return up() == 4 })
	stop.Store(true)
	if got := <-ended; len(got) != 1 || got[200] == 0 {
		t.Errorf("%v", got)
	}
	until(t, "one process", func() bool { return up() == 1 })
}

func TestProcessErrors(t *testing.T) {
	for _, c := range []*Process{{}, {Command: []string{"x"}, Min: 3, Max: 2},
		{Command: []string{"x"}, Listen: 9}, {Command: []string{"x"}, Min: -1}} {
		if err := c.check(); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	c := &Process{Command: []string{"x"}, Inherit: []string{"GOLWAN_NONE"},
		Env: map[string]string{"A": "b"}}
	if env := c.environ("PORT=1"); strings.Join(env, " ") != "A=b PORT=1" {
		t.Errorf("%q", env)
	}
}
