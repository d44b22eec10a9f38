//go:build linux

package conf

import (
	"bytes"
	"log/slog"
	"net"
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
		r.srv.signalled(syscall.SIGHUP)
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
