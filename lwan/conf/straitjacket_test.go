//go:build linux

package conf

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// lockedBuffer is what a process writes, while somebody looks at it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// jacketProgram builds the program in testdata/jacket, without C code.
func jacketProgram(t *testing.T) string {
	t.Helper()
	if testing.Short() || os.Geteuid() != 0 {
		t.Skip("it builds a program, and starts it as root")
	}
	name := filepath.Join(openDir(t), "jacket") // others start it, too
	cmd := exec.Command("go", "build", "-o", name, "./testdata/jacket")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return name
}

// jacketProcess is a program that serves on a socket.
type jacketProcess struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    *lockedBuffer
	client *http.Client
	over   chan struct{} // closed when it has ended
}

// startJacket runs a configuration, with a listener in dir, until the test ends.
func startJacket(
	t *testing.T, program, dir, text string, who *syscall.Credential,
) *jacketProcess {
	t.Helper()
	file, socket := filepath.Join(dir, "etc", "golwan.conf"), filepath.Join(dir, "run", "socket")
	text = strings.ReplaceAll("listener unix:DIR/run/socket { mode = 0666 }\n"+text, "DIR", dir)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := &jacketProcess{t: t, log: &lockedBuffer{}, over: make(chan struct{})}
	p.client = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	p.cmd = exec.Command(program, "-c", file)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the log says why
		close(p.over)
	}()
	t.Cleanup(p.stop)
	return p
}

func (p *jacketProcess) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	<-p.over
}

// ask asks for a path, once the process serves.
func (p *jacketProcess) ask(path string) string {
	p.t.Helper()
	for {
		r, err := p.client.Get("http://x" + path)
		if err == nil {
			text, err := io.ReadAll(r.Body)
			if r.Body.Close(); err != nil || r.StatusCode != 200 {
				p.t.Fatalf("%s: %d %s %v", path, r.StatusCode, text, err)
			}
			return string(text)
		}
		select {
		case <-p.over:
			p.t.Fatalf("%s: %v\n%s", path, err, p.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *jacketProcess) opens(name string) (inline, blocking string) {
	p.t.Helper()
	query := "?name=" + url.QueryEscape(name)
	return p.ask("/open" + query), p.ask("/blocking" + query)
}

const nobody = "Uid: 65534 65534 65534 65534\nGid: 65534 65534 65534 65534\nGroups: 65534\n"

const noCapabilities = "CapInh: 0000000000000000\nCapPrm: 0000000000000000\n" +
	"CapEff: 0000000000000000\n"

// TestStraitjacket: every thread has given up what the configuration says, no file is opened that
// it does not name, what it names is, and the configuration can be read again.
func TestStraitjacket(t *testing.T) {
	program := jacketProgram(t)
	dir := openDir(t)
	for _, name := range []string{"www", "more", "outside", "etc", "run"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "x"), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const site = `site {
    access_log DIR/run/log
    serve_files /files { path = DIR/www }
    &open /open
    &blocking /blocking
    &threads /threads
}
`
	for _, c := range []struct{ name, jacket, want string }{
		{"bare", "straitjacket\n", "Uid: 0 0 0 0\n"},
		{"user", "straitjacket { user = 65534\ngroup = 65534\ngroups = 65534\n}\n", nobody},
		{"landlock", "straitjacket { user = 65534\nlandlock = yes\nread = DIR/more\n}\n",
			nobody},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startJacket(t, program, dir, c.jacket+site, nil)
			threads := p.ask("/threads")
			for _, want := range []string{
				c.want, noCapabilities, "CapBnd: 0000000000000000", "NoNewPrivs: 1",
			} {
				if !strings.Contains(threads, want) || strings.Contains(threads, "--") {
					t.Errorf("threads:\n%s\nwant %s", threads, want)
				}
			}
			if got := p.ask("/files/x"); got != "www" {
				t.Errorf("files: %q", got)
			}
			one, other := p.opens("/etc/shadow")
			if c.name != "bare" && (!strings.Contains(one+other, "permission denied") ||
				strings.Contains(one+other, "open /etc/shadow\n")) {
				t.Errorf("/etc/shadow: %s, %s", one, other)
			}
			p.reload("the configuration was read again") // with the log that root has made
			if c.name == "landlock" {
				p.landlocked(dir)
			}
		})
	}
	t.Run("started as another user", func(t *testing.T) { startedAs(t, program, dir) })
}

// startedAs starts it as a user who has a group that the configuration does not name.
func startedAs(t *testing.T, program, dir string) {
	if err := os.Chown(filepath.Join(dir, "run"), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	const text = "straitjacket { user = 65534\ngroup = 65534\ngroups = 65534 GROUP\n}\n" +
		"site { &threads / }\n"
	who := &syscall.Credential{Uid: 65534, Gid: 65534, Groups: []uint32{65534, 7}}
	p := startJacket(t, program, dir, strings.Replace(text, "GROUP", "7", 1), who)
	if got := p.ask("/"); !strings.Contains(got, "Groups: 7 65534\n") {
		t.Errorf("threads:\n%s", got)
	}
	p.stop()
	p = startJacket(t, program, dir, strings.Replace(text, "GROUP", "8", 1), who)
	p.fails("the process was started with group 7")
}

// fails waits until the process has refused to start.
func (p *jacketProcess) fails(why string) {
	p.t.Helper()
	select {
	case <-p.over:
		if !strings.Contains(p.log.String(), why) {
			p.t.Errorf("it says\n%s", p.log)
		}
	case <-time.After(time.Minute):
		p.t.Errorf("it serves, where it should say %q:\n%s", why, p.log)
	}
}

// landlocked asks for what is named, and what is not.
func (p *jacketProcess) landlocked(dir string) {
	p.t.Helper()
	for name, want := range map[string]bool{
		"/etc/hostname": false, filepath.Join(dir, "outside", "x"): false, "/": false,
		filepath.Join(dir, "more", "x"): true, filepath.Join(dir, "etc", "golwan.conf"): true,
	} {
		one, other := p.opens(name)
		for _, got := range []string{one, other} {
			if strings.HasSuffix(got, "denied") == want {
				p.t.Errorf("%s: %s", name, got)
			}
		}
	}
	// a reload that asks for more says why it may not
	file := filepath.Join(dir, "etc", "golwan.conf")
	text, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	more := strings.Replace(string(text), "/www", "/outside", 1)
	if err := os.WriteFile(file, []byte(more), 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.reload("leaves what was named when the process started: stop it")
	if got := p.ask("/files/x"); got != "www" {
		p.t.Errorf("after a reload that was refused: %q", got)
	}
}

// reload has the process read its configuration again, and waits until it says how that has ended.
func (p *jacketProcess) reload(want string) {
	p.t.Helper()
	before := len(p.log.String())
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		p.t.Fatal(err)
	}
	said := func() string { return p.log.String()[before:] }
	for range 1500 { // half a minute
		if strings.Contains(said(), "was read again") || strings.Contains(said(), "not taken") {
			break
		}
		time.Sleep(20 * time.Millisecond) // another process's log is looked at
	}
	if !strings.Contains(said(), want) {
		p.t.Errorf("the reload says\n%s, want %s", said(), want)
	}
}

// openDir is a directory that everybody may enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "jacket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
