//go:build linux

package lwan

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRestartFails: whatever is wrong with the new process, the old one goes on, says why, and can
// be restarted again.
func TestRestartFails(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := newSite(t, "", "TAKEN="+taken.Addr().String())
	socket := filepath.Join(s.dir, "s")
	kept := dial(t, s.addr)
	kept.open("/pid")
	before := s.get("/descriptors")
	for mode, why := range map[string]string{
		"exit":   "it ended before its server had started; exit status 3",
		"mute":   "it ended before its server had started; killed",
		"module": errSecret.Error(),
		"taken":  "endpoint 2 (" + taken.Addr().String() + "): listen tcp",
	} {
		s.next(mode)
		s.signal(s.pid, syscall.SIGUSR2)
		if line := s.line("could not be restarted"); !strings.Contains(line, why) {
			t.Errorf("%s: %s", mode, line)
		}
		kept.open("/pid")
		s.wantPid(s.pid)
		if c, err := net.Dial("unix", socket); err != nil {
			t.Errorf("%s: %v", mode, err)
		} else {
			c.Close()
		}
	}
	settled(t, "descriptors "+before, 0, func() int64 {
		return int64(strings.Compare(s.get("/descriptors"), before))
	})
	kept.c.Close()
	s.next("")
	s.restart()
	s.wantPid(s.pid)
	s.end()
}

// hanging waits for a process that will never serve.
func (s *site) hanging() int {
	s.t.Helper()
	pid, err := strconv.Atoi(strings.TrimPrefix(s.line("hanging"), "hanging "))
	if err != nil {
		s.t.Fatal(err)
	}
	s.alive[pid] = true
	return pid
}

// died waits until a process is no more.
func (s *site) died(pid int) {
	s.t.Helper()
	settled(s.t, "process", 0, func() int64 {
		if syscall.Kill(pid, 0) != nil {
			return 0
		}
		return 1
	})
	delete(s.alive, pid)
}

// TestRestartHangs: patience with a new process ends.
func TestRestartHangs(t *testing.T) {
	t.Parallel()
	s := newSite(t, "impatient")
	s.next("hang")
	s.signal(s.pid, syscall.SIGUSR2)
	hung := s.hanging()
	line := s.line("could not be restarted")
	if !strings.Contains(line, "context deadline exceeded; killed") {
		t.Error(line)
	}
	s.died(hung)
	s.wantPid(s.pid)
	s.next("")
	s.restart()
	s.end()
}

// TestRestartTwice: one restart at a time.
func TestRestartTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.next("hang")
	s.signal(s.pid, syscall.SIGUSR2)
	hung := s.hanging()
	s.signal(s.pid, syscall.SIGUSR2)
	if line := s.line("could not be restarted"); !strings.Contains(line, ErrRestarting.Error()) {
		t.Error(line)
	}
	s.signal(hung, syscall.SIGKILL)
	line := s.line("could not be restarted")
	if !strings.Contains(line, errWithoutWord.Error()+"; signal: killed") {
		t.Error(line)
	}
	s.next("")
	s.restart()
	s.end()
}

// TestRestartStopped: a server that is stopped takes the process with it that was about to take
// over. A request under way is waited for; a second signal ends that.
func TestRestartStopped(t *testing.T) {
	t.Parallel()
	for signals := 1; signals <= 2; signals++ {
		s := newSite(t, "")
		if signals == 2 {
			w := dial(t, s.addr)
			w.send(get1("/wait"))
			s.line("waiting")
		}
		s.next("hang")
		s.signal(s.pid, syscall.SIGUSR2)
		hung := s.hanging()
		s.signal(s.pid, syscall.SIGTERM)
		if line := s.line("could not be restarted"); !strings.Contains(line, "; killed") {
			t.Error(line)
		}
		want := "<nil>"
		if signals == 2 {
			settled(t, "listening", 0, s.listening)
			s.signal(s.pid, syscall.SIGTERM)
			want = "lwan: requests were cut off"
		}
		s.line(fmt.Sprintf("ended %d %s", s.pid, want))
		s.died(hung)
		s.gone()
	}
}

func (s *site) listening() int64 {
	c, err := dialServer("tcp", s.addr)
	if err != nil {
		return 0
	}
	c.Close()
	return 1
}

// TestRestartSecondSignal: while the old process drains after a restart, a signal ends it at once.
// The new one is another matter.
func TestRestartSecondSignal(t *testing.T) {
	s := newSite(t, "")
	w := dial(t, s.addr)
	w.send(get1("/wait"))
	s.line("waiting")
	old := s.pid
	s.signal(old, syscall.SIGUSR2)
	s.serving()
	s.line("a new process serves")
	s.settlePid()
	s.signal(old, syscall.SIGUSR2) // means nothing any more
	s.signal(old, syscall.SIGTERM)
	s.line(fmt.Sprintf("ended %d lwan: requests were cut off", old))
	s.wantPid(s.pid)
	s.end()
}

// TestRestartTellsTheManager what a service manager has to know.
func TestRestartTellsTheManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	told := func() string {
		t.Helper()
		b := make([]byte, 100)
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	t.Setenv("NOTIFY_SOCKET", path)
	s := newSite(t, "")
	if got := told(); got != "READY=1" {
		t.Errorf("at the start: %q", got)
	}
	s.restart()
	got, mainPid := []string{told(), told()}, fmt.Sprintf("MAINPID=%d", s.pid)
	if text := strings.Join(got, " "); text != "READY=1 "+mainPid && text != mainPid+" READY=1" {
		t.Errorf("at the restart of %s: %q", mainPid, got)
	}
	s.end()
	if got := told(); got != "STOPPING=1" {
		t.Errorf("at the end: %q", got)
	}
}
