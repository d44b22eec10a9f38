package conf

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// command runs the program in a directory of its own.
func command(t *testing.T, input string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &program{reg: Standard(), name: "golwan", in: strings.NewReader(input), out: &stdout,
		err: &stderr}
	code = p.main(args)
	return code, stdout.String(), stderr.String()
}

// TestCommandLine: exit codes, and what is said where.
func TestCommandLine(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"good.conf": "listener :1\nsite {   response / { code = ${CODE:200}\n }\n}\n",
		"bad.conf":  "listener x\nthread = 1\n",
		"if.conf":   "if remote in ${NET} {\n request_id\n}\nif path == ${E:} { request_id }\n",
		"none.conf": "site { serve_files / { path = none\n}\n}\n",
		"warn.conf": "request_buffer_size = 1\n",
		"users.conf": "site { auth_basic { users { joe = " +
			"$2y$05$WRt.1BKFV5lXWjbSMxlVneZKzNgZL/E3oYYNdQZGZ4GmRyAQUjGNu\n}\n}\n}\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args       string
		code       int
		out, fault string
	}{
		{"-c good.conf -t", 0, "ok\n", ""},
		{"-c good.conf -T", 0, "ok\n", ""},
		{"-c bad.conf -T", 2, "", "bad.conf:2:1: the file has no setting \"thread\""},
		{"-c none.conf -T", 0, "ok\n", ""},
		{"-c none.conf -t", 2, "", "none.conf:1:8: module \"serve_files\" at /: "},
		{"-c missing.conf", 2, "", "missing.conf"},
		{"-c good.conf -p", 0, "code = 200  # good.conf:2:23", ""},
		{"-c if.conf -p -D NET=10.0.0.0/8", 0, "if remote in 10.0.0.0/8 {", ""},
		{"-c good.conf -p -D CODE=404", 0, "code = 404  # good.conf:2:23", ""},
		{"-c users.conf -p", 0, "joe = ***", ""},
		{"-c warn.conf -t", 0, "ok\n", "warn.conf:1:1: warning: request_buffer_size has no effect"},
		{"-c good.conf -D x", 2, "", "write NAME=VALUE"},
		{"-x", 2, "", "usage: golwan"},
		{"-h", 0, "", "usage: golwan"},
		{"a b c", 2, "", "usage: golwan"},
		{"-r a b", 2, "", "usage: golwan"},
		{"-c good.conf .", 2, "", "leave DIR and ADDR"},
		{"-t /does/not/exist", 2, "", "command line:3:5: module"},
		{"-t . nonsense", 2, "", "is no address to listen on"},
		{"-t . :0", 0, "ok\n", ""},
		{"-t", 0, "ok\n", ""},
		{"-c good.conf -s stop", 1, "", "the configuration has no pid_file"},
		{"-c good.conf -s nonsense", 1, "", "there is no signal"},
		{"help", 0, "serve_files", ""},
		{"help serve_files", 0, "index_path", ""},
		{"help serve_file", 2, "", `did you mean "serve_files"?`},
		{"fmt good.conf", 0, "site {\n    response / {\n        code = ${CODE:200}\n    }\n}\n",
			""},
		{"fmt bad.conf", 0, "listener x\nthread = 1\n", ""},
		{"fmt", 2, "", "Usage"},
		{"fmt missing.conf", 2, "", "missing.conf"},
		{"version", 0, "golwan", ""},
		{"hash", 2, "", "there is no password"},
	} {
		code, out, fault := command(t, "", strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(out, tt.out) ||
			!strings.Contains(fault, tt.fault) ||
			tt.code != 0 && out != "" {
			t.Errorf("golwan %s: %d\n%s\n%s", tt.args, code, out, fault)
		}
	}
	if code, _, fault := command(t, "", "fmt", "-w", "good.conf"); code != 0 {
		t.Errorf("fmt -w: %d, %s", code, fault)
	}
	text, err := os.ReadFile("good.conf")
	if err != nil || !strings.HasPrefix(string(text), "listener :1\nsite {\n    response") {
		t.Errorf("fmt -w left %q, %v", text, err)
	}
	code, out, _ := command(t, "secret\r\n", "hash")
	if code != 0 || bcrypt.CompareHashAndPassword([]byte(strings.TrimSpace(out)),
		[]byte("secret")) != nil {
		t.Errorf("hash: %d %q", code, out)
	}
}

