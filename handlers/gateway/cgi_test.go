//go:build unix

package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

// cgiDir is a directory of programs for sh.
func cgiDir(t testing.TB, programs map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// serveCGI starts a server with programs for sh at /app.
func serveCGI(t testing.TB, c CGIConfig, programs map[string]string) *site {
	t.Helper()
	if c.Dir == "" {
		c.Dir = cgiDir(t, programs)
	}
	if c.Programs == nil {
		c.Programs = map[string]string{".sh": "/bin/sh", "": ""}
	}
	s := &site{log: new(lines)}
	srv := &lwan.Server{Log: s.log.logger(), Loops: 1}
	srv.Limits.Body = 4 << 20
	srv.Mount("/app", CGI.With(c))
	s.start(t, srv)
	return s
}

const plainCGI = "printf 'Content-Type: text/plain\\r\\n\\r\\n'\n"

// TestCGIEnvironment: it has exactly what it is to have.
func TestCGIEnvironment(t *testing.T) {
	t.Setenv("GOLWAN_SECRET", "secret")
	t.Setenv("GOLWAN_TOLD", "told")
	s := serveCGI(t, CGIConfig{Env: map[string]string{"OWN": "a b", "QUERY_STRING": "not this"},
		Inherit: []string{"PATH", "GOLWAN_TOLD", "GOLWAN_ABSENT"}}, map[string]string{
		"env.sh": plainCGI + "exec env",
	})
	r, err := http.NewRequestWithContext(t.Context(), "POST",
		s.URL+"/app/env.sh/in%20fo/x?a=b+c&-d", strings.NewReader("12345"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Proxy": {"evil"}, "X_Real": {"evil"}, "X-Some": {"a", "b"},
		"Content-Type": {"text/x"}, "Cookie": {"a=1; b=2"}, "Authorization": {"Basic eHg6eXk="},
		"Proxy-Authorization": {"Basic eHg6eXk="}, "User-Agent": {"() { :;}; echo"}}
	resp, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(readAll(resp.Body)), "\n")
	resp.Body.Close()
	host, port, _ := strings.Cut(r.Host, ":")
	var remote string
	got = slices.DeleteFunc(got, func(v string) bool {
		name, value, _ := strings.Cut(v, "=")
		if name == "REMOTE_PORT" {
			remote = value
		}
		return slices.Contains([]string{"REMOTE_PORT", "PWD", "SHLVL", "_", "OLDPWD",
			"SCRIPT_FILENAME"}, name) // of the shell's, and below
	})
	if n, err := strconv.Atoi(remote); err != nil || n == 0 {
		t.Errorf("REMOTE_PORT is %q", remote)
	}
	want := []string{
		"PATH=" + os.Getenv("PATH"), "GOLWAN_TOLD=told", "OWN=a b",
		"GATEWAY_INTERFACE=CGI/1.1", "SERVER_SOFTWARE=golwan", "SERVER_PROTOCOL=HTTP/1.1",
		"REQUEST_METHOD=POST", "REQUEST_URI=/app/env.sh/in%20fo/x?a=b+c&-d",
		"DOCUMENT_URI=/app/env.sh/in fo/x", "QUERY_STRING=a=b+c&-d", "SCRIPT_NAME=/app/env.sh",
		"PATH_INFO=/in fo/x", "REQUEST_SCHEME=http", "SERVER_NAME=" + host, "SERVER_PORT=" + port,
		"REMOTE_ADDR=127.0.0.1", "CONTENT_LENGTH=5", "CONTENT_TYPE=text/x", "HTTP_HOST=" + r.Host,
		"HTTP_X_SOME=a, b", "HTTP_COOKIE=a=1; b=2", "HTTP_USER_AGENT=() { :;}; echo",
		"HTTP_ACCEPT_ENCODING=gzip",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestCGIContent: what the client sends is the program's standard input, however it comes.
func TestCGIContent(t *testing.T) {
	s := serveCGI(t, CGIConfig{}, map[string]string{
		"cat.sh":  plainCGI + `printf '%s ' "$CONTENT_LENGTH"; exec cat`,
		"deaf.sh": "exec 0<&-\n" + plainCGI + `printf deaf`,
	})
	for _, n := range []int{0, 1, 100, 64<<10 + 1, 3 << 20} {
		for _, chunked := range []bool{false, true} {
			text := strings.Repeat("0123456789", n/10+1)[:n]
			body := io.Reader(strings.NewReader(text))
			if chunked {
				body = struct{ io.Reader }{body}
			}
			resp, err := s.Client.Post(s.URL+"/app/cat.sh", "text/plain", body)
			if err != nil {
				t.Fatal(err)
			}
			got := readAll(resp.Body)
			resp.Body.Close()
			if want := fmt.Sprint(n, " ", text); got != want {
				t.Errorf("%d bytes, chunked %v: %d came back, %.40q", n, chunked, len(got), got)
			}
		}
	}
	resp, err := s.Client.Post(s.URL+"/app/deaf.sh", "a/b", strings.NewReader(
		strings.Repeat("x", 3<<20)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := readAll(resp.Body); got != "deaf" {
		t.Errorf("who does not read: %q", got)
	}
}

// TestCGIAnswers: heads that programs write, and what is no program.
func TestCGIAnswers(t *testing.T) {
	dir := cgiDir(t, map[string]string{
		"status.sh": `printf 'Status: 418 Teapot\nContent-Type: a/b\nX-A: b\n\nshort and stout'`,
		"to.sh":     `printf 'Location: http://example.org/x\n\n'`,
		"bare.sh":   `printf 'no head'`,
		"silent.sh": `exit 3`,
		"cut.sh":    `printf 'Content-Length: 10\nContent-Type: a/b\n\nhalf'`,
		".hidden":   plainCGI, ".sh": plainCGI, "no": plainCGI,
		"say.sh": plainCGI + "echo 'what I say' >&2",
	})
	if err := os.Symlink("/bin/sh", filepath.Join(dir, "link.sh")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub.sh"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := serveCGI(t, CGIConfig{Dir: dir}, nil)
	for path, want := range map[string]int{
		"/status.sh": 418, "/bare.sh": 502, "/silent.sh": 502, "/none.sh": 404, "/": 404,
		"/.hidden": 404, "/.sh": 404, "/link.sh": 404, "/sub.sh": 404, "/sub.sh/": 404,
		"/say.sh": 200, "/status.sh%2f..": 404, "/..%2fx": 404,
	} {
		status, body, _ := s.get(t, "/app"+path)
		if status != want {
			t.Errorf("%s: %d %q, want %d", path, status, body, want)
		}
	}
	teapot, err := s.Client.Get(s.URL + "/app/status.sh")
	if err != nil {
		t.Fatal(err)
	}
	body, h := readAll(teapot.Body), teapot.Header
	teapot.Body.Close()
	if body != "short and stout" || h.Get("Content-Type") != "a/b" || h.Get("X-A") != "b" ||
		h.Get("Status") != "" {
		t.Errorf("%q %v", body, h)
	}
	c := *s.Client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Get(s.URL + "/app/to.sh")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 302 || resp.Header.Get("Location") != "http://example.org/x" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if resp, err := s.Client.Get(s.URL + "/app/cut.sh"); err != nil {
		t.Error(err)
	} else if b, err := io.ReadAll(resp.Body); err == nil || string(b) != "half" {
		t.Errorf("a body that is cut: %q, %v", b, err)
	}
	var log []string
	said := func(text string) bool {
		log = append(log, s.log.take()...)
		return slices.ContainsFunc(log, func(l string) bool { return strings.Contains(l, text) })
	}
	until(t, "standard error is logged", func() bool {
		return said(`backend=say.sh text="what I say"`)
	})
	if status, _, _ := s.get(t, "/app/no"); status != 500 { // it is not executable
		t.Errorf("what cannot be started: %d", status)
	}
	until(t, "it is logged why", func() bool {
		return said("permission denied") && said("no: fork/exec")
	})
}

// TestCGIExecutable: a program of its own is run as it is, in its directory, without an argument.
func TestCGIExecutable(t *testing.T) {
	dir := t.TempDir()
	const text = "#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n%s %s %s' \"$0\" \"$#\" \"$(pwd -P)\"\n"
	// Another process writes it: one that is started from here meanwhile would hold it open.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "cat > run; chmod 700 run")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(text)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	s := serveCGI(t, CGIConfig{Dir: dir}, nil)
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%s 0 %s", filepath.Join(dir, "run"), real)
	if status, body, _ := s.get(t, "/app/run?-s"); status != 200 || body != want {
		t.Errorf("%d %q, want %q", status, body, want)
	}
}

// lifeline is a FIFO that the programs of a test hold open: what they write there comes out, and
// when all of them are gone, its end.
func lifeline(t testing.TB, dir string) *os.File {
	t.Helper()
	path := filepath.Join(dir, "life")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return f
}

// holdLife opens it as descriptor 9, starts another process that has it, too, and says so.
const holdLife = "exec 9>life; sleep 600 >/dev/null </dev/null 2>&1 & echo up >&9\n"

// begins waits until a program has said something.
func begins(t testing.TB, life *os.File) {
	t.Helper()
	until(t, "the program runs", func() bool {
		var b [3]byte
		n, err := life.Read(b[:]) // the end, as long as nobody has opened it
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		return string(b[:n]) == "up\n"
	})
}

// ends waits until nobody has it any more.
func ends(t testing.TB, life *os.File) {
	t.Helper()
	if b, err := io.ReadAll(life); err != nil || len(b) > 0 {
		t.Errorf("the programs have not ended: %q, %v", b, err)
	}
}

// TestCGIKilled: what a client has left is ended, with what it has started, whatever it does about
// it; and so is what goes on behind its answer.
func TestCGIKilled(t *testing.T) {
	for name, text := range map[string]string{
		"waiting":   holdLife + "wait",
		"stubborn":  "trap '' TERM\n" + holdLife + "wait; wait",
		"streaming": plainCGI + holdLife + "while printf x; do :; done",
		"behind":    plainCGI + "printf x\n" + holdLife + "exec >/dev/null </dev/null; wait",
	} {
		t.Run(name, func(t *testing.T) {
			dir := cgiDir(t, map[string]string{"run.sh": text})
			life := lifeline(t, dir)
			s := serveCGI(t, CGIConfig{Dir: dir, Kill: 50 * time.Millisecond, Stream: true}, nil)
			c := s.dial(t)
			send(c, "GET /app/run.sh HTTP/1.1\r\nHost: x\r\n\r\n")
			begins(t, life)
			if name == "behind" {
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatal(err)
				}
				if got := readAll(resp.Body); got != "x" {
					t.Errorf("%q", got)
				}
				resp.Body.Close()
			} else {
				c.Close()
			}
			ends(t, life)
			c.Close()
		})
	}
}

// TestCGISpool: a long content is in a file that nobody else sees, and that goes with the request.
func TestCGISpool(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	s := serveCGI(t, CGIConfig{}, map[string]string{
		"sum.sh": plainCGI + `printf '%s ' "$CONTENT_LENGTH"; wc -c`,
	})
	files := func() []os.DirEntry {
		all, err := os.ReadDir(tmp)
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(all, func(e os.DirEntry) bool { return e.IsDir() })
	}
	r, w := io.Pipe()
	answer := make(chan string, 1)
	go func() {
		resp, err := s.Client.Post(s.URL+"/app/sum.sh", "text/plain", r)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		answer <- strings.Join(strings.Fields(readAll(resp.Body)), " ")
	}()
	const piece, n = 100_000, 20
	for range n {
		if _, err := w.Write(make([]byte, piece)); err != nil {
			t.Fatal(err)
		}
		if all := files(); len(all) > 0 && !strings.HasPrefix(all[0].Name(), "golwan-spool-") {
			t.Errorf("files while the content comes: %v", all)
		}
	}
	w.Close()
	if got := <-answer; got != "2000000 2000000" {
		t.Errorf("%q", got)
	}
	if all := files(); len(all) > 0 {
		t.Errorf("files that are left: %v", all)
	}
	if status, _, _ := s.do(t, "POST", "/app/sum.sh", struct{ io.Reader }{
		strings.NewReader(strings.Repeat("x", 4<<20+1))}); status != 413 {
		t.Errorf("more than Limits.Body: %d", status)
	}
}

// TestCGIAtOnce: no more run than may, whoever else asks waits, and one place is one program.
func TestCGIAtOnce(t *testing.T) {
	s := serveCGI(t, CGIConfig{MaxAtOnce: 1}, map[string]string{
		"run.sh": plainCGI + "mkdir lock && printf alone; rmdir lock",
	})
	answers := make(chan string)
	const n = 8
	for range n {
		go func() {
			resp, err := s.Client.Get(s.URL + "/app/run.sh")
			if err != nil {
				answers <- err.Error()
				return
			}
			defer resp.Body.Close()
			answers <- readAll(resp.Body)
		}()
	}
	for range n {
		if got := <-answers; got != "alone" {
			t.Errorf("%q", got)
		}
	}
}

// TestCGIFull: beyond the queue it is 503.
func TestCGIFull(t *testing.T) {
	dir := cgiDir(t, map[string]string{"run.sh": holdLife + "wait"})
	life := lifeline(t, dir)
	s := serveCGI(t, CGIConfig{Dir: dir, MaxAtOnce: 1, Queue: Queue{Max: -1}}, nil)
	c := s.dial(t)
	send(c, "GET /app/run.sh HTTP/1.1\r\nHost: x\r\n\r\n")
	begins(t, life)
	if status, _, _ := s.get(t, "/app/run.sh"); status != 503 {
		t.Errorf("%d", status)
	}
	c.Close()
	ends(t, life)
}

// TestCGIChecked: what makes no sense is refused at the start.
func TestCGIChecked(t *testing.T) {
	dir := t.TempDir()
	for want, c := range map[string]CGIConfig{
		"To is set":            {Dir: dir, Common: Common{To: &Group{}}},
		"Dir is empty":         {},
		"no such file":         {Dir: filepath.Join(dir, "none")},
		"names no program":     {Dir: dir, Programs: map[string]string{".sh": ""}},
		"cannot be a variable": {Dir: dir, Env: map[string]string{"a=b": ""}},
	} {
		srv := &lwan.Server{Addr: "127.0.0.1:0"}
		srv.Mount("/app", CGI.With(c))
		if err := srv.ListenAndServe(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}

// TestCGIDescriptors: a program has its three, and nothing of the server's.
func TestCGIDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc that tells")
	}
	s := serveCGI(t, CGIConfig{}, map[string]string{
		"fds.sh": plainCGI + "exec ls /proc/self/fd",
	})
	// What the tests have from elsewhere is there before a server is.
	want, err := exec.CommandContext(t.Context(), "sh", "-c", "exec ls /proc/self/fd").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", strings.Repeat("x", 100_000)} {
		_, got, _ := s.do(t, "POST", "/app/fds.sh", strings.NewReader(content))
		if got != string(want) {
			t.Errorf("%d bytes: %q, want %q", len(content), got, want)
		}
	}
}
