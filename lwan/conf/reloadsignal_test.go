//go:build linux

package conf

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReloadBySignal: the service manager is told when it begins, by its clock, and that it has
// ended, however; the log has all that is wrong.
func TestReloadBySignal(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	told := func(pattern string) {
		t.Helper()
		if err := manager.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1000)
		n, err := manager.Read(buf)
		if err != nil || !regexp.MustCompile("^"+pattern+"$").Match(buf[:n]) {
			t.Errorf("%q, %v, want %s", buf[:n], err, pattern)
		}
	}
	site := func(body string) string {
		return reloadHead + "site { response / { code = 200\nbody = " + body + "\n}\n}\n"
	}
	r := startReloadable(t, site("old"))
	t.Setenv("NOTIFY_SOCKET", socket)
	for _, tt := range []struct{ text, body, log string }{
		{site("new"), "new", "read again"},
		{site("bad") + "nonsense\nlimits { timeout = x\n}\n", "new", "nonsense"},
		{site("bad") + "nonsense\nlimits { timeout = x\n}\n", "new", "timeout"},
		{site("other") + "threads = 7\n", "new", "threads"},
		{site("newer"), "newer", "read again"},
	} {
		r.write(t, tt.text)
		var lines bytes.Buffer
		before := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&lines, nil)))
		r.srv.signalled(syscall.SIGHUP, nil)
		slog.SetDefault(before)
		told(`RELOADING=1\nMONOTONIC_USEC=[0-9]+`)
		told("READY=1")
		if !strings.Contains(lines.String(), tt.log) {
			t.Errorf("the log says %s, and not %s", &lines, tt.log)
		}
		if _, body := r.get(t, "/"); body != tt.body {
			t.Errorf("the server says %q, want %q", body, tt.body)
		}
	}
}

// TestHangupThatHangs: neither a server that never begins nor a configuration that cannot be read
// to its end holds up the end of the process, once it has got SIGHUP.
func TestHangupThatHangs(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	text := reloadHead + "log " + log + " {}\n"
	for _, where := range []string{"before the start", "at a pipe"} {
		var srv *Server
		if where == "at a pipe" {
			r := startReloadable(t, text)
			srv = r.srv
			if err := os.Remove(r.file); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(r.file, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { // lets the reader go
				f, err := os.OpenFile(r.file, os.O_WRONLY|syscall.O_NONBLOCK, 0)
				if err == nil {
					err = f.Close()
				}
				if err != nil {
					t.Error(err)
				}
			})
		} else {
			name := filepath.Join(t.TempDir(), "x.conf")
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Load(name, Standard(), Options{Getenv: noEnv})
			if err != nil {
				t.Fatal(err)
			}
			if srv, err = c.Server(); err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
		}
		stop := srv.notify()
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(log); err == nil {
				break // the log is opened again: it has come
			}
			if time.Now().After(end) {
				t.Fatal("nobody has seen the signal")
			}
		}
		ended := make(chan struct{})
		go func() {
			stop()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: SIGHUP holds up the end", where)
		}
	}
}