// TestFindsItsFile: NAME.conf, else lwan.conf, else no file.
func TestFindsItsFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"", "lwan.conf", "golwan.conf"} {
		want := "command line:1:1"
		if name != "" {
			want = name + ":1:1"
			if err := os.WriteFile(name, []byte("listener :1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, out, fault := command(t, "", "-p"); !strings.Contains(out, want) {
			t.Errorf("with %q: %s%s", name, out, fault)
		}
		if _, out, _ := command(t, "", "-p", "-l", "localhost:8081"); !strings.Contains(out,
			"listener localhost:8081  # command line:1:1") {
			t.Errorf("with -l: %s", out)
		}
	}
}

// TestServesADirectory: with nothing but the name of a directory, on this host.
func TestServesADirectory(t *testing.T) {
	p := &program{name: "golwan", dir: tree(t) + "/{odd} \"name\" #1", addr: "127.0.0.1:0"}
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		t.Skip(err) // there are systems that have no such names
	}
	if err := os.WriteFile(filepath.Join(p.dir, "a"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadText("command line", p.directory(), Standard(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	get := startConfig(t, c)
	if got := get("/a"); got != "text" {
		t.Errorf("%q", got)
	}
	if d := (&program{}).directory(); !strings.Contains(d, "listener localhost:8080\n") {
		t.Errorf("without an address: %s", d)
	}
}

// startConfig serves a configuration with one listener.
func startConfig(t *testing.T, c *Config) (get func(path string) string) {
	t.Helper()
	srv, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Server.Run(ctx) }()
	select {
	case <-srv.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return func(path string) string {
		resp, err := client.Get("http://" + srv.Addrs()[0].String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() // it was read
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// TestListenersAndLogs: a listener with a site of its own, logs of sites, and logs that are
// renamed.
func TestListenersAndLogs(t *testing.T) {
	dir := t.TempDir()
	c, err := LoadText("x.conf", strings.ReplaceAll(`
listener 127.0.0.1:0 {
	site {
		response / { code = 200
			body = own }
		if path under /logged { access_log DIR/own.log }
	}
}
log DIR/error.log { format = json }
access_log DIR/all.log
access_log DIR/json.log { format = json }
access_log DIR/text.log { format = "%{status} %{path}" }
access_log DIR/slow.log { slower = 1h }
site {
	response / { code = 200
		body = others }
	access_log DIR/others.log
}
`, "DIR", dir), Standard(), Options{Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("serve", func(t *testing.T) {
		srv, err := c.Server()
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- srv.Server.Run(ctx) }()
		<-srv.Ready()
		get := func(path string) {
			resp, err := http.Get("http://" + srv.Addrs()[0].String() + path)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(resp.Body); string(text) != "own" || err != nil {
				t.Errorf("%q, %v", text, err)
			}
			resp.Body.Close()
		}
		get("/logged/1")
		get("/2")
		lines(t, dir, "all.log", 2)
		if err := os.Rename(filepath.Join(dir, "all.log"),
			filepath.Join(dir, "all.old")); err != nil {
			t.Fatal(err)
		}
		if err := srv.ReopenLogs(); err != nil {
			t.Fatal(err)
		}
		get("/3")
		srv.Log.Info("a line")
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
	for name, n := range map[string]int{
		"own.log": 1, "all.old": 2, "all.log": 1, "slow.log": 0, "json.log": 3, "text.log": 3,
		"others.log": 0, "error.log": 3, // and those of the start and of the stop
	} {
		lines(t, dir, name, n)
	}
}

// lines waits until a log has so many.
func lines(t *testing.T, dir, name string, n int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got := bytes.Count(text, []byte("\n"))
		if got == n {
			return
		}
		if got > n || time.Now().After(end) {
			t.Errorf("%s has %d lines, not %d:\n%s", name, got, n, text)
			return
		}
	}
}

func TestPidFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pid")
	if err := writePid(name); err != nil {
		t.Fatal(err)
	}
	if pid, err := readPid(name); err != nil || pid != os.Getpid() {
		t.Errorf("%d, %v", pid, err)
	}
	if err := removePid(name); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"1\n", "x", "-1"} { // another process's is left alone
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := removePid(name)
		if _, gone := os.Stat(name); gone != nil || (err == nil) != (text == "1\n") {
			t.Errorf("%q: %v, %v", text, err, gone)
		}
	}
}
