//go:build linux

package gateway

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Applications as they are in use. Tests skip where they are not installed; .ci/run installs them.

// program finds one of several programs, or skips the test.
func program(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("skipped: none of %q is installed", names)
	return ""
}

const phpPage = `<?php
header("X-Script: " . $_SERVER["SCRIPT_NAME"]);
if ($_SERVER["PATH_INFO"] ?? "" === "/moved") { header("Location: /elsewhere", true, 303); exit; }
if (isset($_GET["warn"])) { error_log("it warns"); }
if (isset($_GET["big"])) { echo str_repeat("x", 300000); exit; }
echo $_SERVER["REQUEST_METHOD"], " ", $_SERVER["REQUEST_URI"], " ",
	strlen(file_get_contents("php://input"));
`

// phpRoot is the folder of a site of PHP.
func phpRoot(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.php"), []byte(phpPage), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// usePHP asks a site of PHP.
func usePHP(t *testing.T, s *site) {
	t.Helper()
	for _, tt := range []struct {
		method, target, content, want string
		status                        int
	}{
		{"GET", "/app/index.php?a=b", "", "GET /app/index.php?a=b 0", 200},
		{"POST", "/app/index.php", "hello", "POST /app/index.php 5", 200},
		{"POST", "/app/index.php", strings.Repeat("x", 200_000), "POST /app/index.php 200000", 200},
		{"GET", "/app/index.php?big", "", strings.Repeat("x", 300_000), 200},
		{"GET", "/app/index.php/moved", "", "", 303},
		{"GET", "/app/none.txt", "", "404 Not Found\n", 404},
		{"HEAD", "/app/index.php", "", "", 200},
	} {
		status, body, cut := s.do(t, tt.method, tt.target, strings.NewReader(tt.content))
		if status != tt.status || body != tt.want || cut {
			t.Errorf("%s %s: %d %.60q, cut %v; want %d %.60q",
				tt.method, tt.target, status, body, cut, tt.status, tt.want)
		}
	}
	s.log.take()
	s.get(t, "/app/index.php?warn")
	until(t, "the warning is logged", func() bool {
		s.log.mu.Lock()
		defer s.log.mu.Unlock()
		return strings.Contains(s.log.buf.String(), "it warns")
	})
}

// TestPHPCGI starts php-cgi.
func TestPHPCGI(t *testing.T) {
	path := program(t, "php-cgi")
	root := phpRoot(t)
	for _, keep := range []bool{false, true} {
		g := &Group{Name: "php", Backends: []Backend{{Process: &Process{
			Command: []string{path}, Min: 2,
			Env: map[string]string{"PHP_FCGI_MAX_REQUESTS": "0", "PHP_FCGI_CHILDREN": "0"},
		}}}}
		s := serveScript(t, FastCGI, ScriptConfig{Common: Common{To: g}, Root: root,
			Extensions: []string{".php"}, KeepConns: keep})
		usePHP(t, s)
		if got := s.many(t, 200, 8, "GET", "/app/index.php"); got[200] != 200 {
			t.Errorf("keep %v: %v", keep, got)
		}
		for _, st := range g.Stats() {
			if st.Failed != 0 || st.Restarts != 0 || keep && st.Reused == 0 {
				t.Errorf("keep %v: %+v", keep, st)
			}
		}
	}
}

// TestPHPFPM: two processes of php-fpm serve many clients, and none starves.
func TestPHPFPM(t *testing.T) {
	path := program(t, "php-fpm", "php-fpm8.2", "php-fpm8.4", "php-fpm8.3", "php-fpm8.1")
	dir, err := os.MkdirTemp("", "golwan") // t.TempDir's names are longer than a socket's may be
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "fpm")
	config := fmt.Sprintf("[global]\nerror_log = %s/log\ndaemonize = no\n[www]\nlisten = %s\n"+
		"pm = static\npm.max_children = 2\ncatch_workers_output = no\n"+
		"php_admin_value[error_log] = /dev/stderr\n", dir, socket)
	if os.Geteuid() == 0 {
		config += "user = root\ngroup = root\n"
	}
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	runUntilEnd(t, socket, path, "-F", "-R", "-y", file)
	g := &Group{Name: "php", Backends: []Backend{{Address: "unix:" + socket}}}
	s := serveScript(t, FastCGI, ScriptConfig{Common: Common{To: g}, Root: phpRoot(t),
		Extensions: []string{".php"}})
	if status, body, _ := s.get(t, "/app/index.php"); status != 200 {
		t.Fatalf("%d %q", status, body)
	}
	if got := s.many(t, 500, 100, "GET", "/app/index.php"); got[200] != 500 {
		t.Errorf("%v", got)
	}
}

// TestUWSGIServer runs a WSGI application in uwsgi.
func TestUWSGIServer(t *testing.T) {
	path := program(t, "uwsgi")
	dir, err := os.MkdirTemp("", "golwan")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	const app = "def application(env, start):\n" +
		"    body = env['wsgi.input'].read(int(env.get('CONTENT_LENGTH') or 0))\n" +
		"    start('200 OK', [('Content-Type', 'text/plain'), ('X-Path', env['PATH_INFO'])])\n" +
		"    return [(env['REQUEST_METHOD'] + ' %d' % len(body)).encode()]\n"
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(app), 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	runUntilEnd(t, socket, path, "--plugin", "python3", "--uwsgi-socket", socket, "--chdir", dir,
		"--module", "app", "--die-on-term", "--need-app", "--processes", "2")
	g := &Group{Name: "uwsgi", Backends: []Backend{{Address: "unix:" + socket}}}
	s := serveScript(t, UWSGI, ScriptConfig{Common: Common{To: g}})
	for _, n := range []int{0, 5, 100_000} {
		want := fmt.Sprintf("POST %d", n)
		status, body, cut := s.do(t, "POST", "/app/x", strings.NewReader(strings.Repeat("x", n)))
		if status != 200 || body != want || cut {
			t.Errorf("%d bytes: %d %q, want %q", n, status, body, want)
		}
	}
	if got := s.many(t, 200, 16, "GET", "/app/"); got[200] != 200 {
		t.Errorf("%v", got)
	}
}

// runUntilEnd starts a server that listens on a unix socket, and ends it with the test.
func runUntilEnd(t testing.TB, socket, path string, args ...string) {
	t.Helper()
	cmd := exec.Command(path, args...)
	var says strings.Builder
	cmd.Stdout, cmd.Stderr = &says, &says
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(says.String())
		}
	})
	until(t, path+" listens", func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}
