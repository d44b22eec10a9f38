//go:build linux

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	accounts "os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/lwantest"
)

// TestBehindNginx runs the program as deploy/board.service does, and nginx with deploy/nginx.conf
// before it: as users of their own, if it may, so that it shows who may open the socket.
func TestBehindNginx(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if nginx, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Skip("skipped: there is no nginx")
		}
	}
	if _, err := accounts.LookupGroup("www-data"); err != nil && os.Geteuid() == 0 {
		t.Skip("skipped: there is no group www-data")
	}
	program := build(t)
	for _, by := range []string{"unix socket", "TCP"} {
		t.Run(by, func(t *testing.T) { testBehindNginx(t, nginx, program, by == "TCP") })
	}
}

func testBehindNginx(t *testing.T, nginx, program string, byTCP bool) {
	dir := t.TempDir()
	args := unitArgs(t, dir)
	if byTCP {
		args = replaced(args, "unix:"+dir+"/run/socket", "localhost:0")
	}
	at, log := runUnit(t, dir, program, args)
	conf := readFile(t, "deploy/nginx.conf")
	server := "unix:" + dir + "/run/socket"
	if byTCP {
		server = strings.TrimPrefix(at, "http://")
	}
	conf = once(t, conf, "unix:/run/board/socket", server)
	base, trusted := startNginx(t, nginx, dir, conf)

	// From an address that is not nginx's, so that it shows whose the board takes requests for.
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	transport := &http.Transport{
		DialContext: from.DialContext, TLSClientConfig: &tls.Config{RootCAs: trusted},
	}
	t.Cleanup(transport.CloseIdleConnections)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t, base, &http.Client{Transport: transport, Jar: jar}}
	v.post("/join", credentials("ann", "long enough"), 200, "Nothing yet")
	if got := jar.Cookies(mustURL(t, base)); len(got) != 1 || got[0].Name != "__Host-session" {
		t.Errorf("cookies: %v", got)
	}
	content := strings.Repeat("0123456789", 300_000)
	v.upload(content)
	resp, err := v.http.Get(base + "/files/1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); string(got) != content || err != nil {
		t.Errorf("%s: %d bytes of %d, %v", resp.Status, len(got), len(content), err)
	}
	s := &lwantest.Server{URL: base, Client: v.http}
	listen(t, s, "0", "", func() {
		v.post("/entries", url.Values{"text": {"second"}}, 200, "second")
	}, "with a file", "second")
	log.has(t, "remote=127.0.0.2 method=POST")
}

// build is the program, where anybody may run it.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "board")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// unitArgs is what board.service starts the program with, in folders below dir.
func unitArgs(t *testing.T, dir string) []string {
	t.Helper()
	unit := readFile(t, "deploy/board.service")
	command := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/board (.*)$`).
		FindStringSubmatch(unit)
	if command == nil || !strings.Contains(unit, "\nUMask=0007\n") {
		t.Fatalf("the unit: %s", unit)
	}
	line := once(t, command[1], "/run/board", dir+"/run")
	line = once(t, line, "/var/lib/board", dir+"/state")
	return strings.Fields(once(t, line, "localhost:8081", "localhost:0"))
}

// unitLog is what the program says.
type unitLog struct {
	lines chan string
	all   strings.Builder
}

// has waits for a line.
func (l *unitLog) has(t *testing.T, text string) string {
	t.Helper()
	late := time.After(time.Minute)
	for ended := false; !ended; {
		select {
		case line, more := <-l.lines:
			l.all.WriteString(line + "\n")
			if strings.Contains(line, text) {
				return line
			}
			ended = !more
		case <-late:
			ended = true
		}
	}
	t.Fatalf("no line has %q in\n%s", text, l.all.String())
	return ""
}

// runUnit runs the program until the test ends, and returns the first address that it says.
func runUnit(t *testing.T, dir, program string, args []string) (at string, log *unitLog) {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-c", `umask 0007; exec "$0" "$@"`, program},
		args...)...)
	for _, name := range []string{"/run", "/state"} {
		if err := os.Mkdir(dir+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		const nobody = 65534
		group, err := accounts.LookupGroup("www-data")
		if err != nil {
			t.Fatal(err)
		}
		gid, err := strconv.Atoi(group.Gid)
		if err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: nobody, Gid: uint32(gid)},
		}
		for _, name := range []string{"/run", "/state"} {
			if err := os.Chown(dir+name, nobody, gid); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{filepath.Dir(program), dir} { // and what is above them
			for ; name != os.TempDir() && name != "/"; name = filepath.Dir(name) {
				if err := os.Chmod(name, 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log = &unitLog{lines: make(chan string, 1000)}
	go func() {
		defer close(log.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			log.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		for range log.lines {
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	line := log.has(t, "INFO listening")
	found := regexp.MustCompile(`at="([^ "]+)`).FindStringSubmatch(line)
	if found == nil {
		t.Fatal(line)
	}
	return found[1], log
}

// startNginx runs nginx until the test ends, with TLS on a port that is open before it is there.
func startNginx(t *testing.T, nginx, dir, site string) (base string, trusted *x509.CertPool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	trusted = writeCertificate(t, dir+"/site.pem")
	site = once(t, site, "listen 80 default_server;", "listen "+l.Addr().String()+" ssl; "+
		"ssl_certificate "+dir+"/site.pem; ssl_certificate_key "+dir+"/site.pem;")
	config := "daemon off;\npid pid;\nerror_log errors;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config += kind + "_temp_path temp;\n"
	}
	if os.Geteuid() == 0 {
		config = "user www-data www-data;\n" + config
	}
	if err := os.WriteFile(dir+"/config", []byte(config+site+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nginx, "-p", dir, "-c", dir+"/config", "-e", dir+"/errors")
	cmd.Env, cmd.ExtraFiles = append(os.Environ(), "NGINX=3;"), []*os.File{f}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("nginx: %s", readFile(t, dir+"/errors"))
		}
	})
	return "https://" + l.Addr().String(), trusted
}

// writeCertificate writes that of httptest, which is for 127.0.0.1, with its key.
func writeCertificate(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	ts := httptest.NewUnstartedServer(nil)
	ts.StartTLS()
	defer ts.Close()
	pair := ts.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(ts.Certificate())
	return trusted
}

// upload posts an entry with a file.
func (v *visitor) upload(content string) {
	v.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("text", "with a file"); err != nil {
		v.t.Fatal(err)
	}
	part, err := form.CreateFormFile("file", "large.txt")
	if err != nil {
		v.t.Fatal(err)
	}
	if _, err := io.WriteString(part, content); err != nil {
		v.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		v.t.Fatal(err)
	}
	status, page := v.ask("POST", "/entries", form.FormDataContentType(), body.String())
	if status != 200 || !strings.Contains(page, "large.txt") {
		v.t.Fatal(status, page)
	}
}

// TestUnit asks systemd what it thinks of the unit.
func TestUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("skipped: there is no systemd-analyze")
	}
	unit := once(t, readFile(t, "deploy/board.service"), "/usr/local/bin/board", "/bin/true")
	file := t.TempDir() + "/board.service"
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", file).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// once replaces what must be there once.
func once(t *testing.T, text, old, new string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q is not there once in %s", old, text)
	}
	return strings.Replace(text, old, new, 1)
}

func replaced(list []string, old, new string) []string {
	list = append([]string(nil), list...)
	for i := range list {
		if list[i] == old {
			list[i] = new
		}
	}
	return list
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
